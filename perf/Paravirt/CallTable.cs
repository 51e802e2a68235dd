using System.Globalization;

namespace Jitvmm.Perf.Paravirt;

/// <summary>What a hypercall in compiled code takes beside port input and output, in loops of nothing else.</summary>
internal static class CallTable
{
    private const double LimitNs = 10;
    private const double PortLimit = 0.1;

    public static void Measure(Results results)
    {
        // The first one waits for what .NET compiles once.
        _ = BareGuest.Run(MachineHypervisor.Kvm);
        foreach (HypervisorKind kind in Setting.All.Where(BareGuest.HasCalls))
        {
            string name = Setting.NameOf(kind);
            IReadOnlyList<(string Name, double Nanoseconds)> loops = BareGuest.Run(new MachineHypervisor(kind));
            Print($"| compiled loop under {name} of | ns |\n|---|--:|");
            foreach ((string loop, double nanoseconds) in loops)
            {
                Print($"| {loop} | {nanoseconds:F2} |");
            }

            Console.WriteLine();
            double loopItself = TimeOf(loops, "empty loop");
            double call = TimeOf(loops, "null hypercall") - loopItself;
            double port = Math.Min(TimeOf(loops, "port write"), TimeOf(loops, "port read")) - loopItself;
            results.Promise($"null hypercall under {name} without its loop, ns", call, LimitNs);
            results.Promise($"null hypercall under {name} against a port's round trip", call / port, PortLimit);
        }
    }

    private static double TimeOf(IReadOnlyList<(string Name, double Nanoseconds)> loops, string name) =>
        loops.First(loop => loop.Name.StartsWith(name, StringComparison.Ordinal)).Nanoseconds;

    private static void Print(FormattableString text) => Console.WriteLine(text.ToString(CultureInfo.InvariantCulture));
}
