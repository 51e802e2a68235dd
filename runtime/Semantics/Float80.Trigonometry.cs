namespace Jitvmm.Runtime.Semantics;

// FSIN, FCOS, FSINCOS and FPTAN. The argument is reduced exactly, modulo the hardware's 66-bit π (SDM vol. 1, 8.3.8),
// to at most π/4; the series then err by far less than half a unit of the last place.
public readonly partial struct Float80
{
    /// <summary>π as the hardware has it, times 2^66; and so π/2 times 2^67.</summary>
    private static UInt128 HardwarePi => new(0xc, 0x90fdaa22168c234c);

    /// <summary>Whether trigonometric instructions leave the operand alone and set C2: a magnitude of 2^63 or more.</summary>
    internal bool IsBeyondReduction => !IsNaN && !IsInfinity && !IsUnsupported && Exponent >= Bias + 63;

    public static Float80 Sine(Float80 a, ref X87Context context)
    {
        if (TryAnswerSpecialAngle(a, ref context, out Float80 special))
        {
            return special;
        }

        WideFloat angle = Reduce(a, out uint quadrant, out bool isNegative);
        uint sign = a.Sign ^ ((quadrant & 2) != 0 ? SignBit : 0);
        if ((quadrant & 1) != 0)
        {
            return CosineOf(angle).Round(sign, ref context);
        }

        return SineOf(angle).Round(sign ^ (isNegative ? SignBit : 0), ref context);
    }

    public static Float80 Cosine(Float80 a, ref X87Context context)
    {
        if (a.IsZero)
        {
            return One;
        }

        if (TryAnswerSpecialAngle(a, ref context, out Float80 special))
        {
            return special;
        }

        WideFloat angle = Reduce(a, out uint quadrant, out bool isNegative);
        uint sign = ((quadrant + 1) & 2) != 0 ? SignBit : 0;
        if ((quadrant & 1) == 0)
        {
            return CosineOf(angle).Round(sign, ref context);
        }

        return SineOf(angle).Round(sign ^ (isNegative ? SignBit : 0), ref context);
    }

    public static Float80 Tangent(Float80 a, ref X87Context context)
    {
        if (TryAnswerSpecialAngle(a, ref context, out Float80 special))
        {
            return special;
        }

        WideFloat angle = Reduce(a, out uint quadrant, out bool isNegative);
        uint sign = a.Sign ^ (isNegative ? SignBit : 0);
        if (angle.Exponent < -64)
        {
            // Too small for the cubic term to show; the quotient below would also lose which side of x it is on.
            return (quadrant & 1) == 0
                ? angle.Round(sign, ref context)
                : WideFloat.Divide(CosineOf(angle), angle).Round(sign ^ SignBit, ref context);
        }

        return (quadrant & 1) == 0
            ? WideFloat.Divide(SineOf(angle), CosineOf(angle)).Round(sign, ref context)
            : WideFloat.Divide(CosineOf(angle), SineOf(angle)).Round(sign ^ SignBit, ref context);
    }

    private static bool TryAnswerSpecialAngle(Float80 a, ref X87Context context, out Float80 result)
    {
        if (TryPropagateNaN(a, ref context, out result))
        {
            return true;
        }

        if (a.IsInfinity)
        {
            result = context.RaiseInvalid();
            return true;
        }

        if (a.IsZero)
        {
            result = a;
            return true;
        }

        NoteDenormal(a, ref context);
        return false;
    }

    /// <summary>|a| = quadrant · π/2 ± the returned angle, which is at most π/4 and never 0.</summary>
    private static WideFloat Reduce(Float80 a, out uint quadrant, out bool isNegative)
    {
        quadrant = 0;
        isNegative = false;
        WideFloat magnitude = WideFloat.FromMagnitude(a);
        if (magnitude.Exponent < -1)
        {
            return magnitude;
        }

        // |a| = significand · 2^shift units of 2^-67; π/2 is HardwarePi of them. The shift is at least 3.
        int shift = magnitude.Exponent + 4;
        UInt128 divisor = HardwarePi;
        UInt128 rest = (ulong)(magnitude.Significand >> 64);
        UInt128 quotient = UInt128.Zero;
        while (shift > 0)
        {
            int step = Math.Min(shift, 60);
            rest <<= step;
            UInt128 digits = rest / divisor;
            rest -= digits * divisor;
            quotient = (quotient << step) + digits;
            shift -= step;
        }

        quadrant = (uint)quotient & 3;
        if (rest << 1 > divisor)
        {
            rest = divisor - rest;
            quadrant = (quadrant + 1) & 3;
            isNegative = true;
        }

        return WideFloat.FromFixed(rest, 67);
    }

    private static WideFloat SineOf(WideFloat angle) =>
        angle.TimesOneMinus(Series.Alternating(Series.Sine, SquareAsFraction(angle)));

    private static WideFloat CosineOf(WideFloat angle)
    {
        UInt128 complement = Series.Alternating(Series.Cosine, SquareAsFraction(angle));
        return WideFloat.FromFixed(UInt128.MaxValue - complement, 128);
    }

    /// <summary>The square of a number below 1 as a fraction of 2^128.</summary>
    private static UInt128 SquareAsFraction(WideFloat value)
    {
        int shift = -2 * (value.Exponent + 1);
        return shift >= 128 ? UInt128.Zero : WideInteger.MultiplyHigh(value.Significand, value.Significand) >> shift;
    }
}
