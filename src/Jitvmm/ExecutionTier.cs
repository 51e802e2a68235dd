namespace Jitvmm;

/// <summary>How guest code is executed.</summary>
public enum ExecutionTier
{
    /// <summary>Interpret first and compile what runs often: the default.</summary>
    Auto,

    /// <summary>Tier 0 only: the threaded interpreter. Starts at once.</summary>
    Interpret,

    /// <summary>Tier 1 as soon as possible: compile each region on its first use, and wait for it.</summary>
    Compile,
}
