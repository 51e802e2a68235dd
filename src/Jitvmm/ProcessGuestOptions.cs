namespace Jitvmm;

/// <summary>What to run and what of the host the guest may see. The defaults isolate: see each property.</summary>
public sealed class ProcessGuestOptions
{
    /// <summary>Bytes of translations kept at most, unless <see cref="CodeCacheSize"/> says otherwise.</summary>
    public const long DefaultCodeCacheSize = 256L << 20;

    /// <summary>Processes and threads at once, unless <see cref="TaskLimit"/> says otherwise.</summary>
    public const int DefaultTaskLimit = 1024;

    /// <summary>The program: a path, or a name to look up in the guest's <c>PATH</c>.</summary>
    public required string Program { get; init; }

    /// <summary>
    /// The guest's argv, argv[0] first, each as the bytes the guest sees without the closing 0.
    /// Null: <see cref="Program"/> alone.
    /// </summary>
    public IReadOnlyList<byte[]>? Arguments { get; init; }

    /// <summary>The guest's environment as <c>NAME=VALUE</c> bytes. Null: this process's own.</summary>
    public IReadOnlyList<byte[]>? Environment { get; init; }

    public ExecutionTier Tier { get; init; }

    public MemoryChecks MemoryChecks { get; init; }

    /// <summary>Host paths the guest may change, beside the current folder.</summary>
    public IReadOnlyList<string> Writable { get; init; } = [];

    public IReadOnlyList<BindMount> Binds { get; init; } = [];

    /// <summary>A host folder that is the guest's whole file system, read-write. Null: the host's files, read-only.</summary>
    public string? Root { get; init; }

    /// <summary>Whether the guest may use the host's network. Otherwise it has none.</summary>
    public bool HostNetwork { get; init; }

    /// <summary>Whether the guest sees all of the host read-write, <c>/tmp</c> and network included.</summary>
    public bool ShareAll { get; init; }

    /// <summary>Bytes of memory the guest may map; 0 = as much as the host gives.</summary>
    public ulong MemoryLimit { get; init; }

    /// <summary>Processes and threads the guest may have at once: what stops a fork bomb.</summary>
    public int TaskLimit { get; init; } = DefaultTaskLimit;

    /// <summary>Bytes of translations kept at most; what was translated longest ago is given up first.</summary>
    public long CodeCacheSize { get; init; } = DefaultCodeCacheSize;

    public TraceKinds Trace { get; init; }

    /// <summary>Print counters to standard error when the guest ends.</summary>
    public bool Statistics { get; init; }

    /// <summary>
    /// A host file that receives what became of the guest's translations, when it ends (decision 0500). With <c>%p</c> in its name, each process writes one, under its number;
    /// without, only the one that was started does. Null: nothing is recorded.
    /// </summary>
    public string? SaveCache { get; init; }

    /// <summary>Each process of the guest lists its compiled code in <c>/tmp/perf-PID.map</c> when it ends, where Linux' perf looks for it.</summary>
    public bool PerfMap { get; init; }

    /// <summary>
    /// A host folder that gets <c>jit-PID.dump</c>, in which Linux' <c>perf inject --jit</c> finds compiled code of a run that <c>perf record -k mono</c> watched, of each process of the guest. Null: none.
    /// </summary>
    public string? JitDump { get; init; }

    /// <summary>The process that was started prints these to standard error when it ends: compiled code in its different forms. Null: none.</summary>
    public IReadOnlyList<CodeDumpRequest>? Dumps { get; init; }

    /// <summary>
    /// A host file that receives how the instructions of the process that was started were shared between the tiers over time, when the run ends: a line for each sample, with milliseconds
    /// and the instructions executed in tier 0 and in tier 1 by then. Null: nothing is sampled. Not of a run that is recorded.
    /// </summary>
    public string? TierSamples { get; init; }

    /// <summary>Each process of the guest can be attached to while it runs, by the user it runs as (decision 0502): what <see cref="SaveCache"/> would save is recorded.</summary>
    public bool Inspect { get; init; }

    /// <summary>Print nothing of the VMM's own, not even a report when the guest dies of a fault.</summary>
    public bool Quiet { get; init; }
}
