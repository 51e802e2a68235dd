using System.Globalization;
using System.Text.RegularExpressions;

namespace Jitvmm.Tests.Machines;

/// <summary>Debian's cloud kernel, unmodified, under each setting of <c>--hypervisor</c>: what it finds, uses and gains.</summary>
[Trait("Program", "Guest")]
public sealed partial class HypervisorTests
{
    /// <summary>Busy enough on all processors for interrupts between them, and for the host to have too few of its own.</summary>
    private const string Script = """
        echo "clock: $(cat /sys/devices/system/clocksource/clocksource0/current_clocksource)"
        echo "events: $(cat /sys/devices/system/clockevents/clockevent0/current_device)"
        echo "timers: $(awk '/^HVS:/{n = $2} END {print n + 0}' /proc/interrupts)"
        echo "flags: $(grep -c hypervisor /proc/cpuinfo)"
        n=$(($(nproc) * 2))
        for i in $(seq $n); do seq 1 40000 | sort -rn | sha256sum > /tmp$i & done
        wait
        echo "steal: $(awk '/^cpu /{print $9}' /proc/stat)"
        t=$(cut -d' ' -f1 /proc/uptime); sleep 1; echo "second: $t $(cut -d' ' -f1 /proc/uptime)"
        poweroff -f

        """;

    private static readonly TimeSpan s_limit = TimeSpan.FromMinutes(10);

