using System.Globalization;
using Jitvmm.Perf.Measuring;
using Jitvmm.Perf.Measuring.Results;

namespace Jitvmm.Perf.Suite;

/// <summary>
/// The parts, as <c>perf/Micro</c> measures them, and the delivery of signals, which takes a process of its own. These are times, not ratios: they tell where a change comes from, and no gate looks at them.
/// </summary>
internal static class MicroTable
{
    public const string Name = "micro";

    /// <summary>Signals the kernel of that name sends itself in a round.</summary>
    private const int SignalsInRound = 10_000;

    private const double NanosecondsInMillisecond = 1e6;

    private static readonly string s_micro = Path.Combine(SourceTree.Root, "perf/Micro/bin/Release/net10.0/Jitvmm.Perf.Micro");

    private static readonly Kernel s_signals = new("signals", "");

    public static ResultTable Measure(SuiteOptions options, ResultFile results)
    {
        var table = new ResultTable { Name = Name, Title = "Parts", Reference = "", Subjects = [Runner.JitvmmName], Metrics = [] };
        string file = Path.GetTempFileName();
        try
        {
            var progress = new Progress(Name, 2);
            progress.Step("perf/Micro");
            using var child = new ChildProcess { Limit = TimeSpan.FromMinutes(30) };
            string filter = options.IsQuick ? "*Lookup*" : $"*{options.Row}*";
            ChildRun run = child.Run([s_micro, "--results", file, filter]);
            if (run.Status != 0)
            {
                results.Failures.Add($"{Name}: status {run.Status}, or not all benchmarks ran");
            }

            table.Rows.AddRange(Parse(File.ReadLines(file)));
            progress.Step("signals");
            AddSignals(table, options, child, results);
        }
        finally
        {
            File.Delete(file);
        }

        return table;
    }

    /// <summary>Lines of a name, bytes allocated, and each iteration's nanoseconds.</summary>
    private static IEnumerable<ResultRow> Parse(IEnumerable<string> lines)
    {
        foreach (string[] words in lines.Select(static line => line.Split('\t')).Where(static words => words.Length > 2))
        {
            var row = new ResultRow { Name = words[0] };
            row.Add(Runner.JitvmmName, Metric.Allocated, double.Parse(words[1], CultureInfo.InvariantCulture));
            foreach (string word in words[2..])
            {
                row.Add(Runner.JitvmmName, Metric.Part, double.Parse(word, CultureInfo.InvariantCulture));
            }

            yield return row;
        }
    }

    /// <summary>From the call that sends one to the way back from its handler, in each tier.</summary>
    private static void AddSignals(ResultTable table, SuiteOptions options, ChildProcess child, ResultFile results)
    {
        foreach ((string tier, string name) in (ReadOnlySpan<(string, string)>)[("0", "Interpreted"), ("1", "Compiled")])
        {
            var row = new ResultRow { Name = $"Signals.SendHandleReturn, {name}" };
            if (!row.Name.Contains(options.Row, StringComparison.OrdinalIgnoreCase))
            {
                continue;
            }

            Runner runner = Runner.Jitvmm(options);
            ChildRun run = child.Run([.. runner.Prefix, "--tier", tier, s_signals.Program, $"{runner.Rounds}"], runner.Environment);
            if (KernelTable.WhyNot(s_signals, run) is { } reason)
            {
                results.Failures.Add($"{Name}: {row.Name}: {reason}");
                continue;
            }

            double[] rounds = s_signals.RoundsIn(run.Output)!;
            foreach (double milliseconds in rounds[(rounds.Length / 2)..])
            {
                row.Add(Runner.JitvmmName, Metric.Part, milliseconds * NanosecondsInMillisecond / SignalsInRound);
            }

            table.Rows.Add(row);
        }
    }
}
