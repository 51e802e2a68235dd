using System.Diagnostics;
using System.Globalization;
using System.Text;
using Jitvmm.Devices.Channels;
using Jitvmm.Devices.Platform;
using Jitvmm.Runtime.Memory;
using Jitvmm.Runtime.Paravirt;
using Jitvmm.Tests.Tidy;
using Jitvmm.Translator;

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
    public void It_keeps_to_the_hosts_for_seconds(HypervisorKind hypervisor, params string[] sources) => Compare(hypervisor, 2, 5, sources);

    [Trait("Run", "Nightly")]
    [NightlyKernelTheory("cloud", "gcc")]
    [InlineData(HypervisorKind.None, "tsc", "hpet", "acpi_pm")]
    [InlineData(HypervisorKind.Kvm, "kvm-clock", "hpet")]
    [InlineData(HypervisorKind.Hyperv, "hyperv_clocksource_tsc_page", "hyperv_clocksource_msr")]
    [InlineData(HypervisorKind.Vmware, "tsc", "hpet")]
    public void It_keeps_to_the_hosts_for_a_minute(HypervisorKind hypervisor, params string[] sources) => Compare(hypervisor, 4, 60, sources);

    private static void Compare(HypervisorKind hypervisor, int processors, int seconds, string[] sources)
    {
        using var folder = new ScratchFolder();
        WriteRoot(folder, seconds, sources);
        using var clock = new HostClockDevice();
        using var memory = new PhysicalMemory();
        ParavirtualInterface? offered = new MachineHypervisor(hypervisor).Create();
        using var engine = new MachineEngine(memory, new EngineOptions { Paravirtual = offered });
        var serial = new ByteChannel();
        var configuration = new MachineConfiguration
        {
            Memory = 256 << 20,
            Processors = processors,
            Kernel = File.ReadAllBytes(GuestKernel.Cloud.Image),
            Initrd = File.ReadAllBytes(folder["initrd"]),
            CommandLine = "console=ttyS0 panic=-1",
            SerialOutput = serial,
            Hypervisor = offered,
        };
        using var machine = new Machine(configuration, memory, platform => new EngineProcessor(engine.CreateCpu(platform, platform.Index)));
        machine.Ports.Claim(HostClockDevice.Port, HostClockDevice.Count, clock);
        MachineOutcome outcome = default;
        var run = new Thread(() =>
        {
            outcome = machine.Run();
            serial.Close();
        });
        var console = new StringBuilder();
        var reader = new Thread(() => Collect(serial, console));
        run.Start();
        reader.Start();
        var pauses = new List<(long Inner, long Outer)>();
        foreach (string source in sources)
        {
            pauses.Add(Pause(machine, clock, run));
        }

        bool ended = run.Join(s_limit);
        machine.Stop();
        run.Join();
        reader.Join();
        string text = console.ToString();
        Assert.True(ended && outcome.End == MachineEnd.PoweredOff, $"{outcome}\n{text}");
        for (int i = 0; i < sources.Length; i++)
        {
            Judge(text, sources[i], processors, seconds, pauses[i]);
        }
    }

    /// <summary>Pauses the machine when the guest asks for it: how long that was at least and at most.</summary>
    private static (long Inner, long Outer) Pause(Machine machine, HostClockDevice clock, Thread run)
    {
        var waiting = Stopwatch.StartNew();
        while (!clock.AwaitRequest(TimeSpan.FromSeconds(1)))
        {
            if (!run.IsAlive || waiting.Elapsed > s_limit)
            {
                return default;
            }
        }

        long before = HostClockDevice.Now;
        machine.Pause();
        long paused = HostClockDevice.Now;
        Thread.Sleep(PauseMs);
        long resuming = HostClockDevice.Now;
        machine.Resume();
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

    private static void Collect(ByteChannel serial, StringBuilder console)
    {
        byte[] bytes = new byte[256];
        for (int count = serial.Read(bytes); count > 0; count = serial.Read(bytes))
        {
            console.Append(Encoding.UTF8.GetString(bytes, 0, count));
        }
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
