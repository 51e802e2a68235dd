using System.Runtime.CompilerServices;
using Jitvmm.Runtime.Cpu;

namespace Jitvmm.Runtime.Semantics;

// Control and status words, the stack pointer, register tags (SDM vol. 1, 8.1 and 8.3.11).
public static unsafe partial class X87
{
    /// <summary>The control word after FNINIT: all exceptions masked, 64-bit precision, round to nearest.</summary>
    public const ushort InitialControlWord = 0x037f;

    /// <summary>Control word bits that exist.</summary>
    private const uint ControlMask = 0x1f7f;

    /// <summary>Control word bit 6 reads as one.</summary>
    private const uint ControlOnes = 0x0040;

    public static void Fninit(CpuState* cpu)
    {
        cpu->X87.ControlWord = InitialControlWord;
        cpu->X87.StatusWord = 0;
        cpu->X87.ValidMask = 0;
        cpu->X87.Top = 0;
        cpu->X87.Opcode = 0;
        cpu->X87.InstructionPointer = 0;
        cpu->X87.DataPointer = 0;
        cpu->X87.CodeSelector = 0;
        cpu->X87.DataSelector = 0;
    }

    public static void Fnclex(CpuState* cpu) =>
        cpu->X87.StatusWord = (ushort)(cpu->X87.StatusWord & X87Context.ConditionCodes);

    public static void Fldcw(CpuState* cpu, ushort value)
    {
        cpu->X87.ControlWord = (ushort)((value & ControlMask) | ControlOnes);
        RefreshErrorSummary(cpu);
    }

    /// <summary>What FNSTCW stores.</summary>
    public static ushort ReadControlWord(CpuState* cpu) => cpu->X87.ControlWord;

    /// <summary>What FNSTSW stores: the status word with TOP in it.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ushort ReadStatusWord(CpuState* cpu) => (ushort)(cpu->X87.StatusWord | (uint)cpu->X87.Top << 11);

    public static void Fincstp(CpuState* cpu)
    {
        Report(cpu, 0, X87Context.C1);
        cpu->X87.Top = (cpu->X87.Top + 1) & 7;
    }

    public static void Fdecstp(CpuState* cpu)
    {
        Report(cpu, 0, X87Context.C1);
        cpu->X87.Top = (cpu->X87.Top - 1) & 7;
    }

    public static void Ffree(CpuState* cpu, int index)
    {
        Report(cpu, 0, X87Context.C1);
        cpu->X87.ValidMask &= (byte)~(1 << ((cpu->X87.Top + index) & 7));
    }

    /// <summary>FFREEP (DF C0+i): undocumented by Intel, used by compilers for AMD processors.</summary>
    public static void Ffreep(CpuState* cpu, int index)
    {
        Ffree(cpu, index);
        Pop(cpu);
    }

    /// <summary>Loads both words from a saved image; ES and B follow from them.</summary>
    internal static void LoadControlAndStatus(CpuState* cpu, uint control, uint status)
    {
        cpu->X87.ControlWord = (ushort)((control & ControlMask) | ControlOnes);
        WriteStatusWord(cpu, status);
    }

    private static void WriteStatusWord(CpuState* cpu, uint value)
    {
        cpu->X87.Top = (int)(value >> 11) & 7;
        cpu->X87.StatusWord = (ushort)(value & ~0x3800u);
        RefreshErrorSummary(cpu);
    }
}
