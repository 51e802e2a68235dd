namespace Jitvmm.Perf.Paravirt;

/// <summary>What guests do after they have booted.</summary>
internal static class WorkTable
{
    public static void Measure(Results results, int rounds)
    {
        using var work = new WorkGuest();

        // The first one waits for what .NET compiles once.
        _ = work.Run(HypervisorKind.None, isCounted: false);
        for (int round = 0; round < rounds; round++)
        {
            foreach (HypervisorKind kind in Setting.All)
            {
                Progress.Tell("work", kind, round);
                foreach ((string name, Part part) in work.Run(kind, isCounted: false))
                {
                    results.Add(kind, name, part);
                }
            }
        }

        foreach (HypervisorKind kind in Setting.All)
        {
            Progress.TellCounting("work", kind);
            foreach ((string name, Part part) in work.Run(kind, isCounted: true))
            {
                results.AddInstructions(kind, name, part.Counters["instructions executed"]);
            }
        }
    }
}
