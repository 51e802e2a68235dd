using Jitvmm.Perf.Measuring;
using Jitvmm.Perf.Measuring.Results;

namespace Jitvmm.Perf.Suite;

/// <summary>Programs of the host's distribution, cold start included. What they write must be what they write natively.</summary>
internal static class ProgramTable
{
    private const int QuickRows = 3;

    public static ResultTable MeasureLong(SuiteOptions options, ResultFile results) =>
        Measure("programs", "Programs with seconds of work, from a cold start", GuestProgram.Long, options, results);

    public static ResultTable MeasureShort(SuiteOptions options, ResultFile results) =>
        Measure("short", "Programs with 50 to 500 ms of work", GuestProgram.Short, options, results);

    private static ResultTable Measure(string name, string title, IReadOnlyList<GuestProgram> all, SuiteOptions options, ResultFile results)
    {
        results.LeftOut.AddRange(all.Where(static program => !File.Exists(program.Arguments[0])).Select(program => $"{name}: {program.Name}: no {program.Arguments[0]}"));
        GuestProgram[] programs = [.. all.Where(program => File.Exists(program.Arguments[0]) && program.Name.Contains(options.Row, StringComparison.Ordinal)).Take(options.IsQuick ? QuickRows : int.MaxValue)];
        Runner[] runners = [Runner.Native, Runner.Jitvmm(options), .. Runner.QemuUser];
        var table = new ResultTable
        {
            Name = name,
            Title = title,
            Reference = Runner.NativeName,
            Subjects = [Runner.JitvmmName],
            Metrics = [Metric.Wall, Metric.Cpu],
            Rows = [.. programs.Select(static program => new ResultRow { Name = program.Name })],
        };
        var progress = new Progress(name, options.Rounds * programs.Length);
        using var files = new ProgramFiles();
        using var child = new ChildProcess { Folder = files.Folder };
        for (int round = 0; round < options.Rounds; round++)
        {
            for (int i = 0; i < programs.Length; i++)
            {
                progress.Step($"{programs[i].Name}, round {round + 1}");
                byte[] expected = [];
                foreach (Runner runner in runners.Where(runner => !table.Rows[i].NotRun.ContainsKey(runner.Name)))
                {
                    ChildRun run = child.Run([.. runner.Prefix, .. programs[i].Arguments], runner.Environment);
                    expected = runner == Runner.Native ? run.Output : expected;
                    if (run.Status != 0 || !run.Output.AsSpan().SequenceEqual(expected))
                    {
                        string[] lines = run.Errors.Split('\n', StringSplitOptions.RemoveEmptyEntries);
                        runner.Fail(table.Rows[i], runner.Name, $"status {run.Status}, {(run.Status == 0 ? "and output that is not the native one" : lines.FirstOrDefault())}", results, name);
                        continue;
                    }

                    ProcessMetrics.Add(table.Rows[i], runner.Name, run);
                }
            }
        }

        TierSampling.Measure(table, [.. programs.Select((program, i) => (table.Rows[i], runners[1], (IReadOnlyList<string>)program.Arguments))], child, results);
        return table;
    }
}
