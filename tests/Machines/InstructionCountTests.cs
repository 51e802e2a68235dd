using System.Text;
using Jitvmm.Devices.Platform;
using Jitvmm.Tests.Guests;

namespace Jitvmm.Tests.Machines;

/// <summary>Machines whose time is counted in instructions: two runs of one guest are the same.</summary>
public sealed class InstructionCountTests
{
    private const int Shift = 2;

    [Fact]
    public void The_demonstration_runs_the_same_twice()
    {
        (string console, string statistics) = RunDemonstration();
        Assert.Contains("64-bit mode", console, StringComparison.Ordinal);
        Assert.DoesNotContain("interrupts taken                      0", statistics, StringComparison.Ordinal);
        Assert.Equal((console, statistics), RunDemonstration());
    }

    [Trait("Program", "Guest")]
    [GuestKernelTheory("cloud")]
    [InlineData(2)]
    public void Debians_cloud_kernel_runs_the_same_twice(int shift)
    {
        using var folder = new ScratchFolder();
        string initrd = folder["initrd"];
        GuestRoot.Write(initrd, LinuxBootTests.Script);
        ProgramOutcome first = RunKernel(initrd, shift);
        ProgramOutcome second = RunKernel(initrd, shift);
        string console = Encoding.UTF8.GetString(first.Output);
        Assert.Contains("sorted: 2000", console, StringComparison.Ordinal);
        Assert.Contains("reboot: Power down", console, StringComparison.Ordinal);
        Assert.Equal(console, Encoding.UTF8.GetString(second.Output));

        // Among the counters: instructions, and a digest of how many there were before each interrupt.
        Assert.Contains("digest of their times", Encoding.UTF8.GetString(first.Errors), StringComparison.Ordinal);
        Assert.Equal(Encoding.UTF8.GetString(first.Errors), Encoding.UTF8.GetString(second.Errors));
    }

    private static ProgramOutcome RunKernel(string initrd, int shift)
    {
        ProgramOutcome outcome = NativeProcess.Run(
            [
                ProgramComparison.Vmm, "boot", "--kernel", GuestKernel.Cloud.Image, "--initrd", initrd, "--append", "console=ttyS0",
                "--icount", $"{shift}", "--stats",
            ],
            "/",
            "",
            TimeSpan.FromMinutes(10));
        Assert.True(outcome.Status == 0, $"status {outcome.Status}{(outcome.TimedOut ? ", timed out" : "")}\n{Encoding.UTF8.GetString(outcome.Output)}\n{Encoding.UTF8.GetString(outcome.Errors)}");
        return outcome;
    }

    private static (string Console, string Statistics) RunDemonstration()
    {
        using var guest = new MachineGuest(new MachineGuestOptions { Memory = 64ul << 20, InstructionShift = Shift });
        using var watchdog = new Timer(_ => guest.Stop(), null, 120_000, Timeout.Infinite);
        var text = new StringBuilder();
        var reader = new Thread(() =>
        {
            byte[] bytes = new byte[1024];
            for (int count = guest.SerialOutput.Read(bytes); count > 0; count = guest.SerialOutput.Read(bytes))
            {
                _ = text.Append(Encoding.ASCII.GetString(bytes, 0, count));
            }
        });
        reader.Start();
        MachineOutcome outcome = guest.Run();
        reader.Join();
        Assert.True(outcome.End == MachineEnd.PoweredOff, $"{outcome}\n{text}\n{guest.CrashReport}");
        return (text.ToString(), guest.Statistics());
    }
}
