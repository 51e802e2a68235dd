using System.Globalization;
using System.Text;
using Iced.Intel;
using Jitvmm.Devices.Processors;
using Jitvmm.Runtime.Cpu;
using Jitvmm.Runtime.Memory;

namespace Jitvmm;

/// <summary>What a processor was doing when it gave up.</summary>
internal static unsafe class MachineCrashReport
{
    private const int CodeBytes = 48;
    private const int MaximumInstructions = 8;
    private static readonly string[] s_registers = ["RAX", "RCX", "RDX", "RBX", "RSP", "RBP", "RSI", "RDI", "R8 ", "R9 ", "R10", "R11", "R12", "R13", "R14", "R15"];
    private static readonly string[] s_segments = ["ES", "CS", "SS", "DS", "FS", "GS"];

    /// <summary>Registers, tables, the way there and the code at RIP.</summary>
    public static string Describe(IProcessor processor, PhysicalMemory memory, int index)
    {
        CpuState* cpu = processor.State;
        var text = new StringBuilder();
        Line(text, $"processor {index}: triple fault at {cpu->Selectors[1]:x4}:{cpu->Rip:x16}, CPL {cpu->System.Cpl}, RFLAGS {cpu->ReadFlags():x8}");
        for (int i = 0; i < 16; i += 4)
        {
            Line(text, $"{s_registers[i]} {cpu->Gpr[i]:x16}  {s_registers[i + 1]} {cpu->Gpr[i + 1]:x16}  {s_registers[i + 2]} {cpu->Gpr[i + 2]:x16}  {s_registers[i + 3]} {cpu->Gpr[i + 3]:x16}");
        }

        Line(text, $"CR0 {cpu->System.Cr0:x16}  CR2 {cpu->System.Cr2:x16}  CR3 {cpu->System.Cr3:x16}  CR4 {cpu->System.Cr4:x16}");
        Line(text, $"EFER {cpu->System.Efer:x4}  GDT {cpu->System.GdtBase:x}+{cpu->System.GdtLimit:x}  IDT {cpu->System.IdtBase:x}+{cpu->System.IdtLimit:x}");
        for (int i = 0; i < s_segments.Length; i++)
        {
            ulong address = SystemState.BaseOf(cpu, (SegmentIndex)i);
            Line(text, $"{s_segments[i]} {cpu->Selectors[i]:x4}  base {address:x16}  limit {cpu->System.Limits[i]:x8}  attributes {cpu->System.Attributes[i]:x4}");
        }

        AddRecentBlocks(text, cpu, memory);
        Line(text, $"code at RIP:");
        Disassemble(text, cpu, memory, cpu->Rip, MaximumInstructions);
        return text.ToString();
    }

    /// <summary>
    /// The first instruction of each block entered last in tier 0, read through the tables of now. Compiled regions keep no account of theirs.
    /// </summary>
    private static void AddRecentBlocks(StringBuilder text, CpuState* cpu, PhysicalMemory memory)
    {
        uint count = Math.Min(cpu->System.RecentCount, SystemState.RecentBlockCount);
        Line(text, $"last blocks executed outside compiled regions, oldest first:");
        for (uint i = cpu->System.RecentCount - count; i != cpu->System.RecentCount; i++)
        {
            Disassemble(text, cpu, memory, cpu->System.RecentBlocks[i & (SystemState.RecentBlockCount - 1)], 1);
        }
    }

    private static void Disassemble(StringBuilder text, CpuState* cpu, PhysicalMemory memory, ulong address, int instructions)
    {
        byte[] code = new byte[CodeBytes];
        int length = ReadCode(cpu, memory, address, code);
        if (length == 0)
        {
            Line(text, $"  {address:x16}  (no code is mapped there)");
            return;
        }

        var decoder = Iced.Intel.Decoder.Create(CpuMode.CodeBits(cpu), new ByteArrayCodeReader(code, 0, length), address);
        var formatter = new NasmFormatter();
        var output = new StringOutput();
        for (int i = 0; i < instructions && decoder.IP < address + (ulong)length; i++)
        {
            decoder.Decode(out Instruction instruction);
            if (decoder.LastError == DecoderError.NoMoreBytes)
            {
                return;
            }

            formatter.Format(instruction, output);
            Line(text, $"  {instruction.IP:x16}  {output.ToStringAndReset()}");
        }
    }

    /// <summary>Bytes of code that are mapped from an address on.</summary>
    private static int ReadCode(CpuState* cpu, PhysicalMemory memory, ulong address, byte[] code)
    {
        ulong linear = SystemState.BaseOf(cpu, SegmentIndex.Cs) + address;
        int length = 0;
        while (length < code.Length
            && PageTableWalker.TryWalk(cpu, linear + (ulong)length, PageWalk.Silent | PageWalk.OverridesSmap, out PageMapping mapping)
            && memory.Read(mapping.Physical, code.AsSpan(length, 1)))
        {
            length++;
        }

        return length;
    }

    private static void Line(StringBuilder text, FormattableString line) => text.Append(line.ToString(CultureInfo.InvariantCulture)).Append('\n');
}
