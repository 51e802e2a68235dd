using System.Globalization;

namespace Jitvmm.Perf.Suite;

/// <summary>What the command line asks for.</summary>
internal sealed class SuiteOptions
{
    public const string Help = """
        usage: perf/run [options]

        Measures Jitvmm against native code and against the peers found on this machine, and writes RESULTS.json and report.html.

          --only TABLE[,TABLE...]   kernels, programs, short, threads, system, start, machine, machine32, micro (default: all)
          --row TEXT                only rows whose name contains TEXT
          --rounds N                of each (default 5)
          --quick                   two rounds, and few rows: to see whether it works
          --output FOLDER           where results go, and the report's history comes from (default .cache/perf)
          --option TEXT             given to each `jitvmm run` and `jitvmm boot`, such as --option=--tier --option=0
          --env NAME=VALUE          set for Jitvmm alone
          --from FILE               read results instead of measuring, and write their report anew

          --check                   fail if a ratio is worse than perf/baselines have it, or a hot path allocates
          --accept --reason TEXT    make what was measured the baseline
          --test-gate               measure a build that is slowed on purpose, and fail if the gate does not see it
        """;

    public static readonly IReadOnlyList<string> Tables = ["kernels", "programs", "short", "threads", "system", "start", "machine", "machine32", "micro"];

    private const int RoundsByDefault = 5;
    private const int QuickRounds = 2;

    private int? _rounds;

    public IReadOnlyList<string> Only { get; private set; } = Tables;

    public string Row { get; private set; } = "";

    public int Rounds => _rounds ?? (IsQuick ? QuickRounds : RoundsByDefault);

    public bool IsQuick { get; private set; }

    public string Output { get; private set; } = Path.Combine(Measuring.SourceTree.Root, ".cache/perf");

    public List<string> VmmOptions { get; init; } = [];

    public Dictionary<string, string> VmmEnvironment { get; init; } = [];

    public string? From { get; private set; }

    public bool Checks { get; private set; }

    public bool Accepts { get; private set; }

    public string Reason { get; private set; } = "";

    public bool TestsGate { get; private set; }

    /// <summary>Whether all of a table is measured: only then is what is missing missing.</summary>
    public bool IsWhole => !IsQuick && Row.Length == 0;

    /// <summary>Null if they make no sense; <paramref name="error"/> says why.</summary>
    public static SuiteOptions? Parse(string[] arguments, out string error)
    {
        var options = new SuiteOptions();
        string[] words = [.. arguments.SelectMany(static word => word.StartsWith("--", StringComparison.Ordinal) && word.Contains('=', StringComparison.Ordinal) ? word.Split('=', 2) : [word])];
        error = "";
        for (int i = 0; i < words.Length && error.Length == 0; i++)
        {
            if (!options.TrySwitch(words[i]) && !(i + 1 < words.Length && options.TryValue(words[i], words[++i])))
            {
                error = $"perf/run: {words[Math.Min(i, words.Length - 1)]}: not understood; see perf/run --help";
            }
        }

        if (error.Length == 0 && options.Accepts && options.Reason.Length == 0)
        {
            error = "perf/run: --accept needs --reason TEXT: why these ratios, and not the ones before, are the ones to hold";
        }

        return error.Length == 0 ? options : null;
    }

    private bool TrySwitch(string word)
    {
        switch (word)
        {
            case "--quick":
                IsQuick = true;
                return true;
            case "--check":
                Checks = true;
                return true;
            case "--accept":
                Accepts = true;
                return true;
            case "--test-gate":
                TestsGate = true;
                return true;
            default:
                return false;
        }
    }

    private bool TryValue(string word, string value)
    {
        switch (word)
        {
            case "--only":
                Only = value.Split(',');
                return Only.All(Tables.Contains);
            case "--row":
                Row = value;
                return true;
            case "--rounds" when int.TryParse(value, CultureInfo.InvariantCulture, out int rounds) && rounds is > 0 and < 1000:
                _rounds = rounds;
                return true;
            case "--output":
                Output = Path.GetFullPath(value);
                return true;
            case "--option":
                VmmOptions.Add(value);
                return true;
            case "--env" when value.Split('=', 2) is [var name, var text]:
                VmmEnvironment[name] = text;
                return true;
            case "--from":
                From = value;
                return File.Exists(value);
            case "--reason":
                Reason = value;
                return value.Length > 0;
            default:
                return false;
        }
    }
}
