namespace Jitvmm.Translator.Regions;

/// <summary>Counts of tier 1 since the engine was made; written by the compiling thread.</summary>
public sealed class RegionStatistics
{
    public long RegionsCompiled { get; internal set; }

    public long RegionsInvalidated { get; internal set; }

    public long InstructionsCompiled { get; internal set; }

    /// <summary>Time spent lifting, emitting and in RyuJIT.</summary>
    public TimeSpan CompileTime { get; internal set; }
}
