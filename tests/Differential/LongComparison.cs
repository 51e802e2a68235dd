using System.Diagnostics;
using System.Globalization;

namespace Jitvmm.Tests.Differential;

/// <summary>The nightly comparison: every form and random blocks through both tiers, round after round with fresh seeds.</summary>
public sealed class LongComparison(Action<string> print)
{
    /// <summary>What a night compares at least.</summary>
    public const long NightlyComparisons = 50_000_000;

    private readonly long[] _comparisons = new long[3];

    public List<Failure> Failures { get; } = [];

    public HashSet<string> FailingLabels { get; } = new(StringComparer.Ordinal);

    public long Comparisons => _comparisons.Sum();

    public void Run(ulong seed, long comparisons)
    {
        var clock = Stopwatch.StartNew();
        Form[] forms = [.. FormCatalog.All.Where(form => form.IsCompared)];
        print($"seed {seed}: {forms.Length} forms");
        for (ulong round = 0; Comparisons < comparisons; round++)
        {
            RunRound(0, 0, true, forms, seed + round, (16, 64, 6000));
            RunRound(1, 1, true, forms, seed + round, (5, 64, 2500));
            RunRound(2, 1, false, forms, seed + round, (2, 64, 1000));
            print(string.Create(
                CultureInfo.InvariantCulture,
                $"round {round}: {_comparisons[0]} in tier 0, {_comparisons[1]} in tier 1, {_comparisons[2]} in tier 1 without checks; {FailingLabels.Count} labels failing; {clock.Elapsed.TotalSeconds:f0} s"));
        }
    }

    private void RunRound(int slot, int tier, bool isChecked, Form[] forms, ulong seed, (int Encodings, int Cases, int Blocks) size)
    {
        using var session = new ComparisonSession(tier, isChecked);
        foreach (Form form in forms)
        {
            session.Run.RunForm(form.Code, seed, size.Encodings, size.Cases);
        }

        for (int i = 0; i < size.Blocks; i++)
        {
            session.Run.RunBlock(seed, i, 32, integerOnly: i % 4 == 3);
        }

        session.Run.Flush();
        RunReport report = session.Run.Report;
        _comparisons[slot] += report.Comparisons;
        FailingLabels.UnionWith(report.FailuresByLabel.Keys);
        Failures.AddRange(report.Failures);
        foreach (Failure failure in report.Failures)
        {
            print($"tier {tier}{(isChecked ? "" : " without checks")}: {failure.Label} --case {failure.Reproduce}\n{failure.Description}");
        }
    }
}
