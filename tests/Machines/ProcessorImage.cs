using System.Globalization;
using Jitvmm.Runtime.Cpu;

namespace Jitvmm.Tests.Machines;

/// <summary>What is compared of a processor.</summary>
internal sealed unsafe class ProcessorImage
{
    /// <summary>AF is undefined behind logic operations; RF is seen only by handlers.</summary>
    private const uint ComparedFlags = 0x3f7fd7 & ~0x10u & ~(uint)SystemFlags.Resume;

    /// <summary>In encoding order.</summary>
    public required ulong[] Registers { get; init; }

    public required ulong Rip { get; init; }

    public required uint Flags { get; init; }

    /// <summary>ES to GS.</summary>
    public required uint[] Selectors { get; init; }

    public required ulong FsBase { get; init; }

    public required ulong GsBase { get; init; }

    /// <summary>CR0, CR2, CR3, CR4, CR8, EFER.</summary>
    public required ulong[] Control { get; init; }

    public static ProcessorImage Of(CpuState* cpu, ulong taskPriority)
    {
        // Outside 64-bit code the peer shows half of the first eight registers.
        bool isLong = CpuMode.Is64Bit(cpu);
        ulong[] registers = new ulong[16];
        for (int i = 0; i < 16; i++)
        {
            registers[i] = isLong ? cpu->Gpr[i] : i < 8 ? (uint)cpu->Gpr[i] : 0;
        }

        return new ProcessorImage
        {
            Registers = registers,
            Rip = cpu->Rip,
            Flags = (uint)cpu->ReadFlags(),
            Selectors = [cpu->Selectors[0], cpu->Selectors[1], cpu->Selectors[2], cpu->Selectors[3], cpu->Selectors[4], cpu->Selectors[5]],
            FsBase = cpu->FsBase,
            GsBase = cpu->GsBase,
            Control = [cpu->System.Cr0, cpu->System.Cr2, cpu->System.Cr3, cpu->System.Cr4, taskPriority, cpu->System.Efer],
        };
    }

    public override string ToString() => string.Create(
        CultureInfo.InvariantCulture,
        $"{Selectors[1]:x}:{Rip:x} {Join(Registers)} flags {Flags & ComparedFlags:x} selectors {Join(Selectors)} bases {FsBase:x} {GsBase:x} CR0, 2, 3, 4, 8, EFER {Join(Control)}");

    private static string Join<T>(T[] values)
        where T : IFormattable => string.Join(' ', values.Select(value => value.ToString("x", CultureInfo.InvariantCulture)));
}
