namespace Jitvmm;

/// <summary>What a guest's options ask to be recorded of its translations.</summary>
/// <param name="CacheFile">The file that gets all of it; null for none.</param>
/// <param name="PerfMap">Whether perf's list of generated code is written.</param>
/// <param name="JitDump">The folder that gets perf's file of generated code; null for none.</param>
/// <param name="IsInspected">Whether others may look at it meanwhile.</param>
/// <param name="IsDumped">Whether compiled code is shown at the end.</param>
internal sealed record RecordingRequest(string? CacheFile, bool PerfMap, string? JitDump, bool IsInspected, bool IsDumped)
{
    /// <summary>Whether anything is recorded.</summary>
    public bool IsAny => CacheFile != null || PerfMap || JitDump != null || IsInspected || IsDumped;

    /// <summary>Whether compiled code counts what it runs.</summary>
    public bool Counts => CacheFile != null || IsInspected;

    /// <summary>Whether something is written when the guest ends.</summary>
    public bool HasFiles => CacheFile != null || PerfMap || JitDump != null;

    public static RecordingRequest Of(ProcessGuestOptions options) => new(options.SaveCache, options.PerfMap, options.JitDump, options.Inspect, options.Dumps != null);

    public static RecordingRequest Of(MachineGuestOptions options) => new(options.SaveCache, options.PerfMap, options.JitDump, options.Inspect, options.Dumps != null);

    /// <summary>Whether files can be made where they are asked for, as far as that can be told before.</summary>
    /// <returns>What is wrong; null when nothing is.</returns>
    public string? Check() =>
        CacheFile != null && CacheSaving.Check(CacheFile) is { } reason ? $"cache file {CacheFile}: {reason}" :
        JitDump != null && !Directory.Exists(JitDump) ? $"jitdump folder {JitDump}: does not exist" : null;
}
