namespace Jitvmm.Linux.Loading;

/// <summary>What a process was started with, for /proc and reports.</summary>
public sealed class ProgramImage
{
    /// <summary>Guest path of the program; the interpreter's for a script.</summary>
    public required byte[] Path { get; init; }

    public required IReadOnlyList<byte[]> Arguments { get; init; }

    public required IReadOnlyList<byte[]> Environment { get; init; }

    /// <summary>The auxiliary vector as the program got it.</summary>
    public required byte[] AuxiliaryVector { get; init; }

    /// <summary>First stack pointer.</summary>
    public required ulong StackPointer { get; init; }
}
