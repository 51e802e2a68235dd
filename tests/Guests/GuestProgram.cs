namespace Jitvmm.Tests.Guests;

/// <summary>
/// One row: a real program with its arguments, whose standard output, standard error, exit status and the files it leaves
/// must be those of a native run. It runs in a folder of its own that holds the <see cref="Fixtures"/>.
/// </summary>
/// <param name="Name">Unique, and a file name.</param>
/// <param name="Arguments">argv; the first is looked up in PATH.</param>
public sealed record GuestProgram(string Name, string[] Arguments)
{
    /// <summary>Programs and absolute paths that must exist on this machine.</summary>
    public string[] Needs { get; init; } = [];

    /// <summary>Fixtures the row reads; the others are not copied.</summary>
    public string[] Files { get; init; } = [];

    /// <summary>Run natively by <c>sh</c>, once, to make further files for both runs.</summary>
    public string? Prepare { get; init; }

    public string Input { get; init; } = "";

    /// <summary>Options of <c>jitvmm run</c> beside the tier.</summary>
    public string[] Options { get; init; } = [];

    /// <summary>When set, only lines of the output that match are compared: for programs that print times.</summary>
    public string? ComparedLines { get; init; }

    public bool CompareFiles { get; init; } = true;

    public TimeSpan Limit { get; init; } = TimeSpan.FromMinutes(5);

    /// <summary>
    /// Tiers of <c>tests/run</c>; the others are for <c>tests/run --nightly</c>. Tier 1 compiles all that runs before it
    /// runs, so large programs take many times as long as in the tiers users meet.
    /// </summary>
    public Tiers DefaultTiers { get; init; } = Tiers.All;

    /// <summary>A program run directly; words are separated by blanks, and single quotes keep a word together.</summary>
    public static GuestProgram Run(string name, string commandLine, params string[] files)
    {
        string[] words = SplitWords(commandLine);
        return new GuestProgram(name, words) { Needs = [words[0]], Files = files };
    }

    /// <summary>A script that bash runs inside the guest.</summary>
    public static GuestProgram Script(string name, string script, params string[] files) =>
        new(name, ["/bin/bash", "-c", script]) { Needs = ["/bin/bash"], Files = files };

    public bool IsInDefaultRun(string tier) => DefaultTiers.HasFlag(tier switch { "0" => Tiers.Interpreted, "1" => Tiers.Compiled, _ => Tiers.Auto });

    /// <summary>What this machine lacks for the row, or null.</summary>
    public string? Missing()
    {
        string[] missing = [.. Needs.Where(need => ToolPath.Find(need) == null)];
        return missing.Length == 0 ? null : $"needs {string.Join(", ", missing)}";
    }

    private static string[] SplitWords(string line)
    {
        var words = new List<string>();
        var word = new System.Text.StringBuilder();
        bool quoted = false;
        bool any = false;
        foreach (char c in line)
        {
            if (c == '\'')
            {
                quoted = !quoted;
                any = true;
            }
            else if (c == ' ' && !quoted)
            {
                if (any)
                {
                    words.Add(word.ToString());
                    word.Clear();
                    any = false;
                }
            }
            else
            {
                word.Append(c);
                any = true;
            }
        }

        if (any)
        {
            words.Add(word.ToString());
        }

        return [.. words];
    }
}
