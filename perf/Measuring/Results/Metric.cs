namespace Jitvmm.Perf.Measuring.Results;

/// <summary>Names of what is measured in a result file.</summary>
public static class Metric
{
    /// <summary>Milliseconds of one round of a kernel, once it has run for a while, by the guest's clock.</summary>
    public const string Warm = "warm";

    /// <summary>Milliseconds of a program from its start to its end.</summary>
    public const string Wall = "wall";

    /// <summary>Nanoseconds of a part, once.</summary>
    public const string Part = "part, ns";

    /// <summary>Bytes of managed memory that a part allocates.</summary>
    public const string Allocated = "allocated, bytes";

    /// <summary>Milliseconds of all its threads.</summary>
    public const string Cpu = "cpu";

    /// <summary>Largest resident size, in MB.</summary>
    public const string Peak = "peak";

    /// <summary>Microseconds of CPU time spent compiling.</summary>
    public const string Compile = "compile time, us";

    /// <summary>Of that, in the translator's own passes.</summary>
    public const string Passes = "of that in passes, us";

    /// <summary>Of that, writing IL.</summary>
    public const string Emission = "in emission, us";

    /// <summary>Of that, in RyuJIT.</summary>
    public const string Jit = "in ryujit, us";

    /// <summary>Guest instructions compiled.</summary>
    public const string Compiled = "instructions compiled";

    /// <summary>Compilations.</summary>
    public const string Regions = "regions compiled";

    /// <summary>Bytes of host code of the regions whose code was measured.</summary>
    public const string HostBytes = "host bytes measured";

    /// <summary>Bytes of guest code that these were compiled from.</summary>
    public const string GuestBytes = "of guest bytes";

    /// <summary>Most blocks that waited to be compiled at once.</summary>
    public const string Queue = "longest compile queue";

    /// <summary>Blocks that run in tier 0 again after compiled code for them was there.</summary>
    public const string Deoptimisations = "deoptimisations";

    /// <summary>Times that a block had to run more often before it was compiled.</summary>
    public const string PutOff = "compiles put off";

    /// <summary>Bytes of tier 0's records, at the end.</summary>
    public const string Records = "records, bytes";

    /// <summary>Bytes of tier 1's regions, as the code cache counts them.</summary>
    public const string Code = "compiled code, bytes";
}
