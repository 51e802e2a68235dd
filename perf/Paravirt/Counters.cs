using System.Globalization;
using System.Text.RegularExpressions;

namespace Jitvmm.Perf.Paravirt;

/// <summary>The lines of <c>--stats</c>, by name.</summary>
internal sealed partial class Counters
{
    /// <summary>What guest code was left for; interrupts and waits are not, as guests do not ask for them.</summary>
    public static readonly IReadOnlyList<string> Callouts = ["port accesses", "device memory accesses", "register accesses", "identity queries", "hypercalls"];

    private readonly Dictionary<string, long> _values;

    private Counters(Dictionary<string, long> values) => _values = values;

    /// <summary>All of them, in the order in which they are printed.</summary>
    public IReadOnlyDictionary<string, long> All => _values;

    /// <summary>0 for what is not printed.</summary>
    public long this[string name] => _values.GetValueOrDefault(name);

    /// <summary>Those that left guest code: a compiled hypercall does not.</summary>
    public long TotalCallouts => Callouts.Sum(name => this[name]) - this["of these compiled"];

    public static Counters Parse(string statistics)
    {
        Dictionary<string, long> values = [];
        foreach (Match line in Line().Matches(statistics))
        {
            values[line.Groups[1].Value] = long.Parse(line.Groups[2].Value, NumberStyles.AllowThousands, CultureInfo.InvariantCulture);
        }

        return new Counters(values);
    }

    /// <summary>What was counted since.</summary>
    public Counters Since(Counters earlier) => new(_values.ToDictionary(static pair => pair.Key, pair => pair.Value - earlier[pair.Key]));

    /// <summary>The interface's name, which hypercalls have behind them, is left out.</summary>
    [GeneratedRegex(@"^ *([a-z ]*[a-z])(?: \([a-z]+\))? +([0-9,]+)$", RegexOptions.Multiline)]
    private static partial Regex Line();
}
