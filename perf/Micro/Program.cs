using BenchmarkDotNet.Configs;
using BenchmarkDotNet.Jobs;
using BenchmarkDotNet.Running;
using BenchmarkDotNet.Toolchains.InProcess.Emit;

namespace Jitvmm.Perf.Micro;

/// <summary>BenchmarkDotNet's options, or <c>--allocations</c> for the gate.</summary>
internal static class Program
{
    private static readonly Type[] s_benchmarks = [typeof(TranslationBenchmarks), typeof(LookupBenchmarks), typeof(ExecutionBenchmarks), typeof(MachineBenchmarks)];

    private static int Main(string[] arguments)
    {
        if (arguments is ["--allocations"])
        {
            return AllocationGate.Run(s_benchmarks) ? 0 : 1;
        }

        // In this process, which has the settings the engine needs.
        IConfig config = DefaultConfig.Instance.AddJob(Job.ShortRun.WithToolchain(InProcessEmitToolchain.Instance));
        _ = BenchmarkSwitcher.FromTypes(s_benchmarks).Run(arguments, config);
        return 0;
    }
}
