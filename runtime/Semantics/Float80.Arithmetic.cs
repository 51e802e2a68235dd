using System.Runtime.CompilerServices;

namespace Jitvmm.Runtime.Semantics;

public readonly partial struct Float80
{
    public static Float80 Add(Float80 a, Float80 b, ref X87Context context) =>
        a.IsNormal && b.IsNormal
            ? AddMagnitudes(a.Sign, a.Exponent, a.Significand, b.Sign, b.Exponent, b.Significand, ref context)
            : AddSpecial(a, b, 0, ref context);

    public static Float80 Subtract(Float80 a, Float80 b, ref X87Context context) =>
        a.IsNormal && b.IsNormal
            ? AddMagnitudes(a.Sign, a.Exponent, a.Significand, b.Sign ^ SignBit, b.Exponent, b.Significand, ref context)
            : AddSpecial(a, b, SignBit, ref context);

    public static Float80 Multiply(Float80 a, Float80 b, ref X87Context context)
    {
        if (a.IsNormal && b.IsNormal)
        {
            ulong high = Math.BigMul(a.Significand, b.Significand, out ulong low);
            int exponent = a.Exponent + b.Exponent - (Bias - 1);
            if ((long)high >= 0)
            {
                high = (high << 1) | (low >> 63);
                low <<= 1;
                exponent--;
            }

            return Round((a.SignExponent ^ (uint)b.SignExponent) & SignBit, exponent, high, low, ref context);
        }

        return MultiplySpecial(a, b, ref context);
    }

    public static Float80 Divide(Float80 a, Float80 b, ref X87Context context) =>
        a.IsNormal && b.IsNormal
            ? DivideMagnitudes(
                (a.SignExponent ^ (uint)b.SignExponent) & SignBit,
                a.Exponent - b.Exponent,
                a.Significand,
                b.Significand,
                ref context)
            : DivideSpecial(a, b, ref context);

    private static Float80 AddMagnitudes(
        uint aSign, int aExponent, ulong a, uint bSign, int bExponent, ulong b, ref X87Context context)
    {
        int distance = aExponent - bExponent;
        if (distance < 0 || (distance == 0 && a < b))
        {
            (a, b) = (b, a);
            (aSign, bSign) = (bSign, aSign);
            aExponent = bExponent;
            distance = -distance;
        }

        ulong bLow = 0;
        ShiftRightSticky(ref b, ref bLow, distance);
        if (aSign == bSign)
        {
            ulong sum = a + b;
            if (sum < a)
            {
                bLow = (sum << 63) | (bLow >> 1) | (bLow & 1);
                sum = (sum >> 1) | IntegerBit;
                aExponent++;
            }
            else if ((long)sum >= 0)
            {
                // Two denormals whose sum is one too.
                return NormalizeAndRound(aSign, aExponent, sum, bLow, ref context);
            }

            return Round(aSign, aExponent, sum, bLow, ref context);
        }

        ulong low = 0 - bLow;
        ulong high = a - b - (bLow != 0 ? 1ul : 0);
        if ((high | low) == 0)
        {
            return SignedZero(context.Rounding == X87Context.RoundDown ? SignBit : 0);
        }

        return NormalizeAndRound(aSign, aExponent, high, low, ref context);
    }

    private static Float80 AddSpecial(Float80 a, Float80 b, uint flip, ref X87Context context)
    {
        if (TryPropagateNaN(a, b, ref context, out Float80 nan))
        {
            return nan;
        }

        uint bSign = b.Sign ^ flip;
        if (a.IsInfinity)
        {
            if (b.IsInfinity && a.Sign != bSign)
            {
                return context.RaiseInvalid();
            }

            NoteDenormals(a, b, ref context);
            return a;
        }

        NoteDenormals(a, b, ref context);
        if (b.IsInfinity)
        {
            return Infinity(bSign);
        }

        if (a.IsZero && b.IsZero)
        {
            return a.Sign == bSign ? a : SignedZero(context.Rounding == X87Context.RoundDown ? SignBit : 0);
        }

        // A zero operand aligned at exponent 1 adds nothing; the other one still has to be rounded.
        return AddMagnitudes(
            a.Sign, Math.Max(a.Exponent, 1), a.Significand, bSign, Math.Max(b.Exponent, 1), b.Significand, ref context);
    }

    private static Float80 MultiplySpecial(Float80 a, Float80 b, ref X87Context context)
    {
        if (TryPropagateNaN(a, b, ref context, out Float80 nan))
        {
            return nan;
        }

        uint sign = a.Sign ^ b.Sign;
        if (a.IsInfinity || b.IsInfinity)
        {
            if (a.IsZero || b.IsZero)
            {
                return context.RaiseInvalid();
            }

            NoteDenormals(a, b, ref context);
            return Infinity(sign);
        }

        NoteDenormals(a, b, ref context);
        if (a.IsZero || b.IsZero)
        {
            return SignedZero(sign);
        }

        int exponent = a.Normalize(out ulong aSignificand) + b.Normalize(out ulong bSignificand) - (Bias - 1);
        ulong high = Math.BigMul(aSignificand, bSignificand, out ulong low);
        return NormalizeAndRound(sign, exponent, high, low, ref context);
    }

    private static Float80 DivideSpecial(Float80 a, Float80 b, ref X87Context context)
    {
        if (TryPropagateNaN(a, b, ref context, out Float80 nan))
        {
            return nan;
        }

        uint sign = a.Sign ^ b.Sign;
        if (a.IsInfinity)
        {
            if (b.IsInfinity)
            {
                return context.RaiseInvalid();
            }

            NoteDenormals(a, b, ref context);
            return Infinity(sign);
        }

        if (b.IsZero)
        {
            if (a.IsZero)
            {
                return context.RaiseInvalid();
            }

            // Zero-divide outranks a denormal dividend.
            context.Flags |= X87Context.ZeroDivide;
            return Infinity(sign);
        }

        NoteDenormals(a, b, ref context);
        if (a.IsZero || b.IsInfinity)
        {
            return SignedZero(sign);
        }

        int exponent = a.Normalize(out ulong aSignificand) - b.Normalize(out ulong bSignificand);
        return DivideMagnitudes(sign, exponent, aSignificand, bSignificand, ref context);
    }

    private static Float80 DivideMagnitudes(uint sign, int exponent, ulong a, ulong b, ref X87Context context)
    {
        exponent += Bias;
        ulong quotient;
        ulong remainder;
        if (a < b)
        {
            exponent--;
            quotient = WideInteger.DivRem(a, 0, b, out remainder);
        }
        else
        {
            quotient = WideInteger.DivRem(a >> 1, a << 63, b, out remainder);
        }

        return Round(sign, exponent, quotient, HalfWayMark(remainder, b), ref context);
    }

    /// <summary>A 64-bit fraction that compares with one half as <paramref name="remainder"/> / <paramref name="divisor"/> does.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static ulong HalfWayMark(ulong remainder, ulong divisor)
    {
        if (remainder == 0)
        {
            return 0;
        }

        ulong rest = divisor - remainder;
        return rest > remainder ? 1 : rest == remainder ? IntegerBit : IntegerBit | 1;
    }

    /// <summary>Square root (FSQRT).</summary>
    public static Float80 SquareRoot(Float80 a, ref X87Context context)
    {
        if (!a.IsNormal || a.IsNegative)
        {
            if (TryPropagateNaN(a, ref context, out Float80 nan))
            {
                return nan;
            }

            if (a.IsZero)
            {
                return a;
            }

            if (a.IsNegative)
            {
                return context.RaiseInvalid();
            }

            if (a.IsInfinity)
            {
                return a;
            }

            NoteDenormal(a, ref context);
        }

        int exponent = a.Normalize(out ulong significand) - Bias;

        // The radicand as 128 bits in [2^126, 2^128), so that its root has its top bit set.
        ulong high = significand;
        ulong low = 0;
        if ((exponent & 1) == 0)
        {
            high = significand >> 1;
            low = significand << 63;
        }

        ulong root = WideInteger.SquareRoot(high, low, out UInt128 remainder);
        ulong fraction = remainder == 0 ? 0 : remainder > root ? IntegerBit | 1 : 1;
        return Round(0, (exponent >> 1) + Bias, root, fraction, ref context);
    }

    internal static void NoteDenormal(Float80 a, ref X87Context context)
    {
        if (a.IsDenormal)
        {
            context.Flags |= X87Context.Denormal;
        }
    }

    internal static void NoteDenormals(Float80 a, Float80 b, ref X87Context context)
    {
        if (a.IsDenormal || b.IsDenormal)
        {
            context.Flags |= X87Context.Denormal;
        }
    }

    /// <summary>The NaN or invalid-operand outcome of a one-operand instruction, if it has one.</summary>
    internal static bool TryPropagateNaN(Float80 a, ref X87Context context, out Float80 result)
    {
        result = default;
        if (a.IsUnsupported)
        {
            result = context.RaiseInvalid();
            return true;
        }

        if (a.IsNaN)
        {
            result = Quiet(a, ref context);
            return true;
        }

        return false;
    }

    /// <summary>The NaN or invalid-operand outcome of a two-operand instruction (SDM vol. 1, table 4-7: the larger significand wins).</summary>
    internal static bool TryPropagateNaN(Float80 a, Float80 b, ref X87Context context, out Float80 result)
    {
        result = default;
        if (a.IsUnsupported || b.IsUnsupported)
        {
            result = context.RaiseInvalid();
            return true;
        }

        bool aNaN = a.IsNaN;
        bool bNaN = b.IsNaN;
        if (!aNaN && !bNaN)
        {
            return false;
        }

        if (aNaN != bNaN)
        {
            result = Quiet(aNaN ? a : b, ref context);
            return true;
        }

        bool aSignals = a.IsSignalingNaN;
        bool bSignals = b.IsSignalingNaN;
        if (aSignals || bSignals)
        {
            context.Flags |= X87Context.Invalid;
        }

        if (aSignals != bSignals)
        {
            result = aSignals ? b : a;
            return true;
        }

        bool takeA = a.Significand != b.Significand ? a.Significand > b.Significand : !a.IsNegative;
        Float80 larger = takeA ? a : b;
        result = new Float80(larger.SignExponent, larger.Significand | QuietBit);
        return true;
    }

    private static Float80 Quiet(Float80 nan, ref X87Context context)
    {
        if ((nan.Significand & QuietBit) == 0)
        {
            context.Flags |= X87Context.Invalid;
        }

        return new Float80(nan.SignExponent, nan.Significand | QuietBit);
    }
}
