using System.Globalization;
using System.Text;
using Jitvmm.Perf.Measuring.Results;

namespace Jitvmm.Perf.Measuring.Gate;

/// <summary>Compares ratios with accepted ones, never times: see <c>src/docs/decisions/0400-performance-suite.md</c>.</summary>
public static class RegressionGate
{
    /// <summary>What a row may be slower by on a machine without noise: code is laid out anew in every run.</summary>
    public const double RowFloor = 0.08;

    /// <summary>The same of a mean of many rows, in which such things cancel out.</summary>
    public const double MeanFloor = 0.04;

    /// <summary>A gate that allows more than this is no gate.</summary>
    public const double Widest = 0.40;

    /// <summary>Standard errors of the difference of two medians that are put down to chance.</summary>
    private const double Errors = 3;

    /// <summary>A median's standard error is larger than a mean's by this (normal distribution).</summary>
    private const double MedianError = 1.2533;

    /// <param name="table">What was measured.</param>
    /// <param name="baseline">What was accepted.</param>
    public static IReadOnlyList<Finding> Compare(ResultTable table, Baseline baseline)
    {
        var now = Baseline.Gated(table).ToDictionary(static ratio => ratio.Key);
        List<Finding> findings = [];
        foreach ((string key, BaselineEntry before) in baseline.Ratios)
        {
            findings.Add(now.Remove(key, out Ratio ratio)
                ? Judge(ratio, before)
                : new Finding(table.Name, key, Verdict.Missing, before.Ratio, double.NaN, double.NaN));
        }

        findings.AddRange(now.Values.Select(static ratio => new Finding(ratio.Table, ratio.Key, Verdict.New, double.NaN, ratio.Value, double.NaN)));
        return findings;
    }

    /// <summary>A table of what fails, worst first, then what became faster or is new; empty if all is the same.</summary>
    public static string Describe(IEnumerable<Finding> findings)
    {
        Finding[] told = [.. findings.Where(static finding => finding.Verdict != Verdict.Same).OrderByDescending(static finding => finding.Fails).ThenByDescending(static finding => finding.Change)];
        var text = new StringBuilder();
        if (told.Length > 0)
        {
            text.Append("| table | row / runner / metric | verdict | baseline | now | change | allowed |\n|---|---|---|--:|--:|--:|--:|\n");
        }

        foreach (Finding finding in told)
        {
            text.Append(CultureInfo.InvariantCulture, $"| {finding.Table} | {finding.Key} | {finding.Verdict.ToString().ToLowerInvariant()} ")
                .Append(CultureInfo.InvariantCulture, $"| {Number(finding.Before)} | {Number(finding.Now)} | {Percent(finding.Change)} | {Percent(finding.Allowed)} |\n");
        }

        return text.ToString();
    }

    private static Finding Judge(Ratio ratio, BaselineEntry before)
    {
        double floor = ratio.IsMean ? MeanFloor : RowFloor;
        double allowed = Math.Max(floor, Errors * Math.Sqrt(Square(Error(ratio.Noise, ratio.Rounds)) + Square(Error(before.Noise, before.Rounds))));
        double change = (ratio.Value / before.Ratio) - 1;

        // What is worse beyond any noise is slower, however noisy.
        Verdict verdict = change > allowed ? Verdict.Slower
            : allowed > Widest ? Verdict.Noisy
            : change < -allowed ? Verdict.Faster
            : Verdict.Same;
        return new Finding(ratio.Table, ratio.Key, verdict, before.Ratio, ratio.Value, allowed);
    }

    private static double Error(double noise, int rounds) => MedianError * noise / Math.Sqrt(Math.Max(rounds, 1));

    private static double Square(double value) => value * value;

    private static string Number(double value) => double.IsNaN(value) ? "" : value.ToString("F3", CultureInfo.InvariantCulture);

    private static string Percent(double value) => double.IsNaN(value) ? "" : value.ToString("+0.0 %;-0.0 %", CultureInfo.InvariantCulture);
}
