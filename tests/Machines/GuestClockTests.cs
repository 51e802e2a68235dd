using System.Diagnostics;
using System.Globalization;
using Jitvmm.Devices.State;
using Jitvmm.Runtime.Paravirt;
using Jitvmm.Tests.Tidy;

namespace Jitvmm.Tests.Machines;

/// <summary>
/// The guest's clock, under each clock source of each interface, keeps to the host's on every processor, and stands still while the machine is paused. The guest itself compares,
/// reading its own clock before and after the host's: no thread of the host's has to be quick.
/// </summary>
[Trait("Program", "Guest")]
public sealed class GuestClockTests
{
    private const long Tolerance = 1_000_000;
    private const int PauseMs = 250;
    private static readonly TimeSpan s_limit = TimeSpan.FromMinutes(10);

    [GuestKernelTheory("cloud", "gcc")]
    [InlineData(HypervisorKind.None, "tsc", "hpet")]
    [InlineData(HypervisorKind.Kvm, "kvm-clock")]
    [InlineData(HypervisorKind.Hyperv, "hyperv_clocksource_tsc_page")]
    [InlineData(HypervisorKind.Vmware, "tsc")]
    [InlineData(HypervisorKind.Xen, "xen")]
    public void It_keeps_to_the_hosts_for_seconds(HypervisorKind hypervisor, params string[] sources) => Compare(hypervisor, 2, 5, sources);

    [Trait("Run", "Nightly")]
    [NightlyKernelTheory("cloud", "gcc")]
    [InlineData(HypervisorKind.None, "tsc", "hpet", "acpi_pm")]
    [InlineData(HypervisorKind.Kvm, "kvm-clock", "hpet")]
    [InlineData(HypervisorKind.Hyperv, "hyperv_clocksource_tsc_page", "hpet")]
    [InlineData(HypervisorKind.Vmware, "tsc", "hpet")]
    [InlineData(HypervisorKind.Xen, "xen", "hpet")]
    public void It_keeps_to_the_hosts_for_a_minute(HypervisorKind hypervisor, params string[] sources) => Compare(hypervisor, 4, 60, sources);

    /// <summary>In place of a pause, a machine is saved, and its guest goes on in another one: the clock, its records and its timers must go on there.</summary>
    [GuestKernelTheory("cloud", "gcc")]
    [InlineData(HypervisorKind.None, "tsc")]
    [InlineData(HypervisorKind.Kvm, "kvm-clock")]
    [InlineData(HypervisorKind.Hyperv, "hyperv_clocksource_tsc_page")]
    [InlineData(HypervisorKind.Vmware, "tsc")]
    [InlineData(HypervisorKind.Xen, "xen")]
    public void It_goes_on_in_another_machine(HypervisorKind hypervisor, string source)
    {
        const int Processors = 2;
        const int Seconds = 2;
        using var folder = new ScratchFolder();
        WriteRoot(folder, Seconds, [source]);
        using var clock = new HostClockDevice();
        using var first = new ClockedLinux(hypervisor, Processors, folder["initrd"], clock);
        first.Start();
        Assert.True(first.AwaitRequest(s_limit), first.Console);
        long before = HostClockDevice.Now;
        first.Machine.Pause();
        long paused = HostClockDevice.Now;
        var state = new StateWriter();
        first.Machine.SaveDevices(state);
        MemoryImage memory = first.CopyMemory();
        first.Dispose();

        using var second = new ClockedLinux(hypervisor, Processors, folder["initrd"], clock);
        second.Restore(memory, state);
        var again = new StateWriter();
        second.Machine.SaveDevices(again);
        Assert.Equal(state.Written.ToArray(), again.Written.ToArray());
        clock.PauseIsOver();
        long resuming = HostClockDevice.Now;
        second.Start();
        Assert.True(SpinWait.SpinUntil(() => second.Machine.Clock.IsRunning, s_limit));
        long after = HostClockDevice.Now;
        second.RunToEnd(s_limit);
        Judge(first.Console + second.Console, source, Processors, Seconds, (resuming - paused, after - before));
        AssertUsed(hypervisor, second);
    }

    /// <summary>What the first machine's kernel placed is used in this one, which has placed nothing.</summary>
    private static void AssertUsed(HypervisorKind hypervisor, ClockedLinux linux)
    {
        if (hypervisor is HypervisorKind.Kvm or HypervisorKind.Hyperv)
        {
            Assert.True(linux.Machine.Processors.Sum(static processor => processor.Apic.EndsElided) > 0, "no interrupt was ended in memory");
        }

        if (hypervisor == HypervisorKind.Hyperv)
        {
            HypercallSites sites = linux.Offered!.Sites;
            Assert.True(sites.All.Any(site => site.Instruction == HypercallInstruction.Call && sites.TimesTaken(site.Index) > 0), "the hypercall page was not called");
        }
    }

