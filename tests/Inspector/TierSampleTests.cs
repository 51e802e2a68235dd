using System.Globalization;

namespace Jitvmm.Tests.Inspector;

/// <summary>How instructions are shared between the tiers over time, by the real command.</summary>
public sealed class TierSampleTests : IDisposable
{
    private const int Times = 3_000_001;

    /// <summary>Of the loop, and of what is around it.</summary>
    private const int Executed = (3 * Times) + 2 + 3;

    private readonly CacheRun _run = new();

    public void Dispose() => _run.Dispose();

    [Theory]
    [InlineData("0", 0, 0)]
    [InlineData("1", 0.9, 1)]
    [InlineData("auto", 0, 1)]
    public void Every_instruction_was_executed_in_one_of_the_tiers(string tier, double least, double most)
    {
        (int status, _, string errors) = _run.Run("run", "--tier", tier, "--sample-tiers", _run.PathOf("samples"), _run.Write("hot", TinyProgram.HotLoop(Times)));
        Assert.True(status == 0 && errors.Length == 0, errors);
        double[][] samples = [.. File.ReadLines(_run.PathOf("samples")).Select(static line => line.Split(' ').Select(static word => double.Parse(word, CultureInfo.InvariantCulture)).ToArray())];
        Assert.Equal([0, 0, 0], samples[0]);
        for (int i = 1; i < samples.Length; i++)
        {
            Assert.All(Enumerable.Range(0, 3), column => Assert.True(samples[i][column] >= samples[i - 1][column]));
        }

        double[] last = samples[^1];

        // Blocks count whole, those that were left at a system call or entered in their middle, too.
        Assert.InRange(last[1] + last[2], Executed, Executed + 20);
        Assert.InRange(last[2] / (last[1] + last[2]), least, most);
    }

    [Fact]
    public void Machines_are_sampled_too()
    {
        Assert.Equal(0, _run.Run("boot", "--serial", "none", "--sample-tiers", _run.PathOf("samples")).Status);
        string[] last = File.ReadLines(_run.PathOf("samples")).Last().Split(' ');
        Assert.True(long.Parse(last[1], CultureInfo.InvariantCulture) > 1000);
    }

    [Fact]
    public void A_recorded_run_is_not_sampled_and_a_file_that_cannot_be_made_is_named()
    {
        (int status, _, string errors) = _run.Run("run", "--sample-tiers", _run.PathOf("samples"), "--perf-map", "/bin/true");
        Assert.Equal((125, "jitvmm: tier samples: tiers are sampled of a run that is not recorded: not with --save-cache, --perf-map, --jitdump, --inspect and --dump\n"), (status, errors));
        (status, _, errors) = _run.Run("boot", "--sample-tiers", "/nowhere/samples");
        Assert.Equal((125, "jitvmm: tier samples: /nowhere/samples: its folder does not exist\n"), (status, errors));
    }
}
