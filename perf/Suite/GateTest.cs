using Jitvmm.Perf.Measuring.Gate;
using Jitvmm.Perf.Measuring.Results;

namespace Jitvmm.Perf.Suite;

/// <summary>
/// Tests the gate with this very machine's noise: what is measured twice must pass, and a build that is slowed must fail. It is slowed by having RyuJIT
/// leave out optimisation of what tier 1 gives it, which is what a fault in the emitter or in a region's size would do.
/// </summary>
internal static class GateTest
{
    private const string Slowing = "DOTNET_JITMinOpts";

    public static bool Run(SuiteOptions options)
    {
        ResultFile first = Measure(options);
        options.VmmEnvironment[Slowing] = "1";
        ResultFile slowed = Measure(options);
        options.VmmEnvironment.Remove(Slowing);
        ResultFile again = Measure(options);

        var baseline = Baseline.From(first, first.Tables[0], "test of the gate");
        IReadOnlyList<Finding> ofSlowed = RegressionGate.Compare(slowed.Tables[0], baseline);
        IReadOnlyList<Finding> ofSame = RegressionGate.Compare(again.Tables[0], baseline);
        bool isCaught = ofSlowed.Any(static finding => finding.Verdict == Verdict.Slower);
        bool isLetPass = !ofSame.Any(static finding => finding.Verdict == Verdict.Slower);
        Console.WriteLine($"a build slowed by {Slowing}=1 was {(isCaught ? "caught" : "NOT caught")}:\n\n{RegressionGate.Describe(ofSlowed)}");
        Console.WriteLine($"the same build measured again was {(isLetPass ? "let pass" : "called slower")}:\n\n{RegressionGate.Describe(ofSame)}");
        return isCaught && isLetPass && first.Failures.Count + slowed.Failures.Count + again.Failures.Count == 0;
    }

    private static ResultFile Measure(SuiteOptions options)
    {
        ResultFile results = SuiteRun.Prepare(options);
        results.Tables.Add(KernelTable.MeasureFew(options, results));
        return results;
    }
}
