namespace Jitvmm.Translator.Regions;

/// <summary>Counts of tier 1 since the engine was made; written by the compiling thread, and with the code cache's gate held.</summary>
public sealed class RegionStatistics
{
    public long RegionsCompiled { get; internal set; }

    public long RegionsInvalidated { get; internal set; }

    /// <summary>Of these, the ones that met NaNs and are to keep their order.</summary>
    public long RegionsOfNans { get; internal set; }

    public long InstructionsCompiled { get; internal set; }

    /// <summary>The compiling thread's CPU time for lifting, emitting and RyuJIT.</summary>
    public TimeSpan CompileTime { get; internal set; }

    /// <summary>Of that, choosing blocks, lifting them and running the passes.</summary>
    public TimeSpan PassTime { get; internal set; }

    /// <summary>Of that, writing IL.</summary>
    public TimeSpan EmitTime { get; internal set; }

    /// <summary>Of that, in RyuJIT.</summary>
    public TimeSpan JitTime { get; internal set; }

    /// <summary>Times that a block had run often enough to be compiled.</summary>
    public long BlocksOffered { get; internal set; }

    /// <summary>Most blocks that waited for the compiling thread at once.</summary>
    public long LongestQueue { get; internal set; }

    /// <summary>Blocks that run in tier 0 again after compiled code for them was there: their bytes changed, or memory is to be checked from now on.</summary>
    public long Deoptimisations { get; internal set; }

    /// <summary>Times that a block was told to run more often before it is compiled, again or at all: what bounds compiling.</summary>
    public long CompilesPutOff { get; internal set; }

    /// <summary>Bytes of host code of the regions whose host code was measured.</summary>
    public long HostBytesMeasured { get; internal set; }

    /// <summary>Bytes of guest code that these were compiled from.</summary>
    public long GuestBytesMeasured { get; internal set; }
}
