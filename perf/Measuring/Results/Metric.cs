namespace Jitvmm.Perf.Measuring.Results;

/// <summary>Names of what is measured in a result file.</summary>
public static class Metric
{
    /// <summary>Milliseconds of one round of a kernel, once it has run for a while, by the guest's clock.</summary>
    public const string Warm = "warm";

    /// <summary>Milliseconds of a program from its start to its end.</summary>
    public const string Wall = "wall";

    /// <summary>Milliseconds of all its threads.</summary>
    public const string Cpu = "cpu";

    /// <summary>Largest resident size, in MB.</summary>
    public const string Peak = "peak";

    /// <summary>Milliseconds spent compiling.</summary>
    public const string Compile = "compile time, ms";

    /// <summary>Instructions compiled.</summary>
    public const string Compiled = "instructions compiled";

    /// <summary>Bytes of tier 0's records, at the end.</summary>
    public const string Records = "records, bytes";

    /// <summary>Bytes of tier 1's regions, as the code cache counts them.</summary>
    public const string Code = "compiled code, bytes";
}
