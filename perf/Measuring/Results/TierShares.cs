using System.Globalization;

namespace Jitvmm.Perf.Measuring.Results;

/// <summary>How a guest's instructions were shared between the tiers over time, from what <c>jitvmm --sample-tiers</c> writes.</summary>
/// <param name="Milliseconds">Ends of spans of time, since the run began.</param>
/// <param name="Compiled">Tier 1's part of the instructions executed in each span; of a span without any, that of the one before.</param>
/// <param name="Total">Tier 1's part of all instructions.</param>
public sealed record TierShares(IReadOnlyList<double> Milliseconds, IReadOnlyList<double> Compiled, double Total)
{
    /// <summary>As many as a small plot can show.</summary>
    private const int MostSpans = 100;

    /// <summary>Reads samples: on each line milliseconds, and instructions executed in tier 0 and in tier 1 by then.</summary>
    /// <returns>Null when they tell nothing.</returns>
    public static TierShares? Read(IEnumerable<string> lines)
    {
        double[][] samples = [.. lines.Select(static line => line.Split(' ')).Where(static words => words.Length == 3).Select(static words => Array.ConvertAll(words, static word => double.Parse(word, CultureInfo.InvariantCulture)))];
        if (samples.Length < 2 || samples[^1][1] + samples[^1][2] <= 0 || samples[^1][0] <= 0)
        {
            return null;
        }

        List<double> times = [];
        List<double> shares = [];
        double span = samples[^1][0] / MostSpans;
        double[] from = samples[0];
        for (int i = 1; i < samples.Length; i++)
        {
            if (samples[i][0] - from[0] < span && i < samples.Length - 1)
            {
                continue;
            }

            double interpreted = samples[i][1] - from[1];
            double compiled = samples[i][2] - from[2];
            times.Add(samples[i][0]);
            shares.Add(interpreted + compiled > 0 ? Math.Round(compiled / (interpreted + compiled), 4) : shares.Count > 0 ? shares[^1] : 0);
            from = samples[i];
        }

        return new TierShares(times, shares, Math.Round(samples[^1][2] / (samples[^1][1] + samples[^1][2]), 4));
    }
}
