using System.Globalization;

namespace Jitvmm.Perf.Paravirt;

/// <summary>
/// What a guest gains that knows it is virtualized: the same guest under each setting of <c>--hypervisor</c>, in interleaved rounds. Ratios of medians: absolute times of a shared
/// machine mean nothing the next day.
/// </summary>
internal static class Program
{
    private const string Usage = "usage: [--rounds N] [--output FOLDER] [--only calls|clocks|boot|work]";
    private const double HypercallLimitNs = 10;
    private const string BootPart = "boot";

    private static readonly MachineHypervisor[] s_all = [.. Enum.GetValues<HypervisorKind>().Select(static kind => new MachineHypervisor(kind))];

    private static int Main(string[] arguments)
    {
        int rounds = 3;
        string folder = ".";
        string only = "";
        for (int i = 0; i < arguments.Length; i += 2)
        {
            string value = i + 1 < arguments.Length ? arguments[i + 1] : "";
            switch (arguments[i])
            {
                case "--rounds" when int.TryParse(value, CultureInfo.InvariantCulture, out int number) && number > 0:
                    rounds = number;
                    break;
                case "--output" when value.Length > 0:
                    folder = Directory.CreateDirectory(value).FullName;
                    break;
                case "--only" when value is "calls" or "clocks" or BootPart or "work":
                    only = value;
                    break;
                default:
                    Console.Error.WriteLine(Usage);
                    return 2;
            }
        }

        foreach ((string part, Action print) in ((string, Action)[])
            [("calls", PrintCalls), ("clocks", PrintClocks), (BootPart, () => PrintBoot(rounds)), ("work", () => PrintWork(rounds, folder))])
        {
            if (only.Length == 0 || only == part)
            {
                print();
            }
        }

        return 0;
    }

    private static string NameOf(MachineHypervisor hypervisor) => hypervisor.Kind.ToString().ToLowerInvariant();

    private static void PrintCalls()
    {
        foreach (MachineHypervisor hypervisor in s_all.Where(static hypervisor => BareGuest.HasCalls(hypervisor.Kind)))
        {
            IReadOnlyList<(string Name, double Nanoseconds)> loops = BareGuest.Run(hypervisor);
            Console.WriteLine(Line($"| compiled loop under {NameOf(hypervisor)} of | ns |\n|---|--:|"));
            foreach ((string loop, double nanoseconds) in loops)
            {
                Console.WriteLine(Line($"| {loop} | {nanoseconds:F2} |"));
            }

            double loopItself = TimeOf(loops, "empty loop");
            double call = TimeOf(loops, "null hypercall") - loopItself;
            double port = Math.Min(TimeOf(loops, "port write"), TimeOf(loops, "port read")) - loopItself;
            Console.WriteLine(Line($"\nWithout the loop a null hypercall takes {call:F1} ns (at most {HypercallLimitNs} promised), {call / port:F3} of a port's round trip (at most 0.1).\n"));
        }
    }

    private static double TimeOf(IReadOnlyList<(string Name, double Nanoseconds)> loops, string name) =>
        loops.First(loop => loop.Name.StartsWith(name, StringComparison.Ordinal)).Nanoseconds;

    private static void PrintClocks()
    {
        using var guest = new LinuxGuest("/bin/clocks", "clocks");
        Console.WriteLine("| clock_gettime by | ns | against tsc |\n|---|--:|--:|");
        double tsc = double.NaN;
        foreach (MachineHypervisor hypervisor in s_all)
        {
            LinuxRun run = guest.Run("--hypervisor", NameOf(hypervisor));
            var clocks = run.Console.Select(static line => line.Split(' ')).Where(static words => words is ["clock", _, _])
                .ToDictionary(static words => words[1], static words => double.Parse(words[2], CultureInfo.InvariantCulture));

            // Hyper-V's guests are not shown it: theirs is compared with the one before.
            tsc = clocks.GetValueOrDefault("tsc", tsc);
            foreach ((string name, double nanoseconds) in clocks)
            {
                Console.WriteLine(Line($"| {NameOf(hypervisor)}: {name} | {nanoseconds:F1} | {nanoseconds / tsc:F2} |"));
            }

            if (clocks.TryGetValue("kvm-clock", out double own))
            {
                Console.WriteLine(Line($"| kvm-clock / tsc, at most 1.2 promised; hpet / kvm-clock, at least 20 | | {own / tsc:F2}; {clocks["hpet"] / own:F0} |"));
            }
        }

        Console.WriteLine();
    }

