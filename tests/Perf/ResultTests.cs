using Jitvmm.Perf.Measuring;
using Jitvmm.Perf.Measuring.Gate;
using Jitvmm.Perf.Measuring.Report;
using Jitvmm.Perf.Measuring.Results;

namespace Jitvmm.Tests.Perf;

/// <summary>What is made of samples.</summary>
public sealed class ResultTests
{
    [Theory]
    [InlineData(new double[] { 3, 1, 2 }, 2, 1)]
    [InlineData(new double[] { 4, 1, 2, 3 }, 2.5, 1)]
    [InlineData(new double[] { 5, 5, 5, 5, 500 }, 5, 0)]
    public void A_spread_is_a_median_and_the_median_distance_from_it(double[] samples, double median, double deviation)
    {
        var spread = Spread.Of(samples);
        Assert.Equal(median, spread.Median);
        Assert.Equal(deviation, spread.Deviation);
        Assert.Equal(samples.Length, spread.Count);
    }

    [Fact]
    public void Ratios_pair_what_was_measured_in_the_same_round()
    {
        // The machine takes twice as long in the second half: medians of each alone would differ by the disturbance.
        var table = new ResultTable { Name = "t", Title = "T", Reference = "native", Subjects = ["jitvmm"], Metrics = [Metric.Wall] };
        var row = new ResultRow { Name = "r" };
        table.Rows.Add(row);
        foreach (double disturbance in (double[])[1, 1, 2, 2])
        {
            row.Add("native", Metric.Wall, 10 * disturbance);
            row.Add("jitvmm", Metric.Wall, 15 * disturbance);
        }

        Ratio ratio = Assert.Single(Ratio.Of(table));
        Assert.Equal(1.5, ratio.Value, 1e-12);
        Assert.Equal(0, ratio.Noise, 1e-12);
    }

    [Fact]
    public void Means_are_geometric_and_groups_have_their_own()
    {
        var table = new ResultTable { Name = "t", Title = "T", Reference = "native", Subjects = ["jitvmm"], Metrics = [Metric.Wall] };
        foreach ((string name, string group, double ratio) in ((string, string, double)[])[("a", "x", 1), ("b", "x", 4), ("c", "y", 2)])
        {
            var row = new ResultRow { Name = name, Group = group };
            row.Add("native", Metric.Wall, 3);
            row.Add("jitvmm", Metric.Wall, 3 * ratio);
            table.Rows.Add(row);
        }

        var means = Ratio.Of(table).Where(static ratio => ratio.IsMean).ToDictionary(static ratio => ratio.Row, static ratio => ratio.Value);
        Assert.Equal(2, means["geomean"], 1e-12);
        Assert.Equal(2, means["geomean, x"], 1e-12);
        Assert.Equal(2, means["geomean, y"], 1e-12);
    }

    [Fact]
    public void A_runner_that_failed_in_a_round_has_no_ratio()
    {
        ResultTable table = MadeUpResults.Table([1.5, 1.5]);
        table.Rows[0].Runners[MadeUpResults.Subject][Metric.Warm].RemoveAt(2);
        Assert.DoesNotContain(Ratio.Of(table), static ratio => ratio is { Row: "first", Runner: MadeUpResults.Subject });
    }

    [Fact]
    public void Results_are_read_back_as_they_were_written_and_another_schema_is_refused()
    {
        string path = Path.GetTempFileName();
        try
        {
            ResultFile written = MadeUpResults.File(MadeUpResults.Table([1.2, 1.4]));
            written.Tables[0].Rows[1].NotRun["v86"] = "no such instruction";
            written.Tables[0].Rows[1].Tiers[MadeUpResults.Subject] = new TierShares([7], [0.25], 0.25);
            written.Write(path);
            ResultFile read = ResultFile.Read(path);
            Assert.Equal(written.Host, read.Host);
            Assert.Equal(Ratio.Of(written.Tables[0]), Ratio.Of(read.Tables[0]));
            Assert.Equal("no such instruction", read.Tables[0].Rows[1].NotRun["v86"]);
            Assert.Equal([0.25], read.Tables[0].Rows[1].Tiers[MadeUpResults.Subject].Compiled);

            File.WriteAllText(path, File.ReadAllText(path).Replace("\"schema\": 1", "\"schema\": 999", StringComparison.Ordinal));
            Assert.Throws<InvalidDataException>(() => ResultFile.Read(path));
        }
        finally
        {
            File.Delete(path);
        }
    }

