using Jitvmm.Perf.Measuring;
using Jitvmm.Perf.Measuring.Results;

namespace Jitvmm.Perf.Suite;

/// <summary>The kernels as process guests, in direct and in checked mode.</summary>
internal static class KernelTable
{
    public const string Name = "kernels";

    /// <summary>Of a quick run: one of each kind.</summary>
    private static readonly IReadOnlyList<string> Quick = ["integers", "calls", "hash-table", "nbody", "avx2-integers"];

    public static IEnumerable<Kernel> Chosen(SuiteOptions options) =>
        Kernel.All.Where(kernel => kernel.Name.Contains(options.Row, StringComparison.Ordinal) && (!options.IsQuick || Quick.Contains(kernel.Name)));

    public static ResultTable Measure(SuiteOptions options, ResultFile results) =>
        Measure(Name, "Kernels as process guests", [.. Chosen(options)], [Runner.Native, Runner.Jitvmm(options), Runner.Checked(options), .. Runner.QemuUser], options, results);

    /// <summary>What leaves guest code all the time: native times are those of the host's kernel.</summary>
    public static ResultTable MeasureSystem(SuiteOptions options, ResultFile results) =>
        Measure("system", "System calls, signals, and code that is made anew", Kernel.System, [Runner.Native, Runner.Jitvmm(options), .. Runner.QemuUser], options, results);

    /// <summary>A few kernels without peers: for the test of the gate.</summary>
    public static ResultTable MeasureFew(SuiteOptions options, ResultFile results) =>
        Measure(Name, "Kernels as process guests", [.. Kernel.All.Where(static kernel => Quick.Contains(kernel.Name))], [Runner.Native, Runner.Jitvmm(options)], options, results);

    private static ResultTable Measure(string name, string title, IReadOnlyList<Kernel> kernels, IReadOnlyList<Runner> runners, SuiteOptions options, ResultFile results)
    {
        var table = new ResultTable
        {
            Name = name,
            Title = title,
            Reference = Runner.NativeName,
            Subjects = [Runner.JitvmmName, Runner.CheckedName],
            Metrics = [Metric.Warm, Metric.Wall],
            Rows = [.. kernels.Select(static kernel => new ResultRow { Name = kernel.Name, Group = kernel.Group })],
        };
        var curves = new Dictionary<(int, string), List<double[]>>();
        var progress = new Progress(name, (options.Rounds + 1) * kernels.Count);
        List<IReadOnlyList<Runner>> runnersOf = [];
        for (int i = 0; i < kernels.Count; i++)
        {
            progress.Step($"{kernels[i].Name}, who can run it");
            runnersOf.Add(PeerProbe.Able(runners, kernels[i], table.Rows[i]));
        }

        using var child = new ChildProcess();
        for (int round = 0; round < options.Rounds; round++)
        {
            for (int i = 0; i < kernels.Count; i++)
            {
                progress.Step($"{kernels[i].Name}, round {round + 1}");
                foreach (Runner runner in runnersOf[i].Where(runner => !table.Rows[i].NotRun.ContainsKey(runner.Name)))
                {
                    double[]? times = Measure(kernels[i], runner, runner.Name, child, table.Rows[i], results, name);
                    if (times != null)
                    {
                        if (!curves.TryGetValue((i, runner.Name), out List<double[]>? taken))
                        {
                            curves[(i, runner.Name)] = taken = [];
                        }

                        taken.Add(times);
                    }
                }
            }
        }

        if (results.Failures.Count == 0 && runners.FirstOrDefault(static runner => runner.Name == Runner.JitvmmName) is { } jitvmm)
        {
            TierSampling.Measure(table, [.. kernels.Select((kernel, i) => (table.Rows[i], jitvmm, (IReadOnlyList<string>)[kernel.Program, $"{jitvmm.Rounds}"]))], child, results);
        }

        foreach (((int row, string runner), List<double[]> taken) in curves)
        {
            table.Rows[row].Curves[runner] = [.. Enumerable.Range(0, taken[0].Length).Select(round => Spread.Of(taken.Select(times => times[round])).Median)];
        }

        return table;
    }

    /// <summary>What a kernel's run says against measuring it; null if nothing.</summary>
    public static string? WhyNot(Kernel kernel, ChildRun run) =>
        double.IsNaN(run.CpuMs) ? run.Errors
        : run.Status != 0 ? $"status {run.Status}, {run.Errors.Split('\n')[0]}"
        : kernel.RoundsIn(run.Output) == null ? "a wrong checksum"
        : null;

    /// <summary>Milliseconds of each round; null, and why noted, if they came to something else than they should.</summary>
    public static double[]? Measure(Kernel kernel, Runner runner, string column, ChildProcess child, ResultRow row, ResultFile results, string table)
    {
        ChildRun run = child.Run([.. runner.Prefix, kernel.Program, $"{runner.Rounds}"], runner.Environment);
        if (WhyNot(kernel, run) is { } reason)
        {
            runner.Fail(row, column, reason, results, table);
            return null;
        }

        double[] times = kernel.RoundsIn(run.Output)!;
        row.Add(column, Metric.Warm, Kernel.Warm(times));
        if (runner.Rounds == Runner.KernelRounds)
        {
            // Others' processes do less work.
            ProcessMetrics.Add(row, column, run);
        }

        return times;
    }
}
