using System.Globalization;
using System.Text.RegularExpressions;

namespace Jitvmm.Perf.Measuring;

/// <summary>The counters <c>--stats</c> prints, by name; those of a guest's processes added up.</summary>
public static partial class RunStatistics
{
    public static Dictionary<string, double> Parse(string errors)
    {
        Dictionary<string, double> counters = [];
        foreach (Match line in Line().Matches(errors))
        {
            string name = line.Groups[1].Value;
            counters[name] = counters.GetValueOrDefault(name) + double.Parse(line.Groups[2].Value, NumberStyles.AllowThousands, CultureInfo.InvariantCulture);
        }

        return counters;
    }

    [GeneratedRegex(@"^  ([a-z][a-z0-9, ]*[a-z0-9]) +([0-9,]+)$", RegexOptions.Multiline)]
    private static partial Regex Line();
}
