using System.Text;
using Jitvmm.Perf.Measuring;
using Jitvmm.Perf.Measuring.Results;

namespace Jitvmm.Perf.Suite;

/// <summary>Whole machines: booting, the kernels inside a guest, and two processors.</summary>
internal static class MachineTables
{
    /// <summary>Stands on the console in front of what a kernel prints.</summary>
    private const string Mark = "kernel ";

    /// <summary>For one kernel, in seconds: what a peer takes longer for it cannot run.</summary>
    private const int Limit = 60;

    public static IEnumerable<ResultTable> Measure(SuiteOptions options, ResultFile results)
    {
        if (Machine.WhatIsMissing is { } missing)
        {
            results.LeftOut.Add($"machine: {missing}");
            return [];
        }

        return [MeasureBoot(options, results), MeasureKernels(options, results), MeasureProcessors(options, results)];
    }

    private static ResultTable MeasureBoot(SuiteOptions options, ResultFile results)
    {
        using var machine = new Machine("echo started", []);
        IReadOnlyList<Runner> monitors = machine.Monitors(options);
        var table = new ResultTable
        {
            Name = "boot",
            Title = "Debian's cloud kernel from power-on to its first process and to power-off",
            Reference = Machine.QemuName,
            Subjects = [Runner.JitvmmName],
            Metrics = [Metric.Wall, Metric.Cpu],
            Rows = [new ResultRow { Name = "cloud kernel" }],
        };
        var progress = new Progress(table.Name, options.Rounds);
        using var child = new ChildProcess();
        for (int round = 0; round < options.Rounds; round++)
        {
            progress.Step($"round {round + 1}");
            foreach (Runner monitor in monitors.Where(monitor => !table.Rows[0].NotRun.ContainsKey(monitor.Name)))
            {
                ChildRun run = child.Run(monitor.Prefix, monitor.Environment);
                if (run.Status != 0 || !Encoding.ASCII.GetString(run.Output).Contains("started", StringComparison.Ordinal))
                {
                    monitor.Fail(table.Rows[0], monitor.Name, $"status {run.Status}, or it did not come to its first process", results, table.Name);
                    continue;
                }

                ProcessMetrics.Add(table.Rows[0], monitor.Name, run);
            }
        }

        TierSampling.Measure(table, [(table.Rows[0], monitors[0], [])], child, results);
        return table;
    }

    /// <summary>By the guest's clock, which <c>perf/Machines</c> compares with the host's.</summary>
    private static ResultTable MeasureKernels(SuiteOptions options, ResultFile results)
    {
        Kernel[] kernels = [.. KernelTable.Chosen(options)];
        using var machine = new Machine(Script(kernels), kernels);
        var table = new ResultTable
        {
            Name = "machine",
            Title = "Kernels inside a Linux machine guest",
            Reference = Runner.NativeName,
            Subjects = [Runner.JitvmmName],
            Metrics = [Metric.Warm],
            Rows = [.. kernels.Select(static kernel => new ResultRow { Name = kernel.Name, Group = kernel.Group })],
        };

        // One process runs them all: what it cost stands in a row without times of a kernel.
        var whole = new ResultRow { Name = "the whole machine" };
        IReadOnlyList<Runner> monitors = machine.Monitors(options);
        var progress = new Progress(table.Name, options.Rounds * (monitors.Count + 1));
        using var child = new ChildProcess();
        for (int round = 0; round < options.Rounds; round++)
        {
            progress.Step($"{Runner.NativeName}, round {round + 1}");
            for (int i = 0; i < kernels.Length; i++)
            {
                _ = KernelTable.Measure(kernels[i], Runner.Native, Runner.NativeName, child, table.Rows[i], results, table.Name);
            }

            foreach (Runner monitor in monitors)
            {
                progress.Step($"{monitor.Name}, round {round + 1}");
                Dictionary<string, double> taken = Run(monitor, kernels, child, kernel => (table.Rows.First(row => row.Name == kernel.Name), monitor.Name), table.Name, results, whole);
                foreach (ResultRow row in table.Rows.Where(row => taken.ContainsKey(row.Name)))
                {
                    row.Add(monitor.Name, Metric.Warm, taken[row.Name]);
                }
            }
        }

        TierSampling.Measure(table, [(whole, monitors[0], [])], child, results);
        table.Rows.Add(whole);
        return table;
    }

    private static ResultTable MeasureProcessors(SuiteOptions options, ResultFile results)
    {
        Kernel[] kernels = [ThreadTable.OneThread, ThreadTable.TwoThreads];
        using var machine = new Machine(Script(kernels), kernels);
        IReadOnlyList<Runner> monitors = machine.Monitors(options, processors: 2);
        ResultTable table = ThreadTable.Empty("processors", "Twice the work on two processors of a machine, against once on one", monitors.Select(static monitor => monitor.Name));
        if (Environment.ProcessorCount < 2)
        {
            results.LeftOut.Add("processors: this machine has one processor");
            return table;
        }

        var progress = new Progress(table.Name, options.Rounds * monitors.Count);
        using var child = new ChildProcess();
        for (int round = 0; round < options.Rounds; round++)
        {
            for (int i = 0; i < monitors.Count; i++)
            {
                progress.Step($"{monitors[i].Name}, round {round + 1}");
                Dictionary<string, double> taken = Run(monitors[i], kernels, child, kernel => (table.Rows[i], kernel == ThreadTable.OneThread ? ThreadTable.One : ThreadTable.Two), table.Name, results);
                if (taken.Count == kernels.Length)
                {
                    table.Rows[i].Add(ThreadTable.One, Metric.Warm, taken[ThreadTable.OneThread.Name]);
                    table.Rows[i].Add(ThreadTable.Two, Metric.Warm, taken[ThreadTable.TwoThreads.Name]);
                }
            }
        }

        return table;
    }

    private static string Script(IEnumerable<Kernel> kernels) => string.Join('\n', kernels.Select(static kernel => $"echo {Mark}{kernel.Name}; /bin/busybox timeout {Limit} /bin/{kernel.Name} $rounds"));

    /// <summary>A round when warm, by kernel; where there is none, the row that a kernel's times are for says why.</summary>
    private static Dictionary<string, double> Run(Runner monitor, IReadOnlyList<Kernel> kernels, ChildProcess child, Func<Kernel, (ResultRow Row, string Column)> placeOf, string table, ResultFile results, ResultRow? whole = null)
    {
        ChildRun run = child.Run(monitor.Prefix, monitor.Environment);
        if (whole != null && run.Status == 0)
        {
            ProcessMetrics.Add(whole, monitor.Name, run);
        }

        string[] parts = ('\n' + Encoding.ASCII.GetString(run.Output).Replace("\r", "", StringComparison.Ordinal)).Split('\n' + Mark);
        Dictionary<string, double> taken = [];
        foreach (Kernel kernel in kernels)
        {
            string? printed = parts.FirstOrDefault(part => part.StartsWith(kernel.Name + '\n', StringComparison.Ordinal));
            if (printed != null && kernel.RoundsIn(printed) is { } rounds)
            {
                taken[kernel.Name] = Kernel.Warm(rounds);
            }
            else
            {
                (ResultRow row, string column) = placeOf(kernel);
                monitor.Fail(row, column, $"{kernel.Name} in its guest: {(run.Status != 0 ? $"status {run.Status}" : $"a wrong checksum, or none in {Limit} s")}", results, table);
            }
        }

        return taken;
    }
}
