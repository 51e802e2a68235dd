using BenchmarkDotNet.Configs;
using BenchmarkDotNet.Jobs;
using BenchmarkDotNet.Running;
using BenchmarkDotNet.Toolchains.InProcess.Emit;

namespace Jitvmm.Perf.Micro;

/// <summary>BenchmarkDotNet's options, <c>--allocations</c> for the gate, or <c>--results FILE FILTER</c> for the suite.</summary>
internal static class Program
{
    private static readonly Type[] s_benchmarks = [typeof(TranslationBenchmarks), typeof(PassBenchmarks), typeof(LookupBenchmarks), typeof(ExecutionBenchmarks), typeof(MachineBenchmarks)];

    private static int Main(string[] arguments)
    {
        if (arguments is ["--allocations"])
        {
            return AllocationGate.Run(s_benchmarks) ? 0 : 1;
        }

        // In this process, which has the settings the engine needs.
        IConfig config = DefaultConfig.Instance.AddJob(Job.ShortRun.WithToolchain(InProcessEmitToolchain.Instance));
        if (arguments is ["--results", var file, var filter])
        {
            DirectoryInfo artifacts = Directory.CreateTempSubdirectory("jitvmm-micro-");
            bool isComplete = PartResults.Write(file, BenchmarkSwitcher.FromTypes(s_benchmarks).Run(["--filter", filter], config.WithArtifactsPath(artifacts.FullName)));
            artifacts.Delete(recursive: true);
            return isComplete ? 0 : 1;
        }

        _ = BenchmarkSwitcher.FromTypes(s_benchmarks).Run(arguments, config);
        return 0;
    }
}
