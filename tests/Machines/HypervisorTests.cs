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
        echo "upcalls: $(awk '/^HYP:/{n = $2} END {print n + 0}' /proc/interrupts)"
        grep xen /proc/interrupts | sed 's/^/channel /'
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

    [GuestKernelTheory("cloud", "lz4")]
    [InlineData(1, false)]
    [InlineData(2, false)]
    [InlineData(1, true)]
    [InlineData(2, true)]
    public void Under_xen_it_uses_what_is_offered(int processors, bool entersByNote)
    {
        using MachineProcess machine = BootXen(processors, entersByNote, "xen");
        Has(machine, "Hypervisor detected: Xen HVM\n", "Xen version 4.17.\n", entersByNote ? "Booting kernel on Xen PVH\n" : "Booting paravirtualized kernel on Xen HVM\n", "xen:events: Using 2-level ABI\n", "xen:events: Xen HVM callback vector for event delivery is enabled\n", "installing Xen timer for CPU 0\n", "clock: xen\n", "events: xen\n", $"flags: {processors}\n");
        Assert.Matches(@"(?m)^upcalls: [1-9][0-9]*$", machine.Console);
        Assert.Matches(@"(?m)^channel .* xen-percpu +-virq +timer0$", machine.Console);
        Assert.Matches(@"(?m)^ +ffffffff[0-9a-f]{8} vmcall any number, instruction +[1-9][0-9,]+$", machine.Errors);
        if (processors > 1)
        {
            Has(machine, "cpu 0 spinlock event irq ");
            Assert.Matches(@"(?m)^channel .*[1-9][0-9]* .* xen-percpu +-ipi +resched1$", machine.Console);
        }

        Assert.DoesNotContain("VDSO_CLOCKMODE_PVCLOCK not supported", machine.Console, StringComparison.Ordinal);
        Has(machine, "Grant table initialized\n");
        Assert.Equal(!entersByNote, machine.Console.Contains("compiled for this kernel: unplug emulated disks.\n", StringComparison.Ordinal));
    }

    [GuestKernelTheory("cloud", "lz4")]
    [InlineData("xen,-clock", "clock: tsc\n", "events: lapic")]
    [InlineData("xen,-upcall-vector", "clock: xen\n", "events: xen\n")]
    [InlineData("xen,-vcpu-timer,-stable-clock,-steal-time", "clock: xen\n", "events: xen\n")]
    public void Under_xen_what_is_switched_off_is_not_used(string hypervisor, string clock, string events)
    {
        using MachineProcess machine = BootXen(2, true, hypervisor);
        Has(machine, "Hypervisor detected: Xen HVM\n", clock, events);
        Assert.Matches(@"(?m)^upcalls: [1-9][0-9]*$", machine.Console);
        Assert.Equal(events == "events: xen\n", machine.Console.Contains("-virq      timer0\n", StringComparison.Ordinal));
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
    [InlineData("xen", "Xen HVM", "xen")]
    public void The_kernel_for_any_PC_finds_the_same(string hypervisor, string detected, string clock)
    {
        using MachineProcess machine = BootKernel(GuestKernel.Generic.Image, 4, "--hypervisor", hypervisor);
        Has(machine, $"clock: {clock}\n");
        Assert.Equal(detected.Length > 0, machine.Console.Contains($"Hypervisor detected: {detected}", StringComparison.Ordinal));
    }

    /// <summary>Through its ELF note, which makes it a PVH guest, or its own loader.</summary>
    private static MachineProcess BootXen(int processors, bool entersByNote, string hypervisor)
    {
        using var folder = new ScratchFolder();
        if (entersByNote)
        {
            KernelImage.ExtractElf(GuestKernel.Cloud.Image, folder["vmlinux"]);
        }

        return BootKernel(entersByNote ? folder["vmlinux"] : GuestKernel.Cloud.Image, processors, "--hypervisor", hypervisor);
    }

    private static MachineProcess Boot(int processors, params string[] options) => BootKernel(GuestKernel.Cloud.Image, processors, options);

    private static MachineProcess BootKernel(string kernel, int processors, params string[] options)
    {
        using var folder = new ScratchFolder();
        GuestRoot.Write(folder["initrd"], Script);
        MachineProcess machine = MachineProcess.Run(
            s_limit,
            ["--kernel", kernel, "--initrd", folder["initrd"], "--append", "console=ttyS0", "--cpus", $"{processors}", "--stats", .. options]);
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
