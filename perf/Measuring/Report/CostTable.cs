using System.Globalization;
using Jitvmm.Perf.Measuring.Results;

namespace Jitvmm.Perf.Measuring.Report;

/// <summary>What each row cost beside time: CPU time, memory, and what was spent on compiling.</summary>
internal static class CostTable
{
    private static readonly (string Title, Func<ResultRow, string, double> Value)[] s_columns =
    [
        ("wall, ms", static (row, runner) => Median(row, runner, Metric.Wall)),
        ("CPU, ms", static (row, runner) => Median(row, runner, Metric.Cpu)),
        ("peak, MB", static (row, runner) => Median(row, runner, Metric.Peak)),
        ("native peak, MB", static (row, _) => Median(row, "native", Metric.Peak)),
        ("regions", static (row, runner) => Median(row, runner, Metric.Regions)),
        ("instructions", static (row, runner) => Median(row, runner, Metric.Compiled)),
        ("compiling, ms", static (row, runner) => Median(row, runner, Metric.Compile) / 1000),
        ("passes, ms", static (row, runner) => Median(row, runner, Metric.Passes) / 1000),
        ("emission, ms", static (row, runner) => Median(row, runner, Metric.Emission) / 1000),
        ("RyuJIT, ms", static (row, runner) => Median(row, runner, Metric.Jit) / 1000),
        ("µs / instruction", static (row, runner) => TranslationCost.Of(row, runner).MicrosecondsPerInstruction),
        ("host / guest bytes", static (row, runner) => TranslationCost.Of(row, runner).HostBytesPerGuestByte),
        ("records, KB", static (row, runner) => Median(row, runner, Metric.Records) / 1024),
        ("compiled code, KB", static (row, runner) => Median(row, runner, Metric.Code) / 1024),
        ("queue", static (row, runner) => Median(row, runner, Metric.Queue)),
        ("deoptimised", static (row, runner) => Median(row, runner, Metric.Deoptimisations)),
        ("put off", static (row, runner) => Median(row, runner, Metric.PutOff)),
    ];

    public static void Add(Markup html, ResultFile results)
    {
        ResultTable[] tables = [.. results.Tables.Where(static table => Costs(table).Any())];
        if (tables.Length == 0)
        {
            return;
        }

        html.Add($"<h2>What it cost</h2><p class=\"muted\">Time of all threads, memory, and compiling: by stages, for each guest instruction compiled, and in bytes of host code. Medians.</p>");
        foreach (ResultTable table in tables)
        {
            html.Add($"<div class=\"card\"><details><summary>{Markup.Escape($"{table.Name}: {Summary(table)}")}</summary><table class=\"wide\"><tr><th>row</th>{string.Concat(s_columns.Select(static column => $"<th>{Markup.Escape(column.Title)}</th>"))}</tr>");
            foreach ((ResultRow row, string runner) in Costs(table))
            {
                html.Add($"<tr><td>{Markup.Escape($"{row.Name}, {runner}")}</td>{string.Concat(s_columns.Select(column => $"<td>{Text(column.Value(row, runner))}</td>"))}</tr>");
            }

            html.Add($"</table></details></div>");
        }
    }

    private static IEnumerable<(ResultRow Row, string Runner)> Costs(ResultTable table) =>
        table.Rows.SelectMany(static row => row.Runners.Where(static runner => runner.Value.ContainsKey(Metric.Compile)).Select(runner => (row, runner.Key)));

    private static string Summary(ResultTable table) => string.Join("; ", Costs(table).Select(static cost => cost.Runner).Distinct().Select(runner =>
    {
        var cost = TranslationCost.Of(table, runner);
        string time = double.IsFinite(cost.MicrosecondsPerInstruction) ? string.Create(CultureInfo.InvariantCulture, $" {cost.MicrosecondsPerInstruction:F0} µs for an instruction") : " compiled nothing";
        return runner + time + (double.IsFinite(cost.HostBytesPerGuestByte) ? string.Create(CultureInfo.InvariantCulture, $", {cost.HostBytesPerGuestByte:F0} host bytes for a guest byte") : "");
    }));

    private static double Median(ResultRow row, string runner, string metric) => Spread.Of(row.Samples(runner, metric)).Median;

    private static string Text(double value) => double.IsFinite(value) ? value.ToString(Math.Abs(value) < 100 ? "0.#" : "N0", CultureInfo.InvariantCulture) : "";
}