    [Fact]
    public void Counters_of_several_processes_are_added_up()
    {
        Dictionary<string, double> counters = RunStatistics.Parse("""
            jitvmm: process 7
              blocks translated                 2,279
              compile time, ms                     12
            jitvmm: process 8
              blocks translated                   721
            a line of the guest's own
            """);
        Assert.Equal(3000, counters["blocks translated"]);
        Assert.Equal(12, counters["compile time, ms"]);
        Assert.Equal(2, counters.Count);
    }

    [Fact]
    public void A_promise_is_about_the_worst_row_or_the_mean()
    {
        ResultFile results = MadeUpResults.File(MadeUpResults.Table([1, 4, 2]));
        Assert.Equal(4, Promise.All.Single(static promise => promise is { Table: "kernels", Runner: "jitvmm", Row: Promise.Worst, Against: "native" }).Value(results), 1e-9);
        Assert.Equal(2, Promise.All.Single(static promise => promise is { Table: "kernels", Runner: "jitvmm", Row: Ratio.Mean, Against: "native" }).Value(results), 1e-9);
        Assert.Equal(0.25, Promise.All.Single(static promise => promise is { Table: "kernels", Row: Ratio.Mean, Against: "qemu-x86_64" }).Value(results), 1e-9);
        Assert.True(double.IsNaN(Promise.All.First(static promise => promise.Table == "start").Value(results)));
    }

    [Fact]
    public void A_row_that_a_peer_cannot_run_is_neither_won_nor_lost_and_says_why()
    {
        ResultTable table = MadeUpResults.Table([1, 4, 2]);
        table.Rows[1].NotRun["qemu-x86_64"] = "ended by the limit of 30 s";
        ResultFile results = MadeUpResults.File(table);
        Promise worst = Promise.All.Single(static promise => promise is { Table: "kernels", Row: Promise.Worst, Against: "qemu-x86_64" });
        Promise mean = Promise.All.Single(static promise => promise is { Table: "kernels", Row: Ratio.Mean, Against: "qemu-x86_64" });
        Promise native = Promise.All.Single(static promise => promise is { Table: "kernels", Runner: "jitvmm", Row: Promise.Worst, Against: "native" });
        Assert.Equal(["second"], worst.NotCompared(results));
        Assert.Equal((null, "not shown: second cannot be compared"), worst.Judge(results, worst.Value(results)));
        Assert.Equal((true, "yes, without second"), mean.Judge(results, mean.Value(results)));
        Assert.Equal((false, "no; second cannot be compared"), mean.Judge(results, 0.5));
        Assert.Equal((false, "no"), native.Judge(results, native.Value(results)));

        // Two of three are left: the mean of 1/8 and 2/8.
        Assert.Equal(Math.Sqrt(1 / 8.0 * (2 / 8.0)), mean.Value(results), 1e-9);
        string text = TextReport.Write(results);
        Assert.Contains("| cannot run it |", text, StringComparison.Ordinal);
        Assert.Contains("second cannot be compared with qemu-x86_64, which cannot run it: ended by the limit of 30 s", text, StringComparison.Ordinal);
        Assert.Contains("ended by the limit of 30 s", HtmlReport.Write(results, [results]), StringComparison.Ordinal);
    }

    [Fact]
    public void Parts_are_times_that_stand_in_the_reports_and_that_no_gate_looks_at()
    {
        var table = new ResultTable { Name = "micro", Title = "Parts", Reference = "", Subjects = [MadeUpResults.Subject], Metrics = [] };
        foreach ((string name, double time) in ((string, double)[])[("Lookup.Short", 1.25), ("Pass.Long", 12_500)])
        {
            var row = new ResultRow { Name = name };
            row.Add(MadeUpResults.Subject, Metric.Part, time);
            row.Add(MadeUpResults.Subject, Metric.Allocated, 1024);
            table.Rows.Add(row);
        }

        ResultFile results = MadeUpResults.File(table);
        string text = TextReport.Write(results);
        Assert.Contains("| Lookup.Short | 1.2 ns | ±0 % | 1,024 |", text, StringComparison.Ordinal);
        Assert.Contains("| Pass.Long | 12.5 µs | ±0 % | 1,024 |", text, StringComparison.Ordinal);
        Assert.Contains("<td>12.5 µs</td>", HtmlReport.Write(results, [results, results]).Replace("&#181;", "µ", StringComparison.Ordinal), StringComparison.Ordinal);
        Assert.Empty(Baseline.From(results, table, "a test").Ratios);
    }

