using System.Globalization;
using Jitvmm.Inspector.Files;
using Jitvmm.Inspector.Reports;

namespace Jitvmm.Cli;

/// <summary>The words after <c>jitvmm cache</c>. Options may stand before and behind the others.</summary>
internal sealed class CacheCommandLine
{
    /// <summary>Each subcommand and the words it takes.</summary>
    private static readonly (string Name, string[] Words)[] s_subcommands =
    [
        ("list", ["FILE"]),
        ("show", ["FILE", "ADDRESS"]),
        ("exits", ["FILE"]),
        ("invalidations", ["FILE"]),
        ("sites", ["FILE"]),
        ("explain", ["FILE", "ADDRESS"]),
        ("graph", ["FILE", "ADDRESS"]),
        ("verify", ["FILE"]),
        ("diff", ["FILE", "FILE"]),
    ];

    private readonly OptionWords _options;
    private readonly List<string> _words = [];
    private int? _limit;

    private CacheCommandLine(string[] words) => _options = new OptionWords(words);

    public bool Help { get; private set; }

    /// <summary>The subcommand.</summary>
    public string Subcommand => _words[0];

    /// <summary>What the subcommand is about: a file, and perhaps another or an address.</summary>
    public IReadOnlyList<string> Words => _words[1..];

    public bool Json { get; private set; }

    /// <summary>The file of symbols to use; null for those of the cache file.</summary>
    public string? SymbolFile { get; private set; }

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

        string[] expected = s_subcommands[index].Words;
        if (_words.Count - 1 != expected.Length)
        {
            throw new UsageException($"{Subcommand} takes {string.Join(' ', expected)}");
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
