using System.Globalization;
using System.Text;
using Jitvmm.Perf.Measuring.Results;

namespace Jitvmm.Perf.Measuring.Report;

/// <summary>Times of parts: the rows of tables that have no ratios.</summary>
internal static class PartTable
{
    private static readonly string[] s_columns = ["part", "time", "spread", "bytes allocated"];

    public static void Add(Markup html, ResultFile results)
    {
        foreach (ResultTable table in results.Tables.Where(static table => table.Rows.Exists(static row => HasTimes(row))))
        {
            html.Add($"<h2>{Markup.Escape(table.Title)}</h2><p class=\"muted\">Times of this machine, which compare with nothing measured elsewhere: they tell which part a change is in.</p>");
            html.Add($"<div class=\"card\"><details><summary>{table.Rows.Count} parts</summary><table><tr>{string.Concat(s_columns.Select(static column => $"<th>{column}</th>"))}</tr>");
            foreach (ResultRow row in table.Rows.Where(HasTimes))
            {
                html.Add($"<tr>{string.Concat(Cells(row).Select(static cell => $"<td>{Markup.Escape(cell)}</td>"))}</tr>");
            }

            html.Add($"</table></details></div>");
        }
    }

    public static void Write(StringBuilder text, ResultTable table)
    {
        if (!table.Rows.Exists(static row => HasTimes(row)))
        {
            return;
        }

        text.Append("| ").AppendJoin(" | ", s_columns).Append(" |\n|---|--:|--:|--:|\n");
        foreach (ResultRow row in table.Rows.Where(HasTimes))
        {
            text.Append("| ").AppendJoin(" | ", Cells(row)).Append(" |\n");
        }

        text.Append('\n');
    }

    private static bool HasTimes(ResultRow row) => row.Runners.Values.Any(static metrics => metrics.ContainsKey(Metric.Part));

    private static string[] Cells(ResultRow row)
    {
        string runner = row.Runners.First(static pair => pair.Value.ContainsKey(Metric.Part)).Key;
        var time = Spread.Of(row.Samples(runner, Metric.Part));
        double bytes = row.Samples(runner, Metric.Allocated).DefaultIfEmpty(double.NaN).First();
        return
        [
            row.Name,
            time.Median < 10_000 ? string.Create(CultureInfo.InvariantCulture, $"{time.Median:F1} ns") : string.Create(CultureInfo.InvariantCulture, $"{time.Median / 1000:F1} µs"),
            string.Create(CultureInfo.InvariantCulture, $"±{100 * time.Noise:F0} %"),
            double.IsNaN(bytes) ? "" : bytes.ToString("N0", CultureInfo.InvariantCulture),
        ];
    }
}