    [Fact]
    public void What_compiling_costs_is_the_quotient_of_the_sums()
    {
        ResultTable table = MadeUpResults.Table([1, 1]);
        foreach ((int row, double time, double instructions, double host, double guest) in ((int, double, double, double, double)[])[(0, 1000, 10, 4000, 100), (1, 9000, 490, 8000, 100)])
        {
            table.Rows[row].Add(MadeUpResults.Subject, Metric.Compile, time);
            table.Rows[row].Add(MadeUpResults.Subject, Metric.Compiled, instructions);
            table.Rows[row].Add(MadeUpResults.Subject, Metric.HostBytes, host);
            table.Rows[row].Add(MadeUpResults.Subject, Metric.GuestBytes, guest);
        }

        ResultFile results = MadeUpResults.File(table);
        Assert.Equal(new TranslationCost(20, 60), TranslationCost.Of(table, MadeUpResults.Subject));
        Assert.Equal(100, TranslationCost.Of(table.Rows[0], MadeUpResults.Subject).MicrosecondsPerInstruction, 1e-9);
        Promise promise = Promise.All.Single(static each => each is { Table: "kernels", Measure: Promise.CompileCost });
        Assert.Equal((20, "25 µs"), (promise.Value(results), promise.LimitText));
        Assert.Contains("| 25 µs | 20.00 | yes |", TextReport.Write(results), StringComparison.Ordinal);
        Assert.True(double.IsNaN(promise.Value(MadeUpResults.File(MadeUpResults.Table([1])))));
    }

    [Fact]
    public void Shares_of_the_tiers_are_those_of_each_span_of_time()
    {
        TierShares shares = TierShares.Read(["0 0 0", "10 100 0", "20 150 50", "30 150 50", "40 150 350", ""])!;
        Assert.Equal([10, 20, 30, 40], shares.Milliseconds);

        // Nothing was executed between 20 and 30 ms.
        Assert.Equal([0, 0.5, 0.5, 1], shares.Compiled);
        Assert.Equal(0.7, shares.Total);
        Assert.Null(TierShares.Read(["0 0 0"]));
        Assert.Null(TierShares.Read(["0 0 0", "5 0 0"]));
        Assert.InRange(TierShares.Read(Enumerable.Range(0, 5000).Select(static i => $"{i} {i} 0"))!.Milliseconds.Count, 50, 101);
    }

    [Fact]
    public void A_narrow_plot_has_ticks_between_the_powers_of_two_and_a_wide_one_has_not()
    {
        static string Plot(double ratio)
        {
            ResultFile results = MadeUpResults.File(MadeUpResults.Table([ratio, ratio]));
            foreach (ResultRow row in results.Tables[0].Rows)
            {
                row.Runners.Remove("qemu-x86_64");
            }

            return HtmlReport.Write(results, [results]);
        }

        const string Half = ">1.5</text>";
        const string Quarter = ">1.25</text>";
        Assert.Contains(Quarter, Plot(1.3), StringComparison.Ordinal);
        Assert.Contains(Half, Plot(20), StringComparison.Ordinal);
        Assert.DoesNotContain(Quarter, Plot(20), StringComparison.Ordinal);
        Assert.DoesNotContain(Half, Plot(4000), StringComparison.Ordinal);
    }

    [Fact]
    public void The_report_is_one_page_that_fetches_nothing()
    {
        ResultTable table = MadeUpResults.Table([1.2, 1.4, 0.8]);
        table.Rows[0].Curves["native"] = [20, 20, 20];
        table.Rows[0].Curves[MadeUpResults.Subject] = [90, 30, 24];
        table.Rows[0].Tiers[MadeUpResults.Subject] = new TierShares([10, 20, 40], [0, 0.5, 1], 0.75);
        table.Rows[1].Add(MadeUpResults.Subject, Metric.Compile, 5000);
        table.Rows[1].Add(MadeUpResults.Subject, Metric.Compiled, 0);
        ResultFile results = MadeUpResults.File(table);
        string page = HtmlReport.Write(results, [MadeUpResults.File(MadeUpResults.Table([1.3, 1.5, 0.9]), "an-earlier"), results]);
        foreach (string fetched in (string[])["http:", "https:", "src=", "href=", "url(", "@import"])
        {
            Assert.DoesNotContain(fetched, page, StringComparison.Ordinal);
        }

        Assert.Contains("prefers-color-scheme: dark", page, StringComparison.Ordinal);
        Assert.Contains("version &lt;7&gt;", page, StringComparison.Ordinal);
        Assert.Contains("an-earlier", page, StringComparison.Ordinal);
        Assert.Contains("75.0 % of all instructions in compiled code", page, StringComparison.Ordinal);
        Assert.Contains("jitvmm compiled nothing", page, StringComparison.Ordinal);
        Assert.DoesNotContain("NaN", page, StringComparison.Ordinal);
    }
}
