using Jitvmm.Runtime.Cpu;

namespace Jitvmm.Runtime.Semantics;

// Register moves, sign changes and the one-operand arithmetic that needs no series.
public static unsafe partial class X87
{
    public static void Fxch(CpuState* cpu, int other)
    {
        if (IsEmpty(cpu, 0) || IsEmpty(cpu, other))
        {
            ExchangeEmpty(cpu, other);
            return;
        }

        Report(cpu, 0, X87Context.C1);
        Float80 first = Read(cpu, 0);
        Replace(cpu, 0, Read(cpu, other));
        Replace(cpu, other, first);
    }

    private static void ExchangeEmpty(CpuState* cpu, int other)
    {
        if (!Report(cpu, StackUnderflow, X87Context.C1))
        {
            return;
        }

        Float80 first = IsEmpty(cpu, 0) ? Float80.Indefinite : Read(cpu, 0);
        Float80 second = IsEmpty(cpu, other) ? Float80.Indefinite : Read(cpu, other);
        Write(cpu, 0, second);
        Write(cpu, other, first);
    }

    /// <summary>FCMOVcc: the caller has evaluated the condition, 0 when it does not hold. An empty register faults whether or not it holds.</summary>
    public static void Fcmov(CpuState* cpu, int source, uint condition)
    {
        if (IsEmpty(cpu, 0) || IsEmpty(cpu, source))
        {
            UnderflowInto(cpu, 0, pops: false);
        }
        else if (condition != 0)
        {
            Replace(cpu, 0, Read(cpu, source));
        }
    }

    public static void Fchs(CpuState* cpu)
    {
        if (IsEmpty(cpu, 0))
        {
            UnderflowInto(cpu, 0, pops: false);
            return;
        }

        Report(cpu, 0, X87Context.C1);
        Replace(cpu, 0, Read(cpu, 0).Negated());
    }

    public static void Fabs(CpuState* cpu)
    {
        if (IsEmpty(cpu, 0))
        {
            UnderflowInto(cpu, 0, pops: false);
            return;
        }

        Report(cpu, 0, X87Context.C1);
        Float80 value = Read(cpu, 0);
        Replace(cpu, 0, new Float80(value.SignExponent & ~Float80.SignBit, value.Significand));
    }

    public static void Fsqrt(CpuState* cpu)
    {
        if (IsEmpty(cpu, 0))
        {
            UnderflowInto(cpu, 0, pops: false);
            return;
        }

        X87Context context = new(cpu->X87.ControlWord);
        Float80 result = Float80.SquareRoot(Read(cpu, 0), ref context);
        if (Report(cpu, in context))
        {
            Replace(cpu, 0, result);
        }
    }

    public static void Frndint(CpuState* cpu)
    {
        if (IsEmpty(cpu, 0))
        {
            UnderflowInto(cpu, 0, pops: false);
            return;
        }

        X87Context context = new(cpu->X87.ControlWord);
        Float80 result = Float80.RoundToInteger(Read(cpu, 0), ref context);
        if (Report(cpu, in context))
        {
            Replace(cpu, 0, result);
        }
    }
}
