using System.Security.Cryptography;
using System.Text;

namespace Jitvmm.Tests.Machines;

/// <summary>Boots an unmodified Linux to a script in its initramfs, as a user would, and reads its console.</summary>
[Trait("Program", "Guest")]
public sealed class LinuxBootTests
{
    internal const string Script = """
        echo "processors: $(nproc)"
        echo "sorted: $(seq 1 2000 | sort -rn | head -1)"
        echo "digest: $(seq 1 20000 | sha256sum)"
        echo "clock: $(cat /sys/devices/system/clocksource/clocksource0/current_clocksource)"
        sleep 0.2
        echo "vendor: $(grep -c hypervisor /proc/cpuinfo) hypervisor flags"
        poweroff -f

        """;

    private static readonly TimeSpan s_limit = TimeSpan.FromMinutes(10);

    [GuestKernelTheory("cloud")]
    [InlineData("auto", 1)]
    [InlineData("auto", 2)]
    [InlineData("auto", 4)]
    [InlineData("0", 1)]
    [InlineData("1", 1)]
    public void Debians_cloud_kernel_runs_a_script_and_powers_off(string tier, int processors)
    {
        using var folder = new ScratchFolder();
        CheckScript(folder, GuestKernel.Cloud.Image, processors, "--tier", tier);
    }

    [GuestKernelTheory("cloud", "lz4")]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(4)]
    public void The_same_kernel_boots_through_its_PVH_entry(int processors)
    {
        using var folder = new ScratchFolder();
        KernelImage.ExtractElf(GuestKernel.Cloud.Image, folder["vmlinux"]);
        CheckScript(folder, folder["vmlinux"], processors);
    }

    [GuestKernelTheory("cloud")]
    [InlineData(true)]
    [InlineData(false)]
    public void A_panic_that_reboots_restarts_the_machine_or_ends_it(bool reboots)
    {
        using var folder = new ScratchFolder();
        using var machine = new MachineProcess([
            "--kernel", GuestKernel.Cloud.Image, "--append", "console=ttyS0 panic=-1", .. reboots ? Array.Empty<string>() : ["--no-reboot"],
        ]);
        machine.WaitFor("Kernel panic - not syncing: VFS: Unable to mount root fs", s_limit);
        if (reboots)
        {
            machine.WaitFor("Linux version", s_limit, 2);
            machine.Kill();
        }
        else
        {
            machine.WaitForEnd(s_limit);
        }

        Assert.True(reboots == machine.Errors.Contains("the guest reset the machine", StringComparison.Ordinal), machine.Report);
    }

    [GuestKernelTheory("cloud")]
    [InlineData(1)]
    public void A_booted_kernel_costs_at_most_400_MB_beyond_its_RAM(int processors)
    {
        const long Limit = 400_000_000;
        const int MegabytesOfRam = 768;
        using var folder = new ScratchFolder();
        GuestRoot.Write(folder["initrd"], "seq 1 100000 | sort | sha256sum\necho ready\nsleep 1000\n");
        using var machine = new MachineProcess(
            "--kernel", GuestKernel.Cloud.Image, "--initrd", folder["initrd"], "--append", "console=ttyS0", "--memory", $"{MegabytesOfRam}M", "--cpus", $"{processors}");
        machine.WaitFor("ready\n", s_limit);
        (long ram, long other) = HostMemoryOf(machine.Id, MegabytesOfRam);
        Assert.True(ram > 0, "the guest's RAM is not a mapping of its own");
        Assert.True(other <= Limit, $"{other / 1_000_000} MB beside {ram / 1_000_000} MB of the guest's RAM");
    }

    private static void CheckScript(ScratchFolder folder, string kernel, int processors, params string[] options)
    {
        GuestRoot.Write(folder["initrd"], Script);
        using MachineProcess machine = MachineProcess.Run(
            s_limit,
            ["--kernel", kernel, "--initrd", folder["initrd"], "--append", "console=ttyS0", "--memory", "512M", "--cpus", $"{processors}", .. options]);
        string digest = Convert.ToHexStringLower(SHA256.HashData(Encoding.ASCII.GetBytes(string.Concat(Enumerable.Range(1, 20000).Select(number => $"{number}\n")))));
        foreach (string line in (string[])[$"processors: {processors}\n", "sorted: 2000\n", $"digest: {digest}  -\n", $"vendor: {processors} hypervisor flags\n", "clock: kvm-clock\n", "reboot: Power down"])
        {
            Assert.True(machine.Console.Contains(line, StringComparison.Ordinal), $"no {line}{machine.Report}");
        }

        Assert.False(machine.Console.Contains("Call Trace:", StringComparison.Ordinal), machine.Report);
    }

    /// <summary>Bytes of a process in the host's memory: in the guest's RAM, which is known by its length, and elsewhere.</summary>
    private static (long Ram, long Other) HostMemoryOf(int process, int megabytesOfRam)
    {
        long ram = 0;
        long other = 0;
        long size = 0;
        foreach (string line in File.ReadLines($"/proc/{process}/smaps"))
        {
            string[] words = line.Split(' ', StringSplitOptions.RemoveEmptyEntries);
            if (words[0] == "Size:")
            {
                size = long.Parse(words[1]) / 1024;
            }
            else if (words[0] == "Rss:")
            {
                bool isRam = Math.Abs(size - megabytesOfRam) <= 1;
                (isRam ? ref ram : ref other) += 1024 * long.Parse(words[1]);
            }
        }

        return (ram, other);
    }
}