    /// <summary>Boots to the first process, with one to four processors, and what one processor executes for it.</summary>
    private static void PrintBoot(int rounds)
    {
        using var guest = new LinuxGuest("/bin/busybox sleep 0.3");
        Console.WriteLine("| boot | ms | / none | CPU ms | / none | ends of interrupt | of these in memory |\n|---|--:|--:|--:|--:|--:|--:|");
        foreach (string processors in (string[])["1", "2", "4"])
        {
            var runs = s_all.ToDictionary(static hypervisor => hypervisor.Kind, static _ => new List<LinuxRun>());
            for (int round = 0; round < rounds; round++)
            {
                foreach (MachineHypervisor hypervisor in s_all)
                {
                    runs[hypervisor.Kind].Add(guest.Run("--cpus", processors, "--hypervisor", NameOf(hypervisor)));
                }
            }

            List<LinuxRun> none = runs[HypervisorKind.None];
            foreach ((HypervisorKind kind, List<LinuxRun> taken) in runs)
            {
                double time = Median(taken, static run => run.BootMs);
                double cpu = Median(taken, static run => run.BootCpuMs);
                double elided = Median(taken, static run => (double)run.Counters["of these in memory"] / run.Counters["ends of interrupt"]);
                Console.WriteLine(Line($"| {kind.ToString().ToLowerInvariant()}, {processors} processors | {time:F0} | {time / Median(none, static run => run.BootMs):F2} | {cpu:F0} | {cpu / Median(none, static run => run.BootCpuMs):F2} | {Median(taken, static run => run.Counters["ends of interrupt"]):N0} | {elided:P0} |"));
            }
        }

        Console.WriteLine("\n| instructions of a boot with one processor | | / none |\n|---|--:|--:|");
        double executedByNone = double.NaN;
        foreach (MachineHypervisor hypervisor in s_all)
        {
            double executed = guest.Run("--hypervisor", NameOf(hypervisor), "--icount", "0").Counters["instructions executed"];
            executedByNone = hypervisor.Kind == HypervisorKind.None ? executed : executedByNone;
            Console.WriteLine(Line($"| {NameOf(hypervisor)} | {executed:N0} | {executed / executedByNone:F3} |"));
        }

        Console.WriteLine();
    }

    /// <summary>A table for each interface, and its files.</summary>
    private static void PrintWork(int rounds, string folder)
    {
        using var boot = new LinuxGuest("/bin/busybox sleep 0.3");
        using var work = new WorkGuest();

        // The first one waits for what .NET compiles once.
        _ = work.Run(MachineHypervisor.None);
        var parts = s_all.ToDictionary(static hypervisor => hypervisor.Kind, static _ => new List<Dictionary<string, Part>>());
        for (int round = 0; round < rounds; round++)
        {
            foreach (MachineHypervisor hypervisor in s_all)
            {
                LinuxRun booted = boot.Run("--cpus", "2", "--hypervisor", NameOf(hypervisor));
                Dictionary<string, Part> taken = new() { [BootPart] = new Part(booted.BootMs, booted.BootCpuMs, booted.Counters) };
                foreach ((string name, Part part) in work.Run(hypervisor))
                {
                    taken[name] = part;
                }

                parts[hypervisor.Kind].Add(taken);
            }
        }

        foreach ((HypervisorKind kind, List<Dictionary<string, Part>> taken) in parts)
        {
            string name = kind.ToString().ToLowerInvariant();
            var report = new InterfaceReport(name, taken, parts[HypervisorKind.None]);
            Console.WriteLine(report.Markdown());
            File.WriteAllText(Path.Combine(folder, $"{name}.md"), report.Markdown());
            File.WriteAllText(Path.Combine(folder, $"{name}.json"), report.Json());
            File.WriteAllText(Path.Combine(folder, $"{name}.svg"), report.Plot());
        }
    }

    private static double Median(List<LinuxRun> runs, Func<LinuxRun, double> value)
    {
        double[] sorted = [.. runs.Select(value).Order()];
        return sorted[sorted.Length / 2];
    }

    private static string Line(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
