using System.Globalization;

namespace Jitvmm.Perf.Paravirt;

/// <summary>Booting to the first process with one processor beside QEMU's translator, each with what it is fastest with.</summary>
internal static class PeerTable
{
    private const string Peer = "/usr/bin/qemu-system-x86_64";

    /// <summary>QEMU's machines and processors that might be; what it offers KVM guests needs KVM, and on its microvm this kernel does not get to its first process.</summary>
    private static readonly (string Name, string[] Options)[] s_peers =
    [
        ("q35, every feature", ["-accel", "tcg", "-M", "q35", "-cpu", "max,la57=off"]),
        ("q35, no more than x86-64", ["-accel", "tcg", "-M", "q35", "-cpu", "qemu64"]),
        ("pc, every feature", ["-accel", "tcg", "-M", "pc", "-cpu", "max,la57=off"]),
        ("q35, more room for translations", ["-accel", "tcg,tb-size=1024", "-M", "q35", "-cpu", "max,la57=off"]),
    ];

    public static void Measure(Results results, int rounds)
    {
        if (!File.Exists(Peer))
        {
            Console.WriteLine($"no {Peer} to compare with");
            return;
        }

        using var guest = new LinuxGuest("/bin/busybox sleep 0.3");
        List<LinuxRun> ours = [];
        List<LinuxRun>[] theirs = [.. s_peers.Select(static _ => new List<LinuxRun>())];
        for (int round = 0; round < rounds; round++)
        {
            Progress.Tell("boot beside QEMU", HypervisorKind.Kvm, round);
            ours.Add(guest.Run("--hypervisor", "kvm"));
            for (int i = 0; i < s_peers.Length; i++)
            {
                theirs[i].Add(guest.RunInQemu(Peer, s_peers[i].Options));
            }
        }

        Console.WriteLine("| boot, 1 processor | ms | CPU ms |\n|---|--:|--:|");
        Print("jitvmm --hypervisor kvm", ours);
        for (int i = 0; i < s_peers.Length; i++)
        {
            Print($"QEMU: {s_peers[i].Name}", theirs[i]);
        }

        Console.WriteLine();
        results.Promise("boot to the first process, kvm against QEMU's fastest", TimeOf(ours) / theirs.Min(TimeOf), 1);
    }

    private static void Print(string name, List<LinuxRun> runs) =>
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"| {name} | {TimeOf(runs):F0} | {Medians.Of(runs.Select(static run => run.BootCpuMs)):F0} |"));

    private static double TimeOf(List<LinuxRun> runs) => Medians.Of(runs.Select(static run => run.BootMs));
}
