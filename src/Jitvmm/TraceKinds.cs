namespace Jitvmm;

/// <summary>What is printed to standard error while a guest runs.</summary>
[Flags]
public enum TraceKinds
{
    None = 0,

    /// <summary>Each system call with its arguments and result.</summary>
    SystemCalls = 1,

    /// <summary>Each block of guest code when it is translated.</summary>
    Blocks = 2,

    /// <summary>Each return from guest code to the VMM and its reason.</summary>
    Exits = 4,
}
