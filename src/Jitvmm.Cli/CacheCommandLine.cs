using System.Globalization;
using Jitvmm.Inspector.Files;
using Jitvmm.Inspector.Reports;

namespace Jitvmm.Cli;

/// <summary>The words after <c>jitvmm cache</c>. Options may stand before and behind the others.</summary>
internal sealed class CacheCommandLine
{
    /// <summary>Each subcommand and the words it takes behind the cache that it is about.</summary>
    private static readonly (string Name, string[] Words)[] s_subcommands =
    [
        ("list", []),
        ("show", ["ADDRESS"]),
        ("exits", []),
        ("invalidations", []),
        ("sites", []),
        ("explain", ["ADDRESS"]),
        ("graph", ["ADDRESS"]),
        ("verify", []),
        ("diff", ["FILE"]),
        ("export", []),
        (Top, []),
    ];

    /// <summary>The subcommand that goes on.</summary>
    public const string Top = "top";

    private readonly OptionWords _options;
    private readonly List<string> _words = [];
    private int? _limit;

    private CacheCommandLine(string[] words) => _options = new OptionWords(words);

    public bool Help { get; private set; }

    /// <summary>The subcommand.</summary>
    public string Subcommand => _words[0];

    /// <summary>The file that the subcommand is about; null when it is about the guest of <see cref="Process"/>.</summary>
    public string? File => Process == null ? _words[1] : null;

    /// <summary>The process of a running guest; null for a file.</summary>
    public int? Process { get; private set; }

    /// <summary>What else the subcommand takes: an address, or another file.</summary>
    public IReadOnlyList<string> Words => _words[(Process == null ? 2 : 1)..];

    /// <summary>Time between two refreshes of <see cref="Top"/>.</summary>
    public TimeSpan Interval { get; private set; } = TimeSpan.FromSeconds(1);

    /// <summary>Refreshes of <see cref="Top"/>; 0 until the guest ends.</summary>
    public int Count { get; private set; }

    public bool Json { get; private set; }

    /// <summary>The file of symbols to use; null for those of the cache file.</summary>
    public string? SymbolFile { get; private set; }

    /// <summary>The .NET assembly that export writes.</summary>
    public string? AssemblyFile { get; private set; }

    /// <summary>Rows at most; 0 for all.</summary>
    public int Limit => _limit ?? Filter.Limit;

    public ListFilter Filter { get; private set; } = new();

    /// <summary>Only exits of this kind; null for all.</summary>
    public string? ExitKind { get; private set; }

    /// <summary>Print the graph in the language of Graphviz.</summary>
    public bool Dot { get; private set; }

    /// <exception cref="UsageException">Something is missing, unknown, or makes no sense.</exception>
    public static CacheCommandLine Parse(string[] words)
    {
        var line = new CacheCommandLine(words);
        while (true)
        {
            if (line._options.TryTakeName(out string name))
            {
                if (!line.ReadSwitch(name) && !line.ReadSetting(name))
                {
                    throw new UsageException($"unknown option {name}");
                }
            }
            else if (line._options.Next < words.Length)
            {
                line._words.Add(line._options.TakeWord());
            }
            else
            {
                break;
            }
        }

        if (!line.Help)
        {
            line.CheckWords();
        }

        return line;
    }

    private void CheckWords()
    {
        if (_words.Count == 0)
        {
            throw new UsageException("no subcommand given");
        }

        int index = Array.FindIndex(s_subcommands, subcommand => subcommand.Name == Subcommand);
        if (index < 0)
        {
            throw new UsageException($"unknown subcommand {Subcommand}");
        }

        if (Subcommand == "export" && AssemblyFile == null)
        {
            throw new UsageException("export needs --assembly FILE");
        }

        if (Subcommand == Top && Process == null)
        {
            throw new UsageException("top shows a running guest: --attach PID is missing");
        }

        string[] expected = Process == null ? ["FILE", .. s_subcommands[index].Words] : s_subcommands[index].Words;
        if (_words.Count - 1 != expected.Length)
        {
            throw new UsageException(expected.Length == 0 ? $"{Subcommand} takes nothing beside --attach PID" : $"{Subcommand} takes {string.Join(' ', expected)}{(Process == null ? "" : " and --attach PID")}");
        }
    }

    private bool ReadSwitch(string name)
    {
        switch (name)
        {
            case "--help" or "-h":
                Help = true;
                break;
            case "--json":
                Json = true;
                break;
            case "--dot":
                Dot = true;
                break;
            default:
                return false;
        }

        return _options.NoValue(name);
    }

    private bool ReadSetting(string name)
    {
        switch (name)
        {
            case "--attach":
                Process = _options.Count(name);
                break;
            case "--interval":
                Interval = _options.Seconds(name);
                break;
            case "--count":
                Count = _options.Count(name);
                break;
            case "--assembly":
                AssemblyFile = _options.Value(name);
                break;
            case "--symbols":
                SymbolFile = _options.Value(name);
                break;
            case "--limit":
                _limit = (int)Number(name, int.MaxValue);
                Filter = Filter with { Limit = _limit.Value };
                break;
            case "--sort":
                string order = _options.Value(name);
                Filter = Filter with { Order = Enum.TryParse(order, true, out ListOrder parsed) && char.IsAsciiLetterLower(order[0]) ? parsed : throw new UsageException($"--sort is executions, address, size, exits, age, translations or invalidations, not {order}") };
                break;
            case "--symbol":
                Filter = Filter with { Symbol = _options.Value(name) };
                break;
            case "--from":
                Filter = Filter with { From = Address(name) };
                break;
            case "--to":
                Filter = Filter with { To = Address(name) };
                break;
            case "--min-executions":
                Filter = Filter with { MinExecutions = Number(name, long.MaxValue) };
                break;
            case "--tier":
                Filter = Filter with { Tier = _options.Value(name) switch { "0" => 0, "1" => 1, var other => throw new UsageException($"--tier is 0 or 1, not {other}") } };
                break;
            case "--state":
                string state = _options.Value(name);
                Filter = Filter with { State = Enum.TryParse(state, true, out TranslationState known) && char.IsAsciiLetterLower(state[0]) ? known : throw new UsageException($"--state is live, invalidated or flushed, not {state}") };
                break;
            case "--kind":
                ExitKind = _options.Value(name);
                if (!Enum.GetValues<ExitKind>().Any(kind => ExitKinds.NameOf(kind) == ExitKind))
                {
                    throw new UsageException($"--kind is one of {string.Join(", ", Enum.GetValues<ExitKind>().Select(ExitKinds.NameOf))}, not {ExitKind}");
                }

                break;
            default:
                return false;
        }

        return true;
    }

    private ulong Number(string name, long most)
    {
        string value = _options.Value(name);
        return ulong.TryParse(value, NumberStyles.None, CultureInfo.InvariantCulture, out ulong number) && number <= (ulong)most
            ? number
            : throw new UsageException($"{name} is a number, not {value}");
    }

    private ulong Address(string name)
    {
        string value = _options.Value(name);
        string digits = value.StartsWith("0x", StringComparison.OrdinalIgnoreCase) ? value[2..] : value;
        return ulong.TryParse(digits, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out ulong address)
            ? address
            : throw new UsageException($"{name} is an address in hexadecimal, not {value}");
    }
}
