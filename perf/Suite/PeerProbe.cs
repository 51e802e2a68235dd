using Jitvmm.Perf.Measuring;
using Jitvmm.Perf.Measuring.Results;

namespace Jitvmm.Perf.Suite;

/// <summary>
/// Whether a peer can run a kernel at all, found out by one round: what a processor does in one instruction and the peer in software takes it thousands of times as long.
/// Where it cannot, the row says so, and is not compared.
/// </summary>
internal static class PeerProbe
{
    /// <summary>Natively a round takes 20 to 40 ms.</summary>
    private static readonly TimeSpan s_limit = TimeSpan.FromSeconds(30);

    /// <summary>In a round that takes longer, translating does not count any more: it is as good as a warm one.</summary>
    private const double LongMs = 1000;

    /// <summary>Those of some runners that can run a kernel, peers with as many rounds as tell something new.</summary>
    public static IReadOnlyList<Runner> Able(IReadOnlyList<Runner> runners, Kernel kernel, ResultRow row)
    {
        List<Runner> able = [];
        using var child = new ChildProcess { Limit = s_limit };
        foreach (Runner runner in runners)
        {
            if (!runner.IsPeer)
            {
                able.Add(runner);
                continue;
            }

            ChildRun run = child.Run([.. runner.Prefix, kernel.Program, "1"], runner.Environment);
            if (KernelTable.WhyNot(kernel, run) is { } reason)
            {
                row.NotRun[runner.Name] = reason;
                continue;
            }

            able.Add(kernel.RoundsIn(run.Output)![0] > LongMs ? runner with { Rounds = 1 } : runner);
        }

        return able;
    }
}
