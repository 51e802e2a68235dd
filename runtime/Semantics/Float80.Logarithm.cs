namespace Jitvmm.Runtime.Semantics;

// F2XM1, FYL2X and FYL2XP1.
public readonly partial struct Float80
{
    /// <summary>√2 times 2^127: mantissas above it count as below 1 in the next binade.</summary>
    private static UInt128 SquareRootOfTwo => new(0xb504f333f9de6484, 0x597d89b3754abe9f);

    /// <summary><c>2^a − 1</c> (F2XM1). Beyond ±1, where the manual leaves it undefined, AMD processors return the operand.</summary>
    public static Float80 TwoToTheXMinusOne(Float80 a, ref X87Context context)
    {
        if (TryPropagateNaN(a, ref context, out Float80 nan))
        {
            return nan;
        }

        if (a.IsZero)
        {
            return a;
        }

        if (a.IsInfinity)
        {
            return a.IsNegative ? One.Negated() : a;
        }

        NoteDenormal(a, ref context);
        if (a.Exponent >= Bias)
        {
            context.Flags |= X87Context.Precision;
            bool isMinusOne = a.Exponent == Bias && a.Significand == IntegerBit && a.IsNegative;
            return isMinusOne ? new Float80(SignBit, Bias - 1, IntegerBit) : a;
        }

        WideFloat power = WideFloat.Multiply(WideFloat.FromMagnitude(a), new WideFloat(-1, Series.Ln2));
        UInt128 fraction = power.ToFixed(128);
        WideFloat result = a.IsNegative
            ? power.TimesOneMinus(Series.Alternating(Series.Exponential, fraction))
            : power.TimesOnePlus(Series.Ascending(Series.Exponential, fraction));
        return result.Round(a.Sign, ref context);
    }

    /// <summary><c>y · log2(x)</c> (FYL2X).</summary>
    public static Float80 YLog2X(Float80 x, Float80 y, ref X87Context context)
    {
        if (TryPropagateNaN(x, y, ref context, out Float80 nan))
        {
            return nan;
        }

        if (x.IsZero)
        {
            if (y.IsZero)
            {
                return context.RaiseInvalid();
            }

            context.Flags |= y.IsInfinity ? 0 : X87Context.ZeroDivide;
            return Infinity(y.Sign ^ SignBit);
        }

        if (x.IsNegative)
        {
            return context.RaiseInvalid();
        }

        bool isOne = x.Exponent == Bias && x.Significand == IntegerBit;
        bool isBelowOne = x.Exponent < Bias;
        if ((x.IsInfinity && y.IsZero) || (isOne && y.IsInfinity))
        {
            return context.RaiseInvalid();
        }

        NoteDenormals(x, y, ref context);
        uint sign = y.Sign ^ (isBelowOne ? SignBit : 0);
        if (x.IsInfinity || y.IsInfinity)
        {
            return Infinity(sign);
        }

        return y.IsZero || isOne ? SignedZero(sign) : TimesLog2(WideFloat.FromMagnitude(x), y, ref context);
    }

    /// <summary><c>y · log2(x + 1)</c> (FYL2XP1), accurate near 0 and, as AMD processors have it, over all of x above −1.</summary>
    public static Float80 YLog2XPlus1(Float80 x, Float80 y, ref X87Context context)
    {
        if (TryPropagateNaN(x, y, ref context, out Float80 nan))
        {
            return nan;
        }

        uint sign = x.Sign ^ y.Sign;
        if (x.IsInfinity)
        {
            if (x.IsNegative || y.IsZero)
            {
                return context.RaiseInvalid();
            }

            NoteDenormals(x, y, ref context);
            return Infinity(sign);
        }

        if (x.IsZero && y.IsInfinity)
        {
            return context.RaiseInvalid();
        }

        NoteDenormals(x, y, ref context);
        if (y.IsInfinity)
        {
            return Infinity(sign);
        }

        if (x.IsZero || y.IsZero)
        {
            return SignedZero(sign);
        }

        if (x.IsNegative && x.Exponent >= Bias)
        {
            // No logarithm: AMD processors return the operand.
            context.Flags |= X87Context.Precision;
            return x;
        }

        return TimesLog2PlusOne(x, y, ref context);
    }

    private static Float80 TimesLog2PlusOne(Float80 x, Float80 y, ref X87Context context)
    {
        WideFloat magnitude = WideFloat.FromMagnitude(x);
        if (magnitude.Exponent >= -2)
        {
            // Far enough from 0 that nothing cancels once 1 is added in 128 bits.
            return TimesLog2(OnePlus(magnitude, x.IsNegative), y, ref context);
        }

        // log2(1 + x) = 2 atanh(x / (2 + x)) / ln 2.
        UInt128 fraction = magnitude.ToFixed(126);
        UInt128 two = UInt128.One << 127;
        WideFloat argument = WideFloat.Divide(magnitude, WideFloat.FromFixed(x.IsNegative ? two - fraction : two + fraction, 126));
        WideFloat product = WideFloat.Multiply(TwiceAtanhOverLn2(argument), WideFloat.FromMagnitude(y));
        return product.Round(x.Sign ^ y.Sign, ref context);
    }

    private static WideFloat OnePlus(WideFloat magnitude, bool isNegative)
    {
        if (magnitude.Exponent > 126)
        {
            return magnitude;
        }

        int fractionBits = Math.Min(126, 126 - magnitude.Exponent);
        UInt128 one = UInt128.One << fractionBits;
        UInt128 fraction = magnitude.ToFixed(fractionBits);
        return WideFloat.FromFixed(isNegative ? one - fraction : one + fraction, fractionBits);
    }

    private static Float80 TimesLog2(WideFloat x, Float80 y, ref X87Context context)
    {
        int whole = x.Exponent;
        UInt128 mantissa = x.Significand;
        WideFloat factor = WideFloat.FromMagnitude(y);
        if (mantissa == UInt128.One << 127)
        {
            // A power of two: the product is exact but for its own rounding, yet counts as inexact.
            WideFloat exact = WideFloat.Multiply(WideFloat.FromFixed((UInt128)Math.Abs(whole), 0), factor);
            Float80 result = RoundExtended(
                y.Sign ^ (whole < 0 ? SignBit : 0),
                exact.Exponent + Bias,
                (ulong)(exact.Significand >> 64),
                (ulong)exact.Significand,
                ref context);
            context.Flags |= X87Context.Precision | (result.Exponent == 0 ? X87Context.Underflow : 0);
            return result;
        }

        bool isBelow = mantissa > SquareRootOfTwo;
        UInt128 numerator = isBelow ? UInt128.Zero - mantissa : mantissa - (UInt128.One << 127);
        UInt128 denominator = (mantissa >> 1) + (isBelow ? UInt128.One << 127 : UInt128.One << 126);
        whole += isBelow ? 1 : 0;
        WideFloat argument = WideFloat.Divide(
            WideFloat.FromFixed(numerator, isBelow ? 128 : 127), WideFloat.FromFixed(denominator, isBelow ? 127 : 126));
        WideFloat fraction = TwiceAtanhOverLn2(argument);
        bool isNegative = isBelow;
        if (whole != 0)
        {
            isNegative = whole < 0;
            UInt128 integer = (UInt128)Math.Abs(whole) << 112;
            UInt128 rest = fraction.ToFixed(112);
            fraction = WideFloat.FromFixed(isBelow == isNegative ? integer + rest : integer - rest, 112);
        }

        return WideFloat.Multiply(fraction, factor).Round(y.Sign ^ (isNegative ? SignBit : 0), ref context);
    }

    /// <summary>For an argument below 0.18.</summary>
    private static WideFloat TwiceAtanhOverLn2(WideFloat argument)
    {
        WideFloat atanh = argument.TimesOnePlus(Series.Ascending(Series.OddReciprocals, SquareAsFraction(argument)));
        return WideFloat.Multiply(atanh, new WideFloat(1, Series.TwoOverLn2));
    }
}
