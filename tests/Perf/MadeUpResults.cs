using Jitvmm.Perf.Measuring.Results;

namespace Jitvmm.Tests.Perf;

/// <summary>Results with ratios as asked for, and noise around them.</summary>
internal static class MadeUpResults
{
    public const string Subject = "jitvmm";

    private static readonly string[] s_rows = ["first", "second", "third", "fourth"];

    /// <param name="ratios">Of the rows, in their order.</param>
    /// <param name="noise">How far the rounds lie apart: none, this much above, this much below, and so on.</param>
    public static ResultTable Table(double[] ratios, double noise = 0.01)
    {
        double[] wobble = [1, 1 + noise, 1 - noise, 1 + (noise / 2), 1 - (noise / 2)];
        var table = new ResultTable { Name = "kernels", Title = "Kernels", Reference = "native", Subjects = [Subject], Metrics = [Metric.Warm] };
        for (int i = 0; i < ratios.Length; i++)
        {
            var row = new ResultRow { Name = s_rows[i] };
            foreach (double factor in wobble)
            {
                row.Add("native", Metric.Warm, 20 + i);
                row.Add(Subject, Metric.Warm, (20 + i) * ratios[i] * factor);
                row.Add("qemu-x86_64", Metric.Warm, (20 + i) * 8);
            }

            table.Rows.Add(row);
        }

        return table;
    }

    public static ResultFile File(ResultTable table, string commit = "0123456789") => new()
    {
        Commit = commit,
        Taken = new DateTimeOffset(2026, 1, 2, 3, 4, 5, TimeSpan.Zero),
        Host = new HostFacts("A processor", 2, "Linux", ".NET", 0),
        Options = "",
        Rounds = 5,
        Peers = new SortedDictionary<string, string> { ["qemu-x86_64"] = "version <7>" },
        Tables = { table },
    };
}