    private static void Compare(HypervisorKind hypervisor, int processors, int seconds, string[] sources)
    {
        using var folder = new ScratchFolder();
        WriteRoot(folder, seconds, sources);
        using var clock = new HostClockDevice();
        using var linux = new ClockedLinux(hypervisor, processors, folder["initrd"], clock);
        linux.Start();
        (long, long)[] pauses = Array.ConvertAll(sources, _ => Pause(linux, clock));
        linux.RunToEnd(s_limit);
        for (int i = 0; i < sources.Length; i++)
        {
            Judge(linux.Console, sources[i], processors, seconds, pauses[i]);
        }
    }

    /// <summary>Pauses the machine when the guest asks for it: how long that was at least and at most.</summary>
    private static (long Inner, long Outer) Pause(ClockedLinux linux, HostClockDevice clock)
    {
        Assert.True(linux.AwaitRequest(s_limit), linux.Console);
        long before = HostClockDevice.Now;
        linux.Machine.Pause();
        long paused = HostClockDevice.Now;
        Thread.Sleep(PauseMs);
        long resuming = HostClockDevice.Now;
        linux.Machine.Resume();
        long after = HostClockDevice.Now;
        clock.PauseIsOver();
        return (resuming - paused, after - before);
    }

    private static void Judge(string console, string source, int processors, int seconds, (long Inner, long Outer) pause)
    {
        List<Sample> samples = [.. console.Split('\n').Select(static line => line.Trim().Split(' ')).Where(words => words is ["sample", var name, ..] && name == source).Select(Sample.Parse)];
        string report = $"under {source}, paused for {pause}\n{console}";
        Assert.True(samples.Count == 3 * processors, report);
        Assert.All(samples, sample => Assert.True(sample.High - sample.Low < Tolerance / 4, $"{sample} is too wide {report}"));
        Sample first = samples[0];
        foreach (Sample sample in samples)
        {
            // While the machine stood still, its clock fell behind the host's by that.
            (long least, long most) = sample.Phase == 0 ? (0L, 0L) : (-pause.Outer, -pause.Inner);
            bool isRight = sample.Low - first.High >= least - Tolerance && sample.High - first.Low <= most + Tolerance;
            Assert.True(isRight, $"{sample} against {first} {report}");

            // Without the doubt about the pause.
            Sample same = samples.First(other => other.Phase == Math.Min(sample.Phase, 1));
            Assert.True(sample.Low - same.High >= -Tolerance && sample.High - same.Low <= Tolerance, $"{sample} against {same} {report}");
        }

        Assert.True(samples[^1].Host - first.Host >= (seconds * 1_000_000_000L) + pause.Inner - Tolerance, report);
        string[] steps = console.Split('\n').Select(static line => line.Trim().Split(' ')).Single(words => words is ["steps", var name, ..] && name == source);
        Assert.True(long.Parse(steps[2], CultureInfo.InvariantCulture) >= processors * 1000 && steps[3] == "0", report);
    }

    private static void WriteRoot(ScratchFolder folder, int seconds, string[] sources)
    {
        string program = folder["clocks"];
        using Process gcc = Process.Start(
            "/usr/bin/gcc", ["-std=gnu11", "-O2", "-Wall", "-Wextra", "-Werror", "-static", "-pthread", "-o", program, Path.Combine(RepositoryRoot.Path, "tests/Machines/Programs/clocks.c")]);
        gcc.WaitForExit();
        Assert.Equal(0, gcc.ExitCode);
        string script = string.Concat(sources.Select(source => $"clocks {source} {seconds}\n"));
        GuestRoot.Write(folder["initrd"], script + "poweroff -f\n", [], [program]);
    }

    /// <summary>The guest's clock less the host's is between two values, in nanoseconds, when the host's is a third.</summary>
    private sealed record Sample(int Phase, int Processor, long Host, long Low, long High)
    {
        public static Sample Parse(string[] words)
        {
            long[] numbers = [.. words[2..].Select(static word => long.Parse(word, CultureInfo.InvariantCulture))];
            return new Sample((int)numbers[0], (int)numbers[1], numbers[2], numbers[3], numbers[4]);
        }
    }
}
