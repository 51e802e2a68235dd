namespace Jitvmm.Perf.Measuring.Results;

/// <summary>One program, or one thing it does.</summary>
public sealed class ResultRow
{
    public required string Name { get; init; }

    /// <summary>Rows of a kind have a geometric mean of their own.</summary>
    public string Group { get; init; } = "";

    /// <summary>Each runner's samples by metric: one for each round, in the order of the rounds, so that the same places of two runners were taken one after the other.</summary>
    public SortedDictionary<string, SortedDictionary<string, List<double>>> Runners { get; init; } = new(StringComparer.Ordinal);

    /// <summary>Milliseconds of a kernel's first rounds, second rounds and so on: medians over the runs.</summary>
    public SortedDictionary<string, List<double>> Curves { get; init; } = new(StringComparer.Ordinal);

    /// <summary>How instructions were shared between the tiers over time, in a run of its own: by runner, the share of tier 1 and the times, in milliseconds, since the one before.</summary>
    public SortedDictionary<string, TierShares> Tiers { get; init; } = new(StringComparer.Ordinal);

    /// <summary>Runners that cannot run it, and why: with them it is not compared, which is neither won nor lost.</summary>
    public SortedDictionary<string, string> NotRun { get; init; } = new(StringComparer.Ordinal);

    public void Add(string runner, string metric, double sample)
    {
        if (!Runners.TryGetValue(runner, out SortedDictionary<string, List<double>>? metrics))
        {
            Runners[runner] = metrics = new(StringComparer.Ordinal);
        }

        if (!metrics.TryGetValue(metric, out List<double>? samples))
        {
            metrics[metric] = samples = [];
        }

        samples.Add(sample);
    }

    public IReadOnlyList<double> Samples(string runner, string metric) =>
        Runners.TryGetValue(runner, out SortedDictionary<string, List<double>>? metrics) && metrics.TryGetValue(metric, out List<double>? samples) ? samples : [];
}
