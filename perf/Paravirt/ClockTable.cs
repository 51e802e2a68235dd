using System.Globalization;

namespace Jitvmm.Perf.Paravirt;

/// <summary><c>clock_gettime</c> under each clock source that each setting's guest has.</summary>
internal static class ClockTable
{
    private const double TscLimit = 1.2;
    private const double HpetLimit = 20;

    /// <summary>The clock that an interface brings.</summary>
    private static readonly (HypervisorKind Kind, string Clock)[] s_own =
    [
        (HypervisorKind.Kvm, "kvm-clock"),
        (HypervisorKind.Hyperv, "hyperv_clocksource_tsc_page"),
        (HypervisorKind.Xen, "xen"),
    ];

    public static void Measure(Results results, int rounds)
    {
        using var guest = new LinuxGuest("/bin/clocks", "clocks");
        var taken = new Dictionary<(HypervisorKind Kind, string Clock), List<double>>();
        for (int round = 0; round < rounds; round++)
        {
            foreach (HypervisorKind kind in Setting.All)
            {
                Progress.Tell("clocks", kind, round);
                foreach (string line in guest.Run("--hypervisor", Setting.NameOf(kind)).Console)
                {
                    if (line.Split(' ') is not ["clock", string name, string nanoseconds])
                    {
                        continue;
                    }

                    if (!taken.TryGetValue((kind, name), out List<double>? times))
                    {
                        taken[(kind, name)] = times = [];
                    }

                    times.Add(double.Parse(nanoseconds, CultureInfo.InvariantCulture));
                }
            }
        }

        Console.WriteLine("| clock_gettime by | ns | against tsc |\n|---|--:|--:|");
        foreach (((HypervisorKind kind, string clock), List<double> times) in taken.OrderBy(static pair => pair.Key.Kind))
        {
            double time = Medians.Of(times);
            Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"| {Setting.NameOf(kind)}: {clock} | {time:F1} | {time / Same(taken, kind, "tsc"):F2} |"));
        }

        Console.WriteLine();
        foreach ((HypervisorKind kind, string clock) in s_own)
        {
            double time = Medians.Of(taken[(kind, clock)]);
            results.Promise($"clock_gettime by {clock} against the TSC's", time / Same(taken, kind, "tsc"), TscLimit);
            results.Promise($"clock_gettime by the HPET against {clock}", Same(taken, kind, "hpet") / time, HpetLimit, isAtLeast: true);
        }
    }

    /// <summary>A clock of the same guest; the fully virtualized one's, where that does not have it, as Hyper-V's guests are not shown the TSC as a source.</summary>
    private static double Same(Dictionary<(HypervisorKind Kind, string Clock), List<double>> taken, HypervisorKind kind, string clock) =>
        Medians.Of(taken[taken.ContainsKey((kind, clock)) ? (kind, clock) : (HypervisorKind.None, clock)]);
}
