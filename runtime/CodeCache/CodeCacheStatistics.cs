namespace Jitvmm.Runtime.CodeCache;

/// <summary>Counts since the cache was made; written under its gate.</summary>
public sealed class CodeCacheStatistics
{
    public long BlocksTranslated { get; internal set; }

    public long InstructionsTranslated { get; internal set; }

    /// <summary>Of guest code.</summary>
    public long BytesTranslated { get; internal set; }

    public long BlocksInvalidated { get; internal set; }

    public long Flushes { get; internal set; }
}
