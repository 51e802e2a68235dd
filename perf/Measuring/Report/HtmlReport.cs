using System.Globalization;
using Jitvmm.Perf.Measuring.Results;

namespace Jitvmm.Perf.Measuring.Report;

/// <summary>Results as one page that needs nothing else: promises, a plot for each table, how kernels warm up, which tier they ran in, what it cost, and how it was before.</summary>
public static class HtmlReport
{
    private const int Wide = 1000;
    private const int Tall = 220;
    private const int SmallWidth = 200;
    private const int SmallHeight = 120;

    /// <param name="results">What the page is about.</param>
    /// <param name="history">Earlier results, and these; those taken with other options are left out.</param>
    public static string Write(ResultFile results, IReadOnlyList<ResultFile> history)
    {
        var html = new Markup();
        html.Add($"<!DOCTYPE html><html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\"><title>Jitvmm {Markup.Escape(results.Commit)}: speed</title><style>");
        html.AddVerbatim(Style.Sheet).Add($"</style></head><body>");
        AddHead(html, results);
        AddPromises(html, results);
        foreach (ResultTable table in results.Tables.Where(static table => table.Metrics.Count > 0))
        {
            AddTable(html, table);
        }

        AddCurves(html, results);
        TierPlot.Add(html, results);
        CostTable.Add(html, results);
        PartTable.Add(html, results);
        AddHistory(html, results, [.. history.Where(earlier => earlier.Options == results.Options)]);
        return html.Add($"</body></html>").ToString();
    }

    private static void AddHead(Markup html, ResultFile results)
    {
        HostFacts host = results.Host;
        html.Add($"<h1>Jitvmm {Markup.Escape(results.Commit)}</h1>");
        html.Add($"<p class=\"muted\">{results.Taken:yyyy-MM-dd HH:mm} UTC · {Markup.Escape(host.Processor)}, {host.Processors} processors · {Markup.Escape(host.System)} · {Markup.Escape(host.Runtime)} · load {host.Load:F2} at the start · {results.Rounds} rounds{Markup.Escape(results.Options.Length > 0 ? $" · {results.Options}" : "")}</p>");
        html.Add($"<p>Every number is a ratio of two times taken one after the other, and the median of its rounds; the line through a dot is the standard deviation of one round. Below one is faster. {Markup.Escape(string.Join("; ", results.Peers.Values))}</p>");
        foreach (string failure in results.Failures.Distinct())
        {
            html.Add($"<p class=\"bad\">{Markup.Escape(failure)}</p>");
        }

        foreach (string line in results.LeftOut)
        {
            html.Add($"<p class=\"muted\">Left out: {Markup.Escape(line)}</p>");
        }
    }

    private static void AddPromises(Markup html, ResultFile results)
    {
        (Promise Promise, double Value)[] measured = [.. Promise.All.Select(promise => (promise, promise.Value(results))).Where(static pair => !double.IsNaN(pair.Item2))];
        if (measured.Length == 0)
        {
            return;
        }

        html.Add($"<h2>Promises</h2><div class=\"card\"><table><tr><th>promise</th><th>at most</th><th>today</th><th>met</th></tr>");
        foreach ((Promise promise, double value) in measured)
        {
            (bool? isMet, string met) = promise.Judge(results, value);
            html.Add($"<tr><td>{Markup.Escape(promise.Text)}</td><td>{Markup.Escape(promise.LimitText)}</td><td>{value:F2}</td><td class=\"{(isMet switch { true => "good", false => "bad", null => "muted" })}\">{Markup.Escape(met)}</td></tr>");
        }

        html.Add($"</table></div>");
    }

    private static void AddTable(Markup html, ResultTable table)
    {
        html.Add($"<h2>{Markup.Escape(table.Title)}</h2>");
        foreach (string metric in table.Metrics)
        {
            Ratio[] ratios = [.. Ratio.Of(table).Where(ratio => ratio.Metric == metric)];
            if (ratios.Length == 0)
            {
                continue;
            }

            html.Add($"<h3>{metric} time / {Markup.Escape(table.Reference)}</h3><div class=\"card\">");
            RatioPlot.Draw(html, table, ratios);
            AddNumbers(html, table, metric, ratios);
            foreach (string line in TextReport.NotRun(table, metric))
            {
                html.Add($"<p class=\"muted\">{Markup.Escape(line)}</p>");
            }

            html.Add($"</div>");
        }
    }

