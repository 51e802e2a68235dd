using Jitvmm.Perf.Measuring;
using Jitvmm.Perf.Measuring.Results;

namespace Jitvmm.Perf.Suite;

/// <summary>The same work done by one thread, and by each of two at once: on two processors both should take the same time.</summary>
internal static class ThreadTable
{
    public const string One = "one";
    public const string Two = "two";

    public static readonly Kernel OneThread = new("threads-one", "");
    public static readonly Kernel TwoThreads = new("threads-two", "");

    public static ResultTable Empty(string name, string title, IEnumerable<string> rows) => new()
    {
        Name = name,
        Title = title,
        Reference = One,
        Subjects = [Two],
        SubjectRows = [Runner.JitvmmName],
        Metrics = [Metric.Warm],
        Rows = [.. rows.Select(static row => new ResultRow { Name = row })],
    };

    public static ResultTable Measure(SuiteOptions options, ResultFile results)
    {
        Runner[] runners = [Runner.Native, Runner.Jitvmm(options), .. Runner.QemuUser];
        ResultTable table = Empty("threads", "Twice the work by two threads, against once by one", runners.Select(static runner => runner.Name));
        if (Environment.ProcessorCount < 2)
        {
            results.LeftOut.Add("threads: this machine has one processor");
            return table;
        }

        var progress = new Progress(table.Name, options.Rounds * runners.Length);
        using var child = new ChildProcess();
        for (int round = 0; round < options.Rounds; round++)
        {
            for (int i = 0; i < runners.Length; i++)
            {
                progress.Step($"{runners[i].Name}, round {round + 1}");
                _ = KernelTable.Measure(OneThread, runners[i], One, child, table.Rows[i], results, table.Name);
                _ = KernelTable.Measure(TwoThreads, runners[i], Two, child, table.Rows[i], results, table.Name);
            }
        }

        return table;
    }
}
