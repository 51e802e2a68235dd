namespace Jitvmm.Linux.Loading;

/// <summary>What a process was started with, for /proc and reports.</summary>
public sealed class ProgramImage
{
    /// <summary>Guest path of the program; the interpreter's for a script.</summary>
    public required byte[] Path { get; init; }

    /// <summary>Where the program has its argument strings, one after the other, each with its zero byte.</summary>
    public required GuestRange Arguments { get; init; }

    /// <summary>The environment's strings; they follow the arguments.</summary>
    public required GuestRange Environment { get; init; }

    /// <summary>The auxiliary vector as the program got it.</summary>
    public required byte[] AuxiliaryVector { get; init; }

    /// <summary>First stack pointer.</summary>
    public required ulong StackPointer { get; init; }
}
