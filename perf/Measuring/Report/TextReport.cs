using System.Globalization;
using System.Text;
using Jitvmm.Perf.Measuring.Results;

namespace Jitvmm.Perf.Measuring.Report;

/// <summary>Results as Markdown tables, for a terminal and for <c>perf/SPECIFICATION.md</c>.</summary>
public static class TextReport
{
    public static string Write(ResultFile results)
    {
        var text = new StringBuilder();
        foreach (ResultTable table in results.Tables)
        {
            foreach (string metric in table.Metrics)
            {
                Write(text, table, metric);
            }

            PartTable.Write(text, table);
        }

        WritePromises(text, results);
        foreach (string line in results.LeftOut)
        {
            text.Append(CultureInfo.InvariantCulture, $"left out: {line}\n");
        }

        foreach (string line in results.Failures.Distinct())
        {
            text.Append(CultureInfo.InvariantCulture, $"FAILED: {line}\n");
        }

        return text.ToString();
    }

    /// <summary>A ratio with its noise.</summary>
    public static string Format(Ratio ratio) => ratio.Rounds == 0 ? "" : string.Create(CultureInfo.InvariantCulture, $"{ratio.Value:F2} ±{100 * ratio.Noise:F0} %");

    /// <summary>Those with ratios; at the metric that comes first also those that can run nothing.</summary>
    internal static string[] RunnersOf(ResultTable table, string metric, IEnumerable<Ratio> ratios) =>
        [.. ratios.Select(static ratio => ratio.Runner).Concat(metric == table.Metrics[0] ? table.Rows.SelectMany(static row => row.NotRun.Keys) : []).Where(runner => runner != table.Reference).Distinct()];

    /// <summary>A ratio, or that there can be none.</summary>
    internal static string Cell(ResultTable table, IEnumerable<Ratio> ratios, string row, string runner) =>
        table.Rows.Exists(each => each.Name == row && each.NotRun.ContainsKey(runner)) ? "cannot run it" : Format(ratios.FirstOrDefault(ratio => ratio.Row == row && ratio.Runner == runner));

    /// <summary>A line for each row that a runner cannot run.</summary>
    internal static IEnumerable<string> NotRun(ResultTable table, string metric) =>
        (metric == table.Metrics[0] ? table.Rows : []).SelectMany(static row => row.NotRun.Select(pair => $"{row.Name} cannot be compared with {pair.Key}, which cannot run it: {pair.Value}"));

    private static void Write(StringBuilder text, ResultTable table, string metric)
    {
        Ratio[] ratios = [.. Ratio.Of(table).Where(ratio => ratio.Metric == metric)];
        string[] runners = RunnersOf(table, metric, ratios);
        text.Append(CultureInfo.InvariantCulture, $"| {table.Title}: {metric} | {table.Reference}, ms |").AppendJoin(" |", runners.Select(static runner => $" {runner}")).Append(" |\n|---|--:|").Insert(text.Length, "--:|", runners.Length).Append('\n');
        foreach (string row in ratios.Select(static ratio => ratio.Row).Distinct())
        {
            double reference = table.Rows.FirstOrDefault(candidate => candidate.Name == row) is { } found ? Spread.Of(found.Samples(table.Reference, metric)).Median : double.NaN;
            string time = double.IsNaN(reference) ? "" : reference.ToString("F1", CultureInfo.InvariantCulture);
            text.Append(CultureInfo.InvariantCulture, $"| {row} | {time} |")
                .AppendJoin(" |", runners.Select(runner => $" {Cell(table, ratios, row, runner)}")).Append(" |\n");
        }

        foreach (string line in NotRun(table, metric))
        {
            text.Append(CultureInfo.InvariantCulture, $"\n{line}\n");
        }

        text.Append('\n');
    }

    private static void WritePromises(StringBuilder text, ResultFile results)
    {
        (Promise Promise, double Value)[] measured = [.. Promise.All.Select(promise => (promise, promise.Value(results))).Where(static pair => !double.IsNaN(pair.Item2))];
        if (measured.Length == 0)
        {
            return;
        }

        text.Append("| promise | at most | today | met |\n|---|--:|--:|---|\n");
        foreach ((Promise promise, double value) in measured)
        {
            text.Append(CultureInfo.InvariantCulture, $"| {promise.Text} | {promise.LimitText} | {value:F2} | {promise.Judge(results, value).Text} |\n");
        }

        text.Append('\n');
    }
}
