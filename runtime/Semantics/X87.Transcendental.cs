using Jitvmm.Runtime.Cpu;

namespace Jitvmm.Runtime.Semantics;

// Scaling, remainders and the transcendental instructions (SDM vol. 1, 8.3.5 to 8.3.9).
public static unsafe partial class X87
{
    private const uint ReductionCodes = X87Context.C1 | X87Context.C2;

    public static void Fprem(CpuState* cpu) => PartialRemainder(cpu, isNearest: false);

    public static void Fprem1(CpuState* cpu) => PartialRemainder(cpu, isNearest: true);

    public static void Fscale(CpuState* cpu)
    {
        if (IsEmpty(cpu, 0) || IsEmpty(cpu, 1))
        {
            UnderflowInto(cpu, 0, pops: false);
            return;
        }

        X87Context context = new(cpu->X87.ControlWord);
        Float80 result = Float80.Scale(Read(cpu, 0), Read(cpu, 1), ref context);
        if (Report(cpu, in context))
        {
            Replace(cpu, 0, result);
        }
    }

    public static void Fxtract(CpuState* cpu)
    {
        if (FaultsBeforePush(cpu, X87Context.C1))
        {
            return;
        }

        X87Context context = new(cpu->X87.ControlWord);
        Float80 significand = Float80.Extract(Read(cpu, 0), out Float80 exponent, ref context);
        if (Report(cpu, in context))
        {
            Replace(cpu, 0, exponent);
            PushUnchecked(cpu, significand);
        }
    }

    public static void F2xm1(CpuState* cpu)
    {
        if (IsEmpty(cpu, 0))
        {
            UnderflowInto(cpu, 0, pops: false);
            return;
        }

        X87Context context = new(cpu->X87.ControlWord);
        Float80 result = Float80.TwoToTheXMinusOne(Read(cpu, 0), ref context);
        if (Report(cpu, in context))
        {
            Replace(cpu, 0, result);
        }
    }

    public static void Fyl2x(CpuState* cpu)
    {
        if (IsEmpty(cpu, 0) || IsEmpty(cpu, 1))
        {
            UnderflowInto(cpu, 1, pops: true);
            return;
        }

        X87Context context = new(cpu->X87.ControlWord);
        Float80 result = Float80.YLog2X(Read(cpu, 0), Read(cpu, 1), ref context);
        DeliverAndPop(cpu, result, in context);
    }

    public static void Fyl2xp1(CpuState* cpu)
    {
        if (IsEmpty(cpu, 0) || IsEmpty(cpu, 1))
        {
            UnderflowInto(cpu, 1, pops: true);
            return;
        }

        X87Context context = new(cpu->X87.ControlWord);
        Float80 result = Float80.YLog2XPlus1(Read(cpu, 0), Read(cpu, 1), ref context);
        DeliverAndPop(cpu, result, in context);
    }

    public static void Fpatan(CpuState* cpu)
    {
        if (IsEmpty(cpu, 0) || IsEmpty(cpu, 1))
        {
            UnderflowInto(cpu, 1, pops: true);
            return;
        }

        X87Context context = new(cpu->X87.ControlWord);
        Float80 result = Float80.ArcTangent(Read(cpu, 1), Read(cpu, 0), ref context);
        DeliverAndPop(cpu, result, in context);
    }

    public static void Fsin(CpuState* cpu)
    {
        if (IsEmpty(cpu, 0))
        {
            UnderflowInto(cpu, 0, pops: false, ReductionCodes);
            return;
        }

        if (LeavesUnreduced(cpu))
        {
            return;
        }

        X87Context context = new(cpu->X87.ControlWord);
        Float80 result = Float80.Sine(Read(cpu, 0), ref context);
        if (Report(cpu, context.Flags, ReductionCodes))
        {
            Replace(cpu, 0, result);
        }
    }

    public static void Fcos(CpuState* cpu)
    {
        if (IsEmpty(cpu, 0))
        {
            UnderflowInto(cpu, 0, pops: false, ReductionCodes);
            return;
        }

        if (LeavesUnreduced(cpu))
        {
            return;
        }

        X87Context context = new(cpu->X87.ControlWord);
        Float80 result = Float80.Cosine(Read(cpu, 0), ref context);
        if (Report(cpu, context.Flags, ReductionCodes))
        {
            Replace(cpu, 0, result);
        }
    }

    public static void Fsincos(CpuState* cpu)
    {
        if (FaultsBeforePush(cpu, ReductionCodes) || LeavesUnreduced(cpu))
        {
            return;
        }

        X87Context context = new(cpu->X87.ControlWord);
        Float80 sine = Float80.Sine(Read(cpu, 0), ref context);
        uint sineFlags = context.Flags;
        context.Flags = 0;
        Float80 cosine = Float80.Cosine(Read(cpu, 0), ref context);
        if (Report(cpu, sineFlags | (context.Flags & X87Context.Exceptions), ReductionCodes))
        {
            Replace(cpu, 0, sine);
            PushUnchecked(cpu, cosine);
        }
    }

    public static void Fptan(CpuState* cpu)
    {
        if (FaultsBeforePush(cpu, ReductionCodes) || LeavesUnreduced(cpu))
        {
            return;
        }

        X87Context context = new(cpu->X87.ControlWord);
        Float80 operand = Read(cpu, 0);
        Float80 tangent = Float80.Tangent(operand, ref context);
        if (Report(cpu, context.Flags, ReductionCodes))
        {
            Replace(cpu, 0, tangent);
            PushUnchecked(cpu, tangent.Exponent == Float80.MaxExponent ? tangent : Float80.One);
        }
    }

    private static void PartialRemainder(CpuState* cpu, bool isNearest)
    {
        if (IsEmpty(cpu, 0) || IsEmpty(cpu, 1))
        {
            UnderflowInto(cpu, 0, pops: false, ReductionCodes);
            return;
        }

        X87Context context = new(cpu->X87.ControlWord);
        Float80 result = Float80.Remainder(Read(cpu, 0), Read(cpu, 1), isNearest, ref context);

        // C0 and C3 keep their values when there is no quotient.
        bool hasQuotient = !result.IsNaN && !context.IsUnmasked(context.Flags & X87Context.PreComputation);
        if (Report(cpu, context.Flags, hasQuotient ? X87Context.ConditionCodes : ReductionCodes))
        {
            Replace(cpu, 0, result);
        }
    }

    private static void DeliverAndPop(CpuState* cpu, Float80 result, in X87Context context)
    {
        if (Report(cpu, in context))
        {
            Replace(cpu, 1, result);
            Pop(cpu);
        }
    }

    /// <summary>An instruction that replaces ST(0) and pushes finds ST(0) empty or no room; both results are then indefinite.</summary>
    private static bool FaultsBeforePush(CpuState* cpu, uint codes)
    {
        bool isUnderflow = IsEmpty(cpu, 0);
        if (!isUnderflow && IsEmpty(cpu, -1))
        {
            return false;
        }

        if (Report(cpu, isUnderflow ? StackUnderflow : StackOverflow, codes))
        {
            Write(cpu, 0, Float80.Indefinite);
            PushUnchecked(cpu, Float80.Indefinite);
        }

        return true;
    }

    /// <summary>A trigonometric operand too large to reduce stays where it is, and C2 says so.</summary>
    private static bool LeavesUnreduced(CpuState* cpu)
    {
        bool isBeyond = Read(cpu, 0).IsBeyondReduction;
        if (isBeyond)
        {
            Report(cpu, X87Context.C2, ReductionCodes);
        }

        return isBeyond;
    }
}
