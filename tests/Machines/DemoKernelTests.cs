using System.Diagnostics;
using System.Text;
using Jitvmm.Devices.Platform;
using Jitvmm.Tests.Guests;
using Jitvmm.Tests.Tidy;

namespace Jitvmm.Tests.Machines;

public sealed class DemoKernelTests
{
    private static string Folder => Path.Combine(RepositoryRoot.Path, "src/Jitvmm/Demo");

    [ToolFact("nasm")]
    public void The_binary_is_what_the_source_assembles_to()
    {
        string output = Path.GetTempFileName();
        try
        {
            using Process nasm = Process.Start("/usr/bin/nasm", ["-f", "bin", Path.Combine(Folder, "demo.asm"), "-o", output]);
            nasm.WaitForExit();
            Assert.Equal(File.ReadAllBytes(Path.Combine(Folder, "demo.bin")), File.ReadAllBytes(output));
        }
        finally
        {
            File.Delete(output);
        }
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(4)]
    public void It_shows_its_machine_and_powers_off(int processors)
    {
        using var guest = new MachineGuest(new MachineGuestOptions { Processors = processors, Memory = 64ul << 20 });
        using var watchdog = new Timer(_ => guest.Stop(), null, 120_000, Timeout.Infinite);
        var text = new StringBuilder();
        var reader = new Thread(() => Collect(guest, text));
        reader.Start();
        MachineOutcome outcome = guest.Run();
        reader.Join();
        string output = text.ToString();
        Assert.True(outcome.End == MachineEnd.PoweredOff, $"{outcome}\n{output}\n{guest.CrashReport}");
        foreach (string counter in (string[])["port accesses", "device memory accesses", "interrupts", "bytes translated"])
        {
            Assert.Matches($"(?m)^  {counter} +[1-9]", guest.Statistics());
        }

        Assert.Contains("64-bit mode", output, StringComparison.Ordinal);
        Assert.Contains("page faults served: 1,", output, StringComparison.Ordinal);
        Assert.Contains($"running: {processors}\r", output, StringComparison.Ordinal);
    }

    [Fact]
    public void Several_machines_run_in_one_process()
    {
        using var first = new MachineGuest(new MachineGuestOptions { Memory = 64ul << 20 });
        using var second = new MachineGuest(new MachineGuestOptions { Memory = 64ul << 20 });
        using var watchdog = new Timer(
            _ =>
            {
                first.Stop();
                second.Stop();
            },
            null,
            120_000,
            Timeout.Infinite);
        MachineOutcome other = default;
        var thread = new Thread(() => other = second.Run());
        thread.Start();
        MachineOutcome outcome = first.Run();
        thread.Join();
        Assert.Equal((MachineEnd.PoweredOff, MachineEnd.PoweredOff), (outcome.End, other.End));
    }

    private static void Collect(MachineGuest guest, StringBuilder text)
    {
        byte[] bytes = new byte[1024];
        for (int count = guest.SerialOutput.Read(bytes); count > 0; count = guest.SerialOutput.Read(bytes))
        {
            _ = text.Append(Encoding.ASCII.GetString(bytes, 0, count));
        }
    }
}
