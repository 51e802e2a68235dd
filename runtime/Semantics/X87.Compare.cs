using System.Runtime.CompilerServices;
using Jitvmm.Runtime.Cpu;

namespace Jitvmm.Runtime.Semantics;

// FCOM, FUCOM, FICOM, FTST and FXAM set condition codes; FCOMI and FUCOMI compute ZF, PF and CF (SDM vol. 1, 8.3.6).
public static unsafe partial class X87
{
    public static void FcomSt(CpuState* cpu, int source) => CompareRegisters(cpu, source, isQuiet: false);

    public static void FcompSt(CpuState* cpu, int source) => PopIf(cpu, CompareRegisters(cpu, source, isQuiet: false));

    public static void Fcompp(CpuState* cpu) => PopTwiceIf(cpu, CompareRegisters(cpu, 1, isQuiet: false));

    public static void FucomSt(CpuState* cpu, int source) => CompareRegisters(cpu, source, isQuiet: true);

    public static void FucompSt(CpuState* cpu, int source) => PopIf(cpu, CompareRegisters(cpu, source, isQuiet: true));

    public static void Fucompp(CpuState* cpu) => PopTwiceIf(cpu, CompareRegisters(cpu, 1, isQuiet: true));

    public static void FcomM32(CpuState* cpu, uint source) =>
        CompareWith(cpu, Float80.FromSingleBits(source), Float80.IsDenormalSingle(source));

    public static void FcompM32(CpuState* cpu, uint source) =>
        PopIf(cpu, CompareWith(cpu, Float80.FromSingleBits(source), Float80.IsDenormalSingle(source)));

    public static void FcomM64(CpuState* cpu, ulong source) =>
        CompareWith(cpu, Float80.FromDoubleBits(source), Float80.IsDenormalDouble(source));

    public static void FcompM64(CpuState* cpu, ulong source) =>
        PopIf(cpu, CompareWith(cpu, Float80.FromDoubleBits(source), Float80.IsDenormalDouble(source)));

    public static void FicomM16(CpuState* cpu, short source) => CompareWith(cpu, Float80.FromInt64(source), isDenormal: false);

    public static void FicompM16(CpuState* cpu, short source) =>
        PopIf(cpu, CompareWith(cpu, Float80.FromInt64(source), isDenormal: false));

    public static void FicomM32(CpuState* cpu, int source) => CompareWith(cpu, Float80.FromInt64(source), isDenormal: false);

    public static void FicompM32(CpuState* cpu, int source) =>
        PopIf(cpu, CompareWith(cpu, Float80.FromInt64(source), isDenormal: false));

    public static void Ftst(CpuState* cpu) => CompareWith(cpu, Float80.Zero, isDenormal: false);

    public static void Fxam(CpuState* cpu)
    {
        Float80 value = Read(cpu, 0);
        uint codes = IsEmpty(cpu, 0)
            ? X87Context.C3 | X87Context.C0 | (value.IsNegative ? X87Context.C1 : 0)
            : Float80.Examine(value);
        Report(cpu, codes, X87Context.ConditionCodes);
    }

    // FCOMI's kind returns CF, PF and ZF at their places in RFLAGS and leaves writing them, and clearing OF, SF and AF, to the
    // caller, so that compiled code may keep flags in locals. They are written even when an unmasked exception is raised.
    [MethodImpl(MethodImplOptions.NoInlining)]
    public static uint Fcomi(CpuState* cpu, int source)
    {
        CompareToFlags(cpu, source, isQuiet: false, out uint flags);
        return flags;
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    public static uint Fcomip(CpuState* cpu, int source)
    {
        PopIf(cpu, CompareToFlags(cpu, source, isQuiet: false, out uint flags));
        return flags;
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    public static uint Fucomi(CpuState* cpu, int source)
    {
        CompareToFlags(cpu, source, isQuiet: true, out uint flags);
        return flags;
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    public static uint Fucomip(CpuState* cpu, int source)
    {
        PopIf(cpu, CompareToFlags(cpu, source, isQuiet: true, out uint flags));
        return flags;
    }

    private const uint Unordered = X87Context.C0 | X87Context.C2 | X87Context.C3;

    private static bool CompareRegisters(CpuState* cpu, int source, bool isQuiet)
    {
        if (IsEmpty(cpu, 0) || IsEmpty(cpu, source))
        {
            return ReportComparison(cpu, StackUnderflow, Unordered);
        }

        X87Context context = new(cpu->X87.ControlWord);
        uint codes = Float80.Compare(Read(cpu, 0), Read(cpu, source), isQuiet, ref context);
        return ReportComparison(cpu, context.Flags, codes);
    }

    private static bool CompareWith(CpuState* cpu, Float80 source, bool isDenormal)
    {
        if (IsEmpty(cpu, 0))
        {
            return ReportComparison(cpu, StackUnderflow, Unordered);
        }

        X87Context context = new(cpu->X87.ControlWord);
        uint codes = Float80.Compare(Read(cpu, 0), source, isQuiet: false, ref context);
        if (isDenormal)
        {
            NoteDenormalOperand(Read(cpu, 0), ref context);
        }

        return ReportComparison(cpu, context.Flags, codes);
    }

    private static bool ReportComparison(CpuState* cpu, uint flags, uint codes)
    {
        bool delivers = Report(cpu, flags, X87Context.ConditionCodes);

        // Condition codes are set even when an unmasked exception keeps the popping forms from popping.
        cpu->X87.StatusWord |= (ushort)codes;
        return delivers;
    }

    private static bool CompareToFlags(CpuState* cpu, int source, bool isQuiet, out uint flags)
    {
        uint codes = Unordered;
        X87Context context = new(cpu->X87.ControlWord);
        if (IsEmpty(cpu, 0) || IsEmpty(cpu, source))
        {
            context.Flags = StackUnderflow;
        }
        else
        {
            codes = Float80.Compare(Read(cpu, 0), Read(cpu, source), isQuiet, ref context);
        }

        // C0, C2 and C3 are 8 bits above CF, PF and ZF.
        flags = codes >> 8;

        // AMD processors leave C1 alone here unless the stack underflows.
        return Report(cpu, context.Flags, (context.Flags & X87Context.StackFault) != 0 ? X87Context.C1 : 0);
    }

    private static void PopTwiceIf(CpuState* cpu, bool delivers)
    {
        if (delivers)
        {
            Pop(cpu);
            Pop(cpu);
        }
    }
}
