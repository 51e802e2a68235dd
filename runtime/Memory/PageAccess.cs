namespace Jitvmm.Runtime.Memory;

/// <summary>What a guest may do with one page of a process guest, and what the engine knows of it.</summary>
[Flags]
public enum PageAccess : byte
{
    None = 0,
    Read = 1,
    Write = 2,
    Execute = 4,

    /// <summary>Translations were made from this page: a write must invalidate them.</summary>
    Code = 8,

    /// <summary>Writable and not <see cref="Code"/>, in one bit, so that a store of compiled code has one bit to test.</summary>
    PlainWrite = 16,
}
