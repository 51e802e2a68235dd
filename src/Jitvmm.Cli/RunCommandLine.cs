using System.Text;

namespace Jitvmm.Cli;

/// <summary>
/// The words after <c>jitvmm run</c>. Parsed by hand: the whole start of a run has 40 ms, of which a command line
/// library takes a good part (decision 0101).
/// </summary>
internal sealed class RunCommandLine
{
    private readonly string[] _words;
    private readonly OptionWords _options;
    private readonly List<string> _writable = [];
    private readonly List<BindMount> _binds = [];
    private readonly List<byte[]> _environmentChanges = [];
    private string? _root;
    private bool _hostNetwork;
    private bool _shareAll;
    private ulong _memoryLimit;
    private int _taskLimit = ProcessGuestOptions.DefaultTaskLimit;
    private ExecutionTier _tier;
    private MemoryChecks _checks;
    private long _codeCacheSize = ProcessGuestOptions.DefaultCodeCacheSize;
    private TraceKinds _trace;
    private bool _statistics;
    private bool _quiet;
    private string? _saveCache;
    private bool _perfMap;
    private string? _jitDump;
    private List<CodeDumpRequest>? _dumps;
    private string? _tierSamples;
    private bool _inspect;

    private RunCommandLine(string[] words)
    {
        _words = words;
        _options = new OptionWords(words);
    }

    /// <summary>--help was asked for.</summary>
    public bool Help { get; private set; }

    /// <summary>Index of PROG; what follows is the guest's.</summary>
    public int ProgramIndex => _options.Next;

    /// <summary>Reads options up to PROG.</summary>
    /// <exception cref="UsageException">An option is unknown or its value makes no sense, or there is no PROG.</exception>
    public static RunCommandLine Parse(string[] words)
    {
        var line = new RunCommandLine(words);
        line.ReadOptions();
        return line;
    }

    /// <summary>The options with the guest's argv and the environment the guest starts from, both as raw bytes.</summary>
    public ProcessGuestOptions ToOptions(byte[][] arguments, List<byte[]> environment) => new()
    {
        Program = _words[ProgramIndex],
        Arguments = arguments,
        Environment = Changed(environment),
        Tier = _tier,
        MemoryChecks = _checks,
        Writable = _writable,
        Binds = _binds,
        Root = _root,
        HostNetwork = _hostNetwork,
        ShareAll = _shareAll,
        MemoryLimit = _memoryLimit,
        TaskLimit = _taskLimit,
        CodeCacheSize = _codeCacheSize,
        Trace = _trace,
        Statistics = _statistics,
        Quiet = _quiet,
        SaveCache = _saveCache,
        PerfMap = _perfMap,
        JitDump = _jitDump,
        Dumps = _dumps,
        TierSamples = _tierSamples,
        Inspect = _inspect,
    };

    private void ReadOptions()
    {
        while (_options.TryTakeName(out string name))
        {
            if (!ReadSwitch(name) && !ReadSetting(name))
            {
                throw new UsageException($"unknown option {name}");
            }

            if (Help)
            {
                return;
            }
        }

        if (ProgramIndex >= _words.Length)
        {
            throw new UsageException("no program given");
        }
    }

    /// <summary>Options without a value.</summary>
    private bool ReadSwitch(string name)
    {
        switch (name)
        {
            case "--help" or "-h":
                Help = true;
                break;
            case "--share-all":
                _shareAll = true;
                break;
            case "--checked":
                _checks = MemoryChecks.Checked;
                break;
            case "--direct":
                _checks = MemoryChecks.Direct;
                break;
            case "--strace":
                _trace |= TraceKinds.SystemCalls;
                break;
            case "--stats":
                _statistics = true;
                break;
            case "--perf-map":
                _perfMap = true;
                break;
            case "--inspect":
                _inspect = true;
                break;
            case "--quiet":
                _quiet = true;
                break;
            default:
                return false;
        }

        return _options.NoValue(name);
    }

    /// <summary>Options with a value.</summary>
    private bool ReadSetting(string name)
    {
        switch (name)
        {
            case "--writable":
                _writable.Add(_options.Value(name));
                break;
            case "--bind":
                _binds.Add(ParseBind(_options.Value(name)));
                break;
            case "--root":
                _root = _options.Value(name);
                break;
            case "--network":
                _hostNetwork = _options.Value(name) switch
                {
                    "host" => true,
                    "none" => false,
                    var other => throw new UsageException($"--network is host or none, not {other}"),
                };
                break;
            case "--env":
                _environmentChanges.Add(Encoding.UTF8.GetBytes(_options.Value(name)));
                break;
            case "--memory":
                _memoryLimit = _options.Size(name);
                break;
            case "--tasks":
                _taskLimit = _options.Count(name);
                break;
            case "--save-cache":
                _saveCache = _options.Value(name);
                break;
            case "--jitdump":
                _jitDump = _options.Value(name);
                break;
            case "--sample-tiers":
                _tierSamples = _options.Value(name);
                break;
            case "--dump-ir" or "--dump-il" or "--dump-host":
                (_dumps ??= []).Add(OptionWords.DumpOf(name, _options.Value(name)));
                break;
            case "--code-cache":
                _codeCacheSize = (long)Math.Min(_options.Size(name), long.MaxValue);
                break;
            case "--tier":
                _tier = _options.Value(name) switch
                {
                    "0" => ExecutionTier.Interpret,
                    "1" => ExecutionTier.Compile,
                    "auto" => ExecutionTier.Auto,
                    var other => throw new UsageException($"--tier is 0, 1 or auto, not {other}"),
                };
                break;
            case "--trace":
                _trace |= _options.Value(name) switch
                {
                    "blocks" => TraceKinds.Blocks,
                    "exits" => TraceKinds.Exits,
                    var other => throw new UsageException($"--trace is blocks or exits, not {other}"),
                };
                break;
            default:
                return false;
        }

        return true;
    }

    private static BindMount ParseBind(string value)
    {
        bool readOnly = value.EndsWith(":ro", StringComparison.Ordinal);
        string pair = readOnly ? value[..^3] : value;
        int colon = pair.IndexOf(':');
        if (colon <= 0 || colon + 1 >= pair.Length || pair[colon + 1] != '/')
        {
            throw new UsageException($"--bind is SRC:DST or SRC:DST:ro with an absolute DST, not {value}");
        }

        return new BindMount(pair[..colon], pair[(colon + 1)..], readOnly);
    }

    private List<byte[]> Changed(List<byte[]> environment)
    {
        foreach (byte[] change in _environmentChanges)
        {
            int equals = change.AsSpan().IndexOf((byte)'=');
            ReadOnlySpan<byte> name = equals < 0 ? change : change.AsSpan(0, equals);
            for (int i = environment.Count - 1; i >= 0; i--)
            {
                if (IsNamed(environment[i], name))
                {
                    environment.RemoveAt(i);
                }
            }

            if (equals > 0)
            {
                environment.Add(change);
            }
        }

        return environment;
    }

    private static bool IsNamed(ReadOnlySpan<byte> variable, ReadOnlySpan<byte> name) =>
        variable.Length > name.Length && variable[name.Length] == '=' && variable.StartsWith(name);
}
