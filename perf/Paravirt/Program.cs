using System.Globalization;

namespace Jitvmm.Perf.Paravirt;

/// <summary>
/// What a guest gains that knows it is virtualized: the same guest under <c>--hypervisor none</c> and <c>kvm</c>, in interleaved rounds. Ratios of medians: absolute times of a shared
/// machine mean nothing the next day.
/// </summary>
internal static class Program
{
    private const double HypercallLimitNs = 10;

    private static int Main(string[] arguments)
    {
        int rounds = 3;
        if (arguments is ["--calls"])
        {
            PrintCalls();
            return 0;
        }

        if (arguments is ["--rounds", var number])
        {
            rounds = int.Parse(number, CultureInfo.InvariantCulture);
        }
        else if (arguments.Length > 0)
        {
            Console.Error.WriteLine("usage: [--rounds N | --calls]");
            return 2;
        }

        PrintCalls();
        PrintClocks();
        PrintBoot(rounds);
        return 0;
    }

    private static void PrintCalls()
    {
        foreach (MachineHypervisor hypervisor in (MachineHypervisor[])[MachineHypervisor.Kvm, MachineHypervisor.Hyperv, MachineHypervisor.Vmware])
        {
            IReadOnlyList<(string Name, double Nanoseconds)> loops = BareGuest.Run(hypervisor);
            string name = hypervisor.Kind.ToString().ToLowerInvariant();
            Console.WriteLine(Line($"| compiled loop under {name} of | ns |\n|---|--:|"));
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
        LinuxRun run = guest.Run("--hypervisor", "kvm");
        var clocks = run.Console.Select(static line => line.Split(' ')).Where(static words => words is ["clock", _, _])
            .ToDictionary(static words => words[1], static words => double.Parse(words[2], CultureInfo.InvariantCulture));
        Console.WriteLine("| clock_gettime by | ns | against tsc |\n|---|--:|--:|");
        foreach ((string name, double nanoseconds) in clocks)
        {
            Console.WriteLine(Line($"| {name} | {nanoseconds:F1} | {nanoseconds / clocks["tsc"]:F2} |"));
        }

        Console.WriteLine(Line($"\nkvm-clock takes {clocks["kvm-clock"] / clocks["tsc"]:F2} of the counter's time (at most 1.2), and is {clocks["hpet"] / clocks["kvm-clock"]:F0} times as fast as the HPET (at least 20).\n"));
    }

    private static void PrintBoot(int rounds)
    {
        using var guest = new LinuxGuest("/bin/busybox sleep 0.3");
        Console.WriteLine("| boot | kvm, ms | none, ms | kvm / none, time | kvm / none, CPU |\n|---|--:|--:|--:|--:|");
        foreach (string processors in (string[])["1", "2", "4"])
        {
            List<LinuxRun> kvm = [];
            List<LinuxRun> none = [];
            for (int round = 0; round < rounds; round++)
            {
                kvm.Add(guest.Run("--cpus", processors, "--hypervisor", "kvm"));
                none.Add(guest.Run("--cpus", processors, "--hypervisor", "none"));
            }

            double time = Median(kvm, static run => run.BootMs);
            double other = Median(none, static run => run.BootMs);
            double cpu = Median(kvm, static run => run.BootCpuMs) / Median(none, static run => run.BootCpuMs);
            Console.WriteLine(Line($"| {processors} processors | {time:F0} | {other:F0} | {time / other:F2} | {cpu:F2} |"));
            if (processors == "4")
            {
                PrintCounters(kvm[^1], none[^1]);
            }
        }

        LinuxRun counted = guest.Run("--hypervisor", "kvm", "--icount", "0");
        LinuxRun countedNone = guest.Run("--hypervisor", "none", "--icount", "0");
        double instructions = (double)counted.Counters["instructions executed"] / countedNone.Counters["instructions executed"];
        Console.WriteLine(Line($"\nInstructions of a boot with one processor: {counted.Counters["instructions executed"]:N0} under kvm, {instructions:F3} of those under none.\n"));
    }

    private static void PrintCounters(LinuxRun kvm, LinuxRun none)
    {
        Console.WriteLine("\n| four processors, to power-off | kvm | none |\n|---|--:|--:|");
        foreach ((string name, long value) in kvm.Counters)
        {
            Console.WriteLine(Line($"| {name} | {value:N0} | {(none.Counters.TryGetValue(name, out long other) ? Line($"{other:N0}") : "")} |"));
        }

        double elided = (double)kvm.Counters["of these in memory"] / kvm.Counters["ends of interrupt"];
        Console.WriteLine(Line($"\n{elided:P0} of the ends of interrupt were no callout (at least 80% promised)."));
    }

    private static double Median(List<LinuxRun> runs, Func<LinuxRun, double> value)
    {
        double[] sorted = [.. runs.Select(value).Order()];
        return sorted[sorted.Length / 2];
    }

    private static string Line(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
