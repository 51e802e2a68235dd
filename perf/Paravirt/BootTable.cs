namespace Jitvmm.Perf.Paravirt;

/// <summary>Boots to the first process, with one to four processors, and what one processor executes for it.</summary>
internal static class BootTable
{
    private const double TimeLimit = 0.8;
    private const double ElidedLimit = 0.8;

    private static readonly string[] s_processors = ["1", "2", "4"];

    public static void Measure(Results results, int rounds)
    {
        using var guest = new LinuxGuest("/bin/busybox sleep 0.3");
        for (int round = 0; round < rounds; round++)
        {
            foreach (string processors in s_processors)
            {
                foreach (HypervisorKind kind in Setting.All)
                {
                    Progress.Tell(RowOf(processors), kind, round);
                    LinuxRun run = guest.Run("--cpus", processors, "--hypervisor", Setting.NameOf(kind));
                    results.Add(kind, RowOf(processors), new Part(run.BootMs, run.BootCpuMs, run.Counters));
                }
            }
        }

        foreach (HypervisorKind kind in Setting.All)
        {
            Progress.TellCounting(RowOf(s_processors[0]), kind);
            results.AddInstructions(kind, RowOf(s_processors[0]), guest.Run("--hypervisor", Setting.NameOf(kind), "--icount", "0").Counters["instructions executed"]);
        }

        foreach (string row in s_processors.Select(RowOf))
        {
            double none = results.Median(HypervisorKind.None, row, static part => part.Ms);
            results.Promise($"{row}: kvm against none", results.Median(HypervisorKind.Kvm, row, static part => part.Ms) / none, TimeLimit);
        }

        foreach (HypervisorKind kind in (HypervisorKind[])[HypervisorKind.Kvm, HypervisorKind.Hyperv])
        {
            double elided = s_processors.Min(processors => results.Median(kind, RowOf(processors), static part => (double)part.Counters["of these in memory"] / part.Counters["ends of interrupt"]));
            results.Promise($"ends of interrupt in memory while booting under {Setting.NameOf(kind)}, of all", elided, ElidedLimit, isAtLeast: true);
        }
    }

    private static string RowOf(string processors) => processors == "1" ? "boot, 1 processor" : $"boot, {processors} processors";
}