    [GuestKernelTheory("cloud")]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(4)]
    public void Under_kvm_it_uses_what_is_offered(int processors)
    {
        using MachineProcess machine = Boot(processors, "--hypervisor", "kvm");
        Has(machine, "Hypervisor detected: KVM\n", "Booting paravirtualized kernel on KVM\n", "kvm-clock: Using msrs 4b564d01 and 4b564d00", "clock: kvm-clock\n", "events: lapic", $"flags: {processors}\n");
        if (processors > 1)
        {
            Has(machine, "KVM setup pv remote TLB flush", "setup PV sched yield", "PV spinlocks enabled", "setup PV IPIs");
            Assert.True(Counter(machine, "hypercalls (kvm)") > 0, machine.Report);
            Assert.Matches(HypercallSite(), machine.Errors);
        }

        // Twice as many busy processes as processors, and other tests beside them.
        long ends = Counter(machine, "ends of interrupt");
        long elided = Counter(machine, "of these in memory");
        Assert.True(elided >= 0.8 * ends && ends > 100, $"{elided} of {ends} ends of interrupt were in memory{machine.Report}");
        if (processors > Environment.ProcessorCount)
        {
            Assert.DoesNotContain("steal: 0\n", machine.Console, StringComparison.Ordinal);
        }
    }

    [GuestKernelTheory("cloud")]
    [InlineData(1)]
    [InlineData(2)]
    public void Under_none_it_finds_nothing(int processors)
    {
        using MachineProcess machine = Boot(processors, "--hypervisor", "none");
        Has(machine, "Booting paravirtualized kernel on bare hardware\n", "clock: tsc\n", "events: lapic", "flags: 0\n", "steal: 0\n");
        foreach (string sign in (string[])["Hypervisor detected", "KVM", "kvm", "PV "])
        {
            Assert.False(machine.Console.Contains(sign, StringComparison.Ordinal), $"{sign}{machine.Report}");
        }

        Assert.DoesNotContain("hypercalls", machine.Errors, StringComparison.Ordinal);
    }

    [GuestKernelTheory("cloud")]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(4)]
    public void Under_vmware_it_uses_what_is_offered(int processors)
    {
        using MachineProcess machine = Boot(processors, "--hypervisor", "vmware");
        Has(machine, "Hypervisor detected: VMware\n", "Booting paravirtualized kernel on VMware hypervisor\n", "vmware: hypercall mode: 0x02\n", "vmware: TSC freq read from hypervisor : 1000.000 MHz\n", "vmware: Host bus clock speed read from hypervisor : 1000000000 Hz\n", "x2apic enabled\n", "clock: tsc\n", "events: lapic", $"flags: {processors}\n");
        for (int i = 0; i < processors; i++)
        {
            Has(machine, $"vmware: vmware-stealtime: cpu {i}, pa ");
        }

        // GETHZ and GETVCPU_INFO, and the steal clocks of all but the first processor, which came by the port: its instruction is patched later.
        Assert.Equal(1 + processors, Counter(machine, "hypercalls (vmware)"));
        if (processors > 1)
        {
            Assert.Matches($@"(?m)^ +ffffffff[0-9a-f]{{8}} vmcall 91 stealclock, instruction +{processors - 1}$", machine.Errors);
        }
    }

    [GuestKernelTheory("cloud")]
    [InlineData(1)]
    public void Under_vmware_the_port_does_what_vmcall_did(int processors)
    {
        using MachineProcess machine = Boot(processors, "--hypervisor", "vmware,-vmcall,-steal-clock");
        Has(machine, "Hypervisor detected: VMware\n", "vmware: hypercall mode: 0x00\n", "vmware: TSC freq read from hypervisor : 1000.000 MHz\n", "clock: tsc\n", "steal: 0\n");
        Assert.DoesNotContain("stealtime", machine.Console, StringComparison.Ordinal);
        Assert.Equal(0, Counter(machine, "hypercalls (vmware)"));
    }

    [GuestKernelTheory("cloud")]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(4)]
    public void Under_hyperv_it_uses_what_is_offered(int processors)
    {
        using MachineProcess machine = Boot(processors, "--hypervisor", "hyperv");
        Has(machine, "Hypervisor detected: Microsoft Hyper-V\n", "Booting paravirtualized kernel on Hyper-V\n", "Hyper-V: privilege flags low 0xa7a, high 0x0, hints 0xc2c, misc 0x80100\n", "Hyper-V: LAPIC Timer Frequency: 0x3d0900\n", "Hyper-V: Using hypercall for remote TLB flush\n", "Hyper-V: Using IPI hypercalls\n", "Hyper-V: Using enlightened APIC (x2apic mode)\n", "clock: hyperv_clocksource_tsc_page\n", "events: Hyper-V clockevent\n", $"flags: {processors}\n");
        Assert.Matches(@"(?m)^timers: [1-9][0-9]*$", machine.Console);
        long ends = Counter(machine, "ends of interrupt");
        long elided = Counter(machine, "of these in memory");
        Assert.True(elided >= 0.8 * ends && ends > 100, $"{elided} of {ends} ends of interrupt were in memory{machine.Report}");
        if (processors > 1)
        {
            Assert.Matches(@"(?m)^ +ffffffff[0-9a-f]{8} call 11 send-ipi, page +[0-9,]+$", machine.Errors);
        }
    }

    [GuestKernelTheory("cloud")]
    [InlineData(2)]
    public void Under_hyperv_what_is_switched_off_is_not_used(int processors)
    {
        using MachineProcess machine = Boot(processors, "--hypervisor", "hyperv,-reference-counter,-apic,-ipi,-tlb-flush");
        Has(machine, "Hypervisor detected: Microsoft Hyper-V\n", "events: lapic", "timers: 0\n");
        foreach (string sign in (string[])["hyperv_clocksource", "Using IPI hypercalls", "remote TLB flush", "enlightened APIC"])
        {
            Assert.False(machine.Console.Contains(sign, StringComparison.Ordinal), $"{sign}{machine.Report}");
        }

        Assert.Equal(0, Counter(machine, "of these in memory"));
        Assert.Equal(0, Counter(machine, "hypercalls (hyperv)"));
    }

    [GuestKernelTheory("cloud")]
    [InlineData(2)]
    public void What_is_switched_off_is_not_used(int processors)
    {
        using MachineProcess machine = Boot(processors, "--hypervisor", "kvm,-clock,-pv-eoi,-pv-ipi,-pv-tlb-flush,-steal-time");
        Has(machine, "Hypervisor detected: KVM\n", "clock: tsc\n", "steal: 0\n");
        foreach (string sign in (string[])["kvm-clock", "setup PV IPIs", "remote TLB flush"])
        {
            Assert.False(machine.Console.Contains(sign, StringComparison.Ordinal), $"{sign}{machine.Report}");
        }

        Assert.Equal(0, Counter(machine, "of these in memory"));
    }

    /// <summary>Its image takes a compressor that costs three times the boot.</summary>
    [Trait("Run", "Nightly")]
    [NightlyKernelTheory("generic")]
    [InlineData("none", "", "tsc")]
    [InlineData("kvm", "KVM", "kvm-clock")]
    [InlineData("hyperv", "Microsoft Hyper-V", "hyperv_clocksource_tsc_page")]
    [InlineData("vmware", "VMware", "tsc")]
    public void The_kernel_for_any_PC_finds_the_same(string hypervisor, string detected, string clock)
    {
        using MachineProcess machine = Boot(GuestKernel.Generic, 4, "--hypervisor", hypervisor);
        Has(machine, $"clock: {clock}\n");
        Assert.Equal(detected.Length > 0, machine.Console.Contains($"Hypervisor detected: {detected}", StringComparison.Ordinal));
    }

    private static MachineProcess Boot(int processors, params string[] options) => Boot(GuestKernel.Cloud, processors, options);

    private static MachineProcess Boot(GuestKernel kernel, int processors, params string[] options)
    {
        using var folder = new ScratchFolder();
        GuestRoot.Write(folder["initrd"], Script);
        MachineProcess machine = MachineProcess.Run(
            s_limit,
            ["--kernel", kernel.Image, "--initrd", folder["initrd"], "--append", "console=ttyS0", "--cpus", $"{processors}", "--stats", .. options]);
        Has(machine, "reboot: Power down");
        Assert.False(machine.Console.Contains("Call Trace:", StringComparison.Ordinal), machine.Report);
        Match second = Second().Match(machine.Console);
        Assert.True(second.Success, machine.Report);
        double slept = double.Parse(second.Groups[2].Value, CultureInfo.InvariantCulture) - double.Parse(second.Groups[1].Value, CultureInfo.InvariantCulture);
        Assert.True(slept >= 0.99, $"a second was {slept} seconds{machine.Report}");
        return machine;
    }

    private static void Has(MachineProcess machine, params string[] texts)
    {
        foreach (string text in texts)
        {
            Assert.True(machine.Console.Contains(text, StringComparison.Ordinal), $"no {text}{machine.Report}");
        }
    }

    /// <summary>A line of <c>--stats</c>.</summary>
    private static long Counter(MachineProcess machine, string name)
    {
        Match line = Regex.Match(machine.Errors, $@"^ *{Regex.Escape(name)} +([0-9,]+)$", RegexOptions.Multiline);
        Assert.True(line.Success, $"no {name}{machine.Report}");
        return long.Parse(line.Groups[1].Value, NumberStyles.AllowThousands, CultureInfo.InvariantCulture);
    }

    [GeneratedRegex(@"^second: ([0-9.]+) ([0-9.]+)$", RegexOptions.Multiline)]
    private static partial Regex Second();

    [GeneratedRegex(@"^ +ffffffff[0-9a-f]{8} vmcall (5 kick-cpu|10 send-ipi|11 sched-yield), instruction +[0-9,]+$", RegexOptions.Multiline)]
    private static partial Regex HypercallSite();
}