    private static void AddNumbers(Markup html, ResultTable table, string metric, Ratio[] ratios)
    {
        string[] runners = TextReport.RunnersOf(table, metric, ratios);
        html.Add($"<details><summary>Numbers</summary><table><tr><th>row</th><th>{Markup.Escape(table.Reference)}, ms</th>{string.Concat(runners.Select(static runner => $"<th>{Markup.Escape(runner)}</th>"))}</tr>");
        foreach (string name in ratios.Select(static ratio => ratio.Row).Distinct())
        {
            ResultRow? row = table.Rows.FirstOrDefault(row => row.Name == name);
            string reference = row == null ? "" : Spread.Of(row.Samples(table.Reference, metric)).Median.ToString("F1", CultureInfo.InvariantCulture);
            string cells = string.Concat(runners.Select(runner => $"<td>{TextReport.Cell(table, ratios, name, runner)}</td>"));
            html.Add($"<tr{(row == null ? " class=\"mean\"" : "")}><td>{Markup.Escape(name)}</td><td>{reference}</td>{cells}</tr>");
        }

        html.Add($"</table></details>");
    }

    /// <summary>A kernel's rounds from its process's start: how long tier 0 has it.</summary>
    private static void AddCurves(Markup html, ResultFile results)
    {
        ResultTable[] tables = [.. results.Tables.Where(static table => table.Rows.Any(static row => row.Curves.Count > 1))];
        if (tables.Length == 0)
        {
            return;
        }

        html.Add($"<h2>Warming up</h2><p class=\"muted\">Each round's time against native code's when warm, from the first round of a process to its last: where a line falls, compiled code took over from the interpreter.</p>");
        foreach (ResultTable table in tables)
        {
            string[] runners = [.. table.Rows.SelectMany(static row => row.Curves.Keys).Distinct().Where(runner => runner != table.Reference)];
            html.Add($"<div class=\"card\">").AddVerbatim(Style.KeyOf(runners)).Add($"<div class=\"small\">");
            foreach (ResultRow row in table.Rows.Where(row => row.Curves.Keys.Any(runner => runner != table.Reference)))
            {
                double reference = Spread.Of(row.Samples(table.Reference, Metric.Warm)).Median;
                html.Add($"<div>{Markup.Escape(row.Name)}");
                var lines = row.Curves.Where(curve => curve.Key != table.Reference).ToDictionary(static curve => curve.Key, curve => (IReadOnlyList<double>)[.. curve.Value.Select(time => time / reference)]);
                LinePlot.Draw(html, lines, ("1", $"{lines.Values.Max(static line => line.Count)}"), SmallWidth, SmallHeight);
                html.Add($"</div>");
            }

            html.Add($"</div></div>");
        }
    }

    private static void AddHistory(Markup html, ResultFile results, IReadOnlyList<ResultFile> history)
    {
        if (history.Count < 2)
        {
            return;
        }

        html.Add($"<h2>History</h2><p class=\"muted\">Geometric means, or the one row, of each table in the results of this folder.</p>");
        foreach (ResultTable table in results.Tables.Where(static table => table.Metrics.Count > 0))
        {
            ResultFile[] measured = [.. history.Where(earlier => earlier.Tables.Any(other => other.Name == table.Name))];
            string metric = table.Metrics[0];
            var lines = new Dictionary<string, IReadOnlyList<double>>();
            foreach (string runner in Ratio.Of(table).Select(static ratio => ratio.Runner).Distinct())
            {
                lines[runner] = [.. measured.Select(earlier => MeanOf(earlier.Tables.First(other => other.Name == table.Name), runner, metric))];
            }

            if (measured.Length > 1 && lines.Count > 0)
            {
                html.Add($"<h3>{Markup.Escape(table.Title)}: {metric}</h3><div class=\"card\">").AddVerbatim(Style.KeyOf(lines.Keys));
                LinePlot.Draw(html, lines, ($"{measured[0].Commit}, {measured[0].Taken:yyyy-MM-dd}", $"{measured[^1].Commit}, {measured[^1].Taken:yyyy-MM-dd}"), Wide, Tall);
                html.Add($"</div>");
            }
        }
    }

    private static double MeanOf(ResultTable table, string runner, string metric)
    {
        Ratio[] ratios = [.. Ratio.Of(table).Where(ratio => ratio.Runner == runner && ratio.Metric == metric)];
        return ratios.Where(static ratio => ratio.Row == Ratio.Mean).Concat(ratios).Select(static ratio => ratio.Value).DefaultIfEmpty(double.NaN).First();
    }
}
