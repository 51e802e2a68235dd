namespace Jitvmm.Linux.SystemV;

/// <summary>The kinds of System V objects; each has keys and identifiers of its own.</summary>
internal enum ObjectKind
{
    None,
    SharedMemory,
    Semaphores,
    Queue,
}
