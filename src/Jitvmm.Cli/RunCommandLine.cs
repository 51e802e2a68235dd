using System.Globalization;
using System.Text;

namespace Jitvmm.Cli;

/// <summary>
/// The words after <c>jitvmm run</c>. Parsed by hand: the whole start of a run has 40 ms, of which a command line
/// library takes a good part (decision 0101).
/// </summary>
internal sealed class RunCommandLine
{
    private readonly string[] _words;
    private readonly List<string> _writable = [];
    private readonly List<BindMount> _binds = [];
    private readonly List<byte[]> _environmentChanges = [];
    private int _next;
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

    private RunCommandLine(string[] words) => _words = words;

    /// <summary>--help was asked for.</summary>
    public bool Help { get; private set; }

    /// <summary>Index of PROG; what follows is the guest's.</summary>
    public int ProgramIndex => _next;

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
        Program = _words[_next],
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
    };

    private void ReadOptions()
    {
        while (_next < _words.Length)
        {
            string word = _words[_next];
            if (word.Length < 2 || word[0] != '-')
            {
                return;
            }

            _next++;
            if (word == "--")
            {
                break;
            }

            int equals = word.IndexOf('=');
            string name = equals < 0 ? word : word[..equals];
            string? value = equals < 0 ? null : word[(equals + 1)..];
            if (!ReadSwitch(name, value) && !ReadSetting(name, value))
            {
                throw new UsageException($"unknown option {name}");
            }

            if (Help)
            {
                return;
            }
        }

        if (_next >= _words.Length)
        {
            throw new UsageException("no program given");
        }
    }

    /// <summary>Options without a value.</summary>
    private bool ReadSwitch(string name, string? value)
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
            case "--quiet":
                _quiet = true;
                break;
            default:
                return false;
        }

        return value == null ? true : throw new UsageException($"{name} takes no value");
    }

    /// <summary>Options with a value, after <c>=</c> or as the next word.</summary>
    private bool ReadSetting(string name, string? value)
    {
        switch (name)
        {
            case "--writable":
                _writable.Add(Value(name, value));
                break;
            case "--bind":
                _binds.Add(ParseBind(Value(name, value)));
                break;
            case "--root":
                _root = Value(name, value);
                break;
            case "--network":
                _hostNetwork = Value(name, value) switch
                {
                    "host" => true,
                    "none" => false,
                    var other => throw new UsageException($"--network is host or none, not {other}"),
                };
                break;
            case "--env":
                _environmentChanges.Add(Encoding.UTF8.GetBytes(Value(name, value)));
                break;
            case "--memory":
                _memoryLimit = ParseSize(name, Value(name, value));
                break;
            case "--tasks":
                _taskLimit = ParseCount(name, Value(name, value));
                break;
            case "--code-cache":
                _codeCacheSize = (long)Math.Min(ParseSize(name, Value(name, value)), long.MaxValue);
                break;
            case "--tier":
                _tier = Value(name, value) switch
                {
                    "0" => ExecutionTier.Interpret,
                    "1" => ExecutionTier.Compile,
                    "auto" => ExecutionTier.Auto,
                    var other => throw new UsageException($"--tier is 0, 1 or auto, not {other}"),
                };
                break;
            case "--trace":
                _trace |= Value(name, value) switch
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

    private string Value(string name, string? attached)
    {
        string? value = attached ?? (_next < _words.Length ? _words[_next++] : null);
        return string.IsNullOrEmpty(value) ? throw new UsageException($"{name} needs a value") : value;
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

    private static int ParseCount(string name, string value) =>
        int.TryParse(value, NumberStyles.None, CultureInfo.InvariantCulture, out int number) && number > 0
            ? number
            : throw new UsageException($"{name} is a number of at least 1, not {value}");

    private static ulong ParseSize(string name, string value)
    {
        int shift = char.ToUpperInvariant(value[^1]) switch
        {
            'K' => 10,
            'M' => 20,
            'G' => 30,
            'T' => 40,
            _ => 0,
        };
        string digits = shift == 0 ? value : value[..^1];
        if (!ulong.TryParse(digits, NumberStyles.None, CultureInfo.InvariantCulture, out ulong number) || number == 0 || number > ulong.MaxValue >> shift)
        {
            throw new UsageException($"{name} is a size such as 65536, 512M or 2G, not {value}");
        }

        return number << shift;
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
