using Jitvmm.Perf.Measuring.Gate;
using Jitvmm.Perf.Measuring.Results;

namespace Jitvmm.Tests.Perf;

/// <summary>The gate, with results made up: what it must see, and what it must not.</summary>
public sealed class RegressionGateTests
{
    private static readonly double[] s_accepted = [1.1, 1.3, 1.2, 2.0];

    [Fact]
    public void The_same_again_passes()
    {
        Assert.All(Compare(s_accepted), static finding => Assert.Equal(Verdict.Same, finding.Verdict));
    }

    [Fact]
    public void One_slower_row_is_named_with_its_change_and_what_was_allowed()
    {
        IReadOnlyList<Finding> findings = Compare([1.1, 1.3 * 1.2, 1.2, 2.0]);
        Finding row = Assert.Single(findings, static finding => finding.Key.StartsWith("second", StringComparison.Ordinal));
        Assert.Equal(Verdict.Slower, row.Verdict);
        Assert.Equal(0.2, row.Change, 0.001);
        Assert.Equal(RegressionGate.RowFloor, row.Allowed);
        string table = RegressionGate.Describe(findings);
        Assert.Contains("| kernels | second / jitvmm / warm | slower | 1.300 | 1.560 | +20.0 % | +8.0 % |", table, StringComparison.Ordinal);
        Assert.DoesNotContain("first", table, StringComparison.Ordinal);
    }

    [Fact]
    public void A_little_on_every_row_shows_in_their_mean()
    {
        IReadOnlyList<Finding> findings = Compare([.. s_accepted.Select(static ratio => ratio * 1.06)]);
        Finding failing = Assert.Single(findings, static finding => finding.Fails);
        Assert.StartsWith(Ratio.Mean, failing.Key, StringComparison.Ordinal);
    }

    [Fact]
    public void What_noise_explains_passes_and_what_it_does_not_fails()
    {
        // Noise of 0.1: rounds at 1, 1.1, 0.9, 1.05, 0.95 of the ratio. Their median's error allows a sixth.
        Assert.DoesNotContain(Compare([1.1 * 1.12, 1.3, 1.2, 2.0], noise: 0.1), static finding => finding.Fails);
        Assert.Contains(Compare([1.1 * 1.3, 1.3, 1.2, 2.0], noise: 0.1), static finding => finding.Verdict == Verdict.Slower);
    }

    [Fact]
    public void A_row_that_is_too_noisy_to_tell_fails_as_such()
    {
        IReadOnlyList<Finding> findings = Compare(s_accepted, noise: 0.6);
        Assert.Contains(findings, static finding => finding is { Verdict: Verdict.Noisy, Fails: true });
    }

    [Fact]
    public void A_row_that_is_gone_fails_and_one_that_is_new_does_not()
    {
        var baseline = Accept(MadeUpResults.Table(s_accepted));
        IReadOnlyList<Finding> fewer = RegressionGate.Compare(MadeUpResults.Table(s_accepted[..3]), baseline);
        Assert.Contains(fewer, static finding => finding is { Verdict: Verdict.Missing, Fails: true } && finding.Key.StartsWith("fourth", StringComparison.Ordinal));

        var smaller = Accept(MadeUpResults.Table(s_accepted[..3]));
        Finding row = Assert.Single(RegressionGate.Compare(MadeUpResults.Table(s_accepted), smaller), static finding => finding.Verdict == Verdict.New);
        Assert.False(row.Fails);
    }

    [Fact]
    public void What_became_faster_is_told_and_passes()
    {
        IReadOnlyList<Finding> findings = Compare([0.9, 1.0, 0.9, 1.5]);
        Assert.All(findings, static finding => Assert.Equal(Verdict.Faster, finding.Verdict));
        Assert.Contains("faster", RegressionGate.Describe(findings), StringComparison.Ordinal);
    }

    [Fact]
    public void A_peer_that_became_slower_is_not_a_regression()
    {
        Assert.DoesNotContain(Accept(MadeUpResults.Table(s_accepted)).Ratios.Keys, static key => key.Contains("qemu", StringComparison.Ordinal));
    }

    [Fact]
    public void Times_that_double_on_both_sides_change_nothing()
    {
        ResultTable slower = MadeUpResults.Table(s_accepted);
        foreach (List<double> samples in slower.Rows.SelectMany(static row => row.Runners.Values).SelectMany(static metrics => metrics.Values))
        {
            for (int i = 0; i < samples.Count; i++)
            {
                samples[i] *= 2;
            }
        }

        Assert.All(RegressionGate.Compare(slower, Accept(MadeUpResults.Table(s_accepted))), static finding => Assert.Equal(Verdict.Same, finding.Verdict));
    }

    [Fact]
    public void A_baseline_is_read_back_as_it_was_written()
    {
        string folder = Directory.CreateTempSubdirectory("jitvmm-baseline-").FullName;
        try
        {
            Assert.Null(Baseline.Read(folder, "kernels"));
            Accept(MadeUpResults.Table(s_accepted)).Write(folder);
            Baseline read = Baseline.Read(folder, "kernels")!;
            Assert.Equal("a test", read.Reason);
            Assert.Equal(1.3, read.Ratios["second / jitvmm / warm"].Ratio);
            Assert.Equal(5, read.Ratios["second / jitvmm / warm"].Rounds);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private static IReadOnlyList<Finding> Compare(double[] now, double noise = 0.01) =>
        RegressionGate.Compare(MadeUpResults.Table(now, noise), Accept(MadeUpResults.Table(s_accepted, noise)));

    private static Baseline Accept(ResultTable table) => Baseline.From(MadeUpResults.File(table), table, "a test");
}
