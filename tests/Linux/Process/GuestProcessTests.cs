using Jitvmm.Tests.Guests;

namespace Jitvmm.Tests.Linux.Process;

/// <summary>Guest programs without a C library that check memory, processes, threads and signals; the line that failed is their exit status.</summary>
[Trait("Program", "Guest")]
public sealed class GuestProcessTests
{
    /// <summary>threads.c ends by executing itself anew, which ends so.</summary>
    private const int ExecutedAnew = 9;

    [ToolFact("gcc")]
    public void Memory_calls_keep_the_kernels_rules() => CheckInEachTier("memory", 0);

    [ToolFact("gcc")]
    public void Processes_fork_vfork_exec_and_end_as_natively() => CheckInEachTier("processes", 0);

    [ToolFact("gcc")]
    public void Signals_arrive_as_natively() => CheckInEachTier("signals", 0);

    [ToolFact("gcc")]
    public void Threads_lock_fork_and_exec_beside_each_other() => CheckInEachTier("threads", ExecutedAnew);

    private static void CheckInEachTier(string program, int status)
    {
        using GuestProgramFolder folder = new(program);
        foreach (string tier in (ReadOnlySpan<string>)["0", "1", "auto"])
        {
            Assert.Equal((status, ""), folder.Run([ProgramComparison.Vmm, "run", "--tier", tier, "--quiet", folder.Program]));
        }
    }
}
