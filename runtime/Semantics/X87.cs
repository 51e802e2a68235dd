using System.Runtime.CompilerServices;
using Jitvmm.Runtime.Cpu;

namespace Jitvmm.Runtime.Semantics;

/// <summary>
/// The x87 instructions on a CPU's state. Memory operands arrive as values or as a host pointer to a validated buffer.
/// </summary>
/// <remarks>
/// Waiting instructions (all but FNINIT, FNCLEX, FNSTSW, FNSTCW, FNSTENV, FNSAVE and the FXSAVE and XSAVE families) must first
/// check <see cref="HasPendingException"/> and raise #MF instead of running. Every instruction but those control ones also
/// sets the last instruction pointer and opcode, and the data pointer if it has a memory operand: that is the caller's
/// (<see cref="X87State.InstructionPointer"/>), which alone knows them.
/// A method writes its memory operand before it changes any state, so that a host fault on that write leaves the
/// instruction unexecuted.
/// </remarks>
public static unsafe partial class X87
{
    private const uint StackUnderflow = X87Context.Invalid | X87Context.StackFault;
    private const uint StackOverflow = X87Context.Invalid | X87Context.StackFault | X87Context.C1;

    /// <summary>Whether an unmasked exception waits to be reported by #MF.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool HasPendingException(CpuState* cpu) => HasUnmaskedError(cpu) && (cpu->System.Cr0 & Cr0.NumericError) != 0;

    /// <summary>Whether an unmasked exception was met; without CR0.NE it is reported by an interrupt, not by #MF.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool HasUnmaskedError(CpuState* cpu) => (cpu->X87.StatusWord & X87Context.ErrorSummary) != 0;

    /// <summary>
    /// Records the non-control instruction under way, which FNSTENV and a pending exception's FXSAVE show: the address of its
    /// first byte, and its opcode as the low three bits of the first opcode byte followed by the ModRM byte.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void RecordInstruction(CpuState* cpu, ulong rip, ushort opcode)
    {
        cpu->X87.InstructionPointer = rip;
        cpu->X87.Opcode = opcode;
        cpu->X87.CodeSelector = cpu->Selectors[1];
    }

    /// <summary>As <see cref="RecordInstruction"/> for one with a memory operand: its offset, and its segment in encoding order.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void RecordMemoryInstruction(CpuState* cpu, ulong rip, ushort opcode, ulong offset, int segment)
    {
        RecordInstruction(cpu, rip, opcode);
        cpu->X87.DataPointer = offset;
        cpu->X87.DataSelector = cpu->Selectors[segment];
    }

    /// <summary>What every MMX instruction but EMMS does to the x87 unit first: TOP 0, all registers valid (SDM vol. 1, 9.6.2).</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void EnterMmx(CpuState* cpu)
    {
        cpu->X87.Top = 0;
        cpu->X87.ValidMask = 0xff;
    }

    /// <summary>Writes MMn; the register's sign and exponent become all ones (SDM vol. 1, 9.2.1).</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void WriteMmx(CpuState* cpu, int index, ulong value)
    {
        byte* register = cpu->X87.Registers + 16 * index;
        *(ulong*)register = value;
        *(ushort*)(register + 8) = 0xffff;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ulong ReadMmx(CpuState* cpu, int index) => *(ulong*)(cpu->X87.Registers + 16 * index);

    /// <summary>EMMS: all registers empty.</summary>
    public static void Emms(CpuState* cpu)
    {
        cpu->X87.Top = 0;
        cpu->X87.ValidMask = 0;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static byte* St(CpuState* cpu, int index) => cpu->X87.Registers + (((cpu->X87.Top + index) & 7) << 4);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Float80 Read(CpuState* cpu, int index) => ReadExtended(St(cpu, index));

    /// <summary>Writes a register that is not empty.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Replace(CpuState* cpu, int index, Float80 value) => WriteExtended(St(cpu, index), value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static bool IsEmpty(CpuState* cpu, int index) => (cpu->X87.ValidMask >> ((cpu->X87.Top + index) & 7) & 1) == 0;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Write(CpuState* cpu, int index, Float80 value)
    {
        int physical = (cpu->X87.Top + index) & 7;
        WriteExtended(cpu->X87.Registers + (physical << 4), value);
        cpu->X87.ValidMask |= (byte)(1 << physical);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Pop(CpuState* cpu)
    {
        int top = cpu->X87.Top;
        cpu->X87.ValidMask &= (byte)~(1 << top);
        cpu->X87.Top = (top + 1) & 7;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void PushUnchecked(CpuState* cpu, Float80 value)
    {
        cpu->X87.Top = (cpu->X87.Top - 1) & 7;
        Write(cpu, 0, value);
    }

    /// <summary>Takes over what an operation reported; false when an unmasked exception keeps its result from being delivered.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static bool Report(CpuState* cpu, in X87Context context) => Report(cpu, context.Flags, X87Context.C1);

    /// <summary>As the other overload, with the condition codes to replace given.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static bool Report(CpuState* cpu, uint flags, uint codes)
    {
        if ((flags & ~(uint)cpu->X87.ControlWord & X87Context.Exceptions) != 0)
        {
            return ReportUnmasked(cpu, flags, codes);
        }

        cpu->X87.StatusWord = (ushort)((cpu->X87.StatusWord & ~codes) | flags);
        return true;
    }

    private static bool ReportUnmasked(CpuState* cpu, uint flags, uint codes)
    {
        bool delivers = (flags & ~(uint)cpu->X87.ControlWord & X87Context.PreComputation) == 0;
        if (!delivers && (flags & X87Context.StackFault) == 0)
        {
            flags &= X87Context.PreComputation;
        }

        flags |= X87Context.ErrorSummary | X87Context.Busy;
        cpu->X87.StatusWord = (ushort)((cpu->X87.StatusWord & ~codes) | flags);
        return delivers;
    }

    /// <summary>An operand register is empty: the masked response is the indefinite in <paramref name="destination"/>.</summary>
    private static void UnderflowInto(CpuState* cpu, int destination, bool pops, uint codes = X87Context.C1)
    {
        if (Report(cpu, StackUnderflow, codes))
        {
            Write(cpu, destination, Float80.Indefinite);
            if (pops)
            {
                Pop(cpu);
            }
        }
    }

    /// <summary>Pushes onto the register stack, or reports its overflow.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Push(CpuState* cpu, Float80 value)
    {
        if (IsEmpty(cpu, -1))
        {
            cpu->X87.StatusWord = (ushort)(cpu->X87.StatusWord & ~X87Context.C1);
            PushUnchecked(cpu, value);
        }
        else
        {
            Overflow(cpu);
        }
    }

    private static void Overflow(CpuState* cpu)
    {
        if (Report(cpu, StackOverflow, X87Context.C1))
        {
            PushUnchecked(cpu, Float80.Indefinite);
        }
    }

    /// <summary>Recomputes ES and B after the masks or the exception flags were replaced.</summary>
    private static void RefreshErrorSummary(CpuState* cpu)
    {
        const uint Summary = X87Context.ErrorSummary | X87Context.Busy;
        uint status = cpu->X87.StatusWord & ~Summary;
        if ((status & ~(uint)cpu->X87.ControlWord & X87Context.Exceptions) != 0)
        {
            status |= Summary;
        }

        cpu->X87.StatusWord = (ushort)status;
    }
}
