using Iced.Intel;
using Jitvmm.Devices.Platform;
using static Iced.Intel.AssemblerRegisters;

namespace Jitvmm.Tests.Machines;

public sealed class CrashReportTests
{
    private const uint LoadAddress = 0x100000;
    private const int HeaderSize = 32;

    /// <summary>Of the zeroes after the jump.</summary>
    private const int EmptyTable = 0x10002a;

    [Theory]
    [InlineData(ExecutionTier.Interpret)]
    [InlineData(ExecutionTier.Auto)]
    public void A_triple_fault_shows_state_the_way_there_and_the_code(ExecutionTier tier)
    {
        string kernel = Path.GetTempFileName();
        try
        {
            File.WriteAllBytes(kernel, CrashingKernel());
            using var guest = new MachineGuest(new MachineGuestOptions { Kernel = kernel, Memory = 64ul << 20, Tier = tier });
            using var watchdog = new Timer(_ => guest.Stop(), null, 120_000, Timeout.Infinite);
            MachineOutcome outcome = guest.Run();
            Assert.Equal(MachineEnd.TripleFault, outcome.End);
            string report = guest.CrashReport!;
            Assert.Contains("triple fault at 0010:0000000000100041, CPL 0", report, StringComparison.Ordinal);
            Assert.Contains("RAX 000000000000002a", report, StringComparison.Ordinal);
            Assert.Contains("IDT 0+0", report, StringComparison.Ordinal);
            Assert.Contains(
                """
                last blocks executed outside compiled regions, oldest first:
                  0000000000100020  mov ecx,3
                  0000000000100025  dec ecx
                  0000000000100025  dec ecx
                  0000000000100028  jmp short 00100035h
                  0000000000100035  mov eax,2Ah
                code at RIP:
                  0000000000100041  ud2
                  0000000000100043  hlt

                """,
                report,
                StringComparison.Ordinal);
        }
        finally
        {
            File.Delete(kernel);
        }
    }

    /// <summary>Multiboot: a loop, a jump, and an exception with an interrupt table of no length.</summary>
    private static byte[] CrashingKernel()
    {
        Assembler asm = new(32);
        Label loop = asm.CreateLabel();
        Label over = asm.CreateLabel();
        asm.mov(ecx, 3);
        asm.Label(ref loop);
        asm.dec(ecx);
        asm.jne(loop);
        asm.jmp(over);
        asm.dd(0, 0);
        asm.nop();
        asm.nop();
        asm.nop();
        asm.Label(ref over);
        asm.mov(eax, 42);
        asm.lidt(__[EmptyTable]);
        asm.ud2();
        asm.hlt();
        using var stream = new MemoryStream();
        const uint HasAddresses = 1 << 16;
        const uint Magic = 0x1badb002;
        foreach (uint word in (uint[])[Magic, HasAddresses, unchecked(0 - Magic - HasAddresses), LoadAddress, LoadAddress, 0, 0, LoadAddress + HeaderSize])
        {
            stream.Write(BitConverter.GetBytes(word));
        }

        asm.Assemble(new StreamCodeWriter(stream), LoadAddress + HeaderSize);
        return stream.ToArray();
    }
}
