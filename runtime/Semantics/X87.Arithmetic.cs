using System.Runtime.CompilerServices;
using Jitvmm.Runtime.Cpu;

namespace Jitvmm.Runtime.Semantics;

// + − × ÷ in every operand form (SDM vol. 2: FADD, FSUB, FSUBR, FMUL, FDIV, FDIVR). The register forms compute
// ST(destination) = ST(destination) op ST(source), reversed for the R kinds; the popping ones take ST(0) as source.
public static unsafe partial class X87
{
    private interface IBinaryOperation
    {
        static abstract Float80 Apply(Float80 destination, Float80 source, ref X87Context context);
    }

    private readonly struct Addition : IBinaryOperation
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static Float80 Apply(Float80 destination, Float80 source, ref X87Context context) =>
            Float80.Add(destination, source, ref context);
    }

    private readonly struct Multiplication : IBinaryOperation
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static Float80 Apply(Float80 destination, Float80 source, ref X87Context context) =>
            Float80.Multiply(destination, source, ref context);
    }

    private readonly struct Subtraction : IBinaryOperation
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static Float80 Apply(Float80 destination, Float80 source, ref X87Context context) =>
            Float80.Subtract(destination, source, ref context);
    }

    private readonly struct ReverseSubtraction : IBinaryOperation
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static Float80 Apply(Float80 destination, Float80 source, ref X87Context context) =>
            Float80.Subtract(source, destination, ref context);
    }

    private readonly struct Division : IBinaryOperation
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static Float80 Apply(Float80 destination, Float80 source, ref X87Context context) =>
            Float80.Divide(destination, source, ref context);
    }

    private readonly struct ReverseDivision : IBinaryOperation
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static Float80 Apply(Float80 destination, Float80 source, ref X87Context context) =>
            Float80.Divide(source, destination, ref context);
    }

    private static void Registers<TOperation>(CpuState* cpu, int destination, int source)
        where TOperation : IBinaryOperation
    {
        if (IsEmpty(cpu, destination) || IsEmpty(cpu, source))
        {
            UnderflowInto(cpu, destination, pops: false);
            return;
        }

        X87Context context = new(cpu->X87.ControlWord);
        byte* target = St(cpu, destination);
        Float80 result = TOperation.Apply(ReadExtended(target), Read(cpu, source), ref context);
        if (Report(cpu, in context))
        {
            WriteExtended(target, result);
        }
    }

    private static void RegistersPop<TOperation>(CpuState* cpu, int destination)
        where TOperation : IBinaryOperation
    {
        if (IsEmpty(cpu, destination) || IsEmpty(cpu, 0))
        {
            UnderflowInto(cpu, destination, pops: true);
            return;
        }

        X87Context context = new(cpu->X87.ControlWord);
        byte* target = St(cpu, destination);
        Float80 result = TOperation.Apply(ReadExtended(target), Read(cpu, 0), ref context);
        if (Report(cpu, in context))
        {
            WriteExtended(target, result);
            Pop(cpu);
        }
    }

    private static void Memory<TOperation>(CpuState* cpu, Float80 source, bool isDenormal)
        where TOperation : IBinaryOperation
    {
        if (IsEmpty(cpu, 0))
        {
            UnderflowInto(cpu, 0, pops: false);
            return;
        }

        X87Context context = new(cpu->X87.ControlWord);
        Float80 target = Read(cpu, 0);
        Float80 result = TOperation.Apply(target, source, ref context);
        if (isDenormal)
        {
            NoteDenormalOperand(target, ref context);
        }

        if (Report(cpu, in context))
        {
            Replace(cpu, 0, result);
        }
    }

    /// <summary>A denormal m32 or m64 source was normalized when it was widened; report it unless something outranks it.</summary>
    private static void NoteDenormalOperand(Float80 other, ref X87Context context)
    {
        if (!other.IsNaN && (context.Flags & (X87Context.Invalid | X87Context.ZeroDivide)) == 0)
        {
            context.Flags |= X87Context.Denormal;
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Single<TOperation>(CpuState* cpu, uint source)
        where TOperation : IBinaryOperation =>
        Memory<TOperation>(cpu, Float80.FromSingleBits(source), Float80.IsDenormalSingle(source));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Double<TOperation>(CpuState* cpu, ulong source)
        where TOperation : IBinaryOperation =>
        Memory<TOperation>(cpu, Float80.FromDoubleBits(source), Float80.IsDenormalDouble(source));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Integer<TOperation>(CpuState* cpu, int source)
        where TOperation : IBinaryOperation =>
        Memory<TOperation>(cpu, Float80.FromInt64(source), isDenormal: false);

    public static void Fadd(CpuState* cpu, int destination, int source) => Registers<Addition>(cpu, destination, source);

    public static void Faddp(CpuState* cpu, int destination) => RegistersPop<Addition>(cpu, destination);

    public static void FaddM32(CpuState* cpu, uint source) => Single<Addition>(cpu, source);

    public static void FaddM64(CpuState* cpu, ulong source) => Double<Addition>(cpu, source);

    public static void FiaddM16(CpuState* cpu, short source) => Integer<Addition>(cpu, source);

    public static void FiaddM32(CpuState* cpu, int source) => Integer<Addition>(cpu, source);

    public static void Fmul(CpuState* cpu, int destination, int source) => Registers<Multiplication>(cpu, destination, source);

    public static void Fmulp(CpuState* cpu, int destination) => RegistersPop<Multiplication>(cpu, destination);

    public static void FmulM32(CpuState* cpu, uint source) => Single<Multiplication>(cpu, source);

    public static void FmulM64(CpuState* cpu, ulong source) => Double<Multiplication>(cpu, source);

    public static void FimulM16(CpuState* cpu, short source) => Integer<Multiplication>(cpu, source);

    public static void FimulM32(CpuState* cpu, int source) => Integer<Multiplication>(cpu, source);

    public static void Fsub(CpuState* cpu, int destination, int source) => Registers<Subtraction>(cpu, destination, source);

    public static void Fsubp(CpuState* cpu, int destination) => RegistersPop<Subtraction>(cpu, destination);

    public static void FsubM32(CpuState* cpu, uint source) => Single<Subtraction>(cpu, source);

    public static void FsubM64(CpuState* cpu, ulong source) => Double<Subtraction>(cpu, source);

    public static void FisubM16(CpuState* cpu, short source) => Integer<Subtraction>(cpu, source);

    public static void FisubM32(CpuState* cpu, int source) => Integer<Subtraction>(cpu, source);

    public static void Fsubr(CpuState* cpu, int destination, int source) => Registers<ReverseSubtraction>(cpu, destination, source);

    public static void Fsubrp(CpuState* cpu, int destination) => RegistersPop<ReverseSubtraction>(cpu, destination);

    public static void FsubrM32(CpuState* cpu, uint source) => Single<ReverseSubtraction>(cpu, source);

    public static void FsubrM64(CpuState* cpu, ulong source) => Double<ReverseSubtraction>(cpu, source);

    public static void FisubrM16(CpuState* cpu, short source) => Integer<ReverseSubtraction>(cpu, source);

    public static void FisubrM32(CpuState* cpu, int source) => Integer<ReverseSubtraction>(cpu, source);

    public static void Fdiv(CpuState* cpu, int destination, int source) => Registers<Division>(cpu, destination, source);

    public static void Fdivp(CpuState* cpu, int destination) => RegistersPop<Division>(cpu, destination);

    public static void FdivM32(CpuState* cpu, uint source) => Single<Division>(cpu, source);

    public static void FdivM64(CpuState* cpu, ulong source) => Double<Division>(cpu, source);

    public static void FidivM16(CpuState* cpu, short source) => Integer<Division>(cpu, source);

    public static void FidivM32(CpuState* cpu, int source) => Integer<Division>(cpu, source);

    public static void Fdivr(CpuState* cpu, int destination, int source) => Registers<ReverseDivision>(cpu, destination, source);

    public static void Fdivrp(CpuState* cpu, int destination) => RegistersPop<ReverseDivision>(cpu, destination);

    public static void FdivrM32(CpuState* cpu, uint source) => Single<ReverseDivision>(cpu, source);

    public static void FdivrM64(CpuState* cpu, ulong source) => Double<ReverseDivision>(cpu, source);

    public static void FidivrM16(CpuState* cpu, short source) => Integer<ReverseDivision>(cpu, source);

    public static void FidivrM32(CpuState* cpu, int source) => Integer<ReverseDivision>(cpu, source);
}
