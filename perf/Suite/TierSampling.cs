using Jitvmm.Perf.Measuring;
using Jitvmm.Perf.Measuring.Results;

namespace Jitvmm.Perf.Suite;

/// <summary>One run of each row more, of which only tells in which tier its instructions were executed over time: where these are counted, times are not measured.</summary>
internal static class TierSampling
{
    private const string Option = "--sample-tiers";

    /// <param name="table">Gets the samples.</param>
    /// <param name="runs">Rows and what is run for them, by Jitvmm.</param>
    /// <param name="child">Runs it.</param>
    /// <param name="results">Notes what fails.</param>
    public static void Measure(ResultTable table, IReadOnlyList<(ResultRow Row, Runner Runner, IReadOnlyList<string> Words)> runs, ChildProcess child, ResultFile results)
    {
        var progress = new Progress($"{table.Name}, tiers", runs.Count);
        string file = Path.GetTempFileName();
        try
        {
            foreach ((ResultRow row, Runner runner, IReadOnlyList<string> words) in runs)
            {
                progress.Step(row.Name);
                File.WriteAllText(file, "");

                // Behind `jitvmm run` or `jitvmm boot`.
                ChildRun run = child.Run([.. runner.Prefix.Take(2), Option, file, .. runner.Prefix.Skip(2), .. words], runner.Environment);
                if (run.Status == 0 && TierShares.Read(File.ReadLines(file)) is { } shares)
                {
                    row.Tiers[runner.Name] = shares;
                }
                else
                {
                    results.Failures.Add($"{table.Name}: {row.Name} under {runner.Name} with {Option}: status {run.Status}, or no samples");
                }
            }
        }
        finally
        {
            File.Delete(file);
        }
    }
}
