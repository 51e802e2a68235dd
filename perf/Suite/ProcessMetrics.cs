using Jitvmm.Perf.Measuring;
using Jitvmm.Perf.Measuring.Results;

namespace Jitvmm.Perf.Suite;

/// <summary>What is noted of every process: its times, its memory, and what it says of itself.</summary>
internal static class ProcessMetrics
{
    public static void Add(ResultRow row, string runner, ChildRun run)
    {
        row.Add(runner, Metric.Wall, run.WallMs);
        row.Add(runner, Metric.Cpu, run.CpuMs);
        row.Add(runner, Metric.Peak, run.PeakMb);
        if (runner.StartsWith(Runner.JitvmmName, StringComparison.Ordinal))
        {
            foreach ((string name, double value) in RunStatistics.Parse(run.Errors))
            {
                row.Add(runner, name, value);
            }
        }
    }
}
