using System.Runtime.CompilerServices;

namespace Jitvmm.Runtime.Semantics;

/// <summary>
/// A positive number with 128 bits of significand for intermediate results: <c>Significand × 2^(Exponent − 127)</c>,
/// top bit set. Its operations are good to about 2^-124, which leaves a rounded 64-bit result wrong about once in 2^58.
/// </summary>
internal readonly struct WideFloat(int exponent, UInt128 significand)
{
    internal readonly int Exponent = exponent;
    internal readonly UInt128 Significand = significand;

    /// <summary>The magnitude of a number that is not zero.</summary>
    internal static WideFloat FromMagnitude(Float80 value)
    {
        int exponent = value.Normalize(out ulong significand) - Float80.Bias;
        return new WideFloat(exponent, new UInt128(significand, 0));
    }

    /// <summary><c>value × 2^(−fractionBits)</c> for a value that is not zero.</summary>
    internal static WideFloat FromFixed(UInt128 value, int fractionBits)
    {
        int shift = WideInteger.LeadingZeroCount(value);
        return new WideFloat(127 - shift - fractionBits, value << shift);
    }

    /// <summary>As an integer multiple of <c>2^(−fractionBits)</c>, truncated; it must fit.</summary>
    internal UInt128 ToFixed(int fractionBits)
    {
        int shift = 127 - Exponent - fractionBits;
        return shift >= 128 ? UInt128.Zero : Significand >> shift;
    }

    internal static WideFloat Multiply(WideFloat a, WideFloat b)
    {
        UInt128 product = WideInteger.MultiplyHigh(a.Significand, b.Significand);
        int exponent = a.Exponent + b.Exponent + 1;
        return (product >> 127) != UInt128.Zero
            ? new WideFloat(exponent, product)
            : new WideFloat(exponent - 1, product << 1);
    }

    /// <summary>Schoolbook division by 64-bit digits.</summary>
    internal static WideFloat Divide(WideFloat a, WideFloat b)
    {
        int exponent = a.Exponent - b.Exponent;
        UInt128 dividend = a.Significand;
        if (dividend >= b.Significand)
        {
            dividend >>= 1;
        }
        else
        {
            exponent--;
        }

        ulong high = NextDigit(ref dividend, b.Significand);
        ulong low = NextDigit(ref dividend, b.Significand);
        return new WideFloat(exponent, new UInt128(high, low | (dividend != UInt128.Zero ? 1ul : 0)));
    }

    /// <summary>The number times <c>1 + fraction / 2^128</c>.</summary>
    internal WideFloat TimesOnePlus(UInt128 fraction)
    {
        UInt128 increment = WideInteger.MultiplyHigh(Significand, fraction);
        UInt128 sum = Significand + increment;
        return sum >= Significand
            ? new WideFloat(Exponent, sum)
            : new WideFloat(Exponent + 1, (sum >> 1) | (UInt128.One << 127));
    }

    /// <summary>The number times <c>1 − fraction / 2^128</c>, and always less than it: the series this ends never round to 1.</summary>
    internal WideFloat TimesOneMinus(UInt128 fraction)
    {
        UInt128 difference = Significand - WideInteger.MultiplyHigh(Significand, fraction) - UInt128.One;
        int shift = WideInteger.LeadingZeroCount(difference);
        return new WideFloat(Exponent - shift, difference << shift);
    }

    /// <summary>Rounds an irrational result: never exact, whatever the low bits say.</summary>
    internal Float80 Round(uint sign, ref X87Context context) =>
        Float80.RoundExtended(
            sign, Exponent + Float80.Bias, (ulong)(Significand >> 64), (ulong)Significand | 1, ref context);

    /// <summary><c>floor(rest·2^64 / divisor)</c>, leaving the remainder; <paramref name="rest"/> is less than the divisor.</summary>
    private static ulong NextDigit(ref UInt128 rest, UInt128 divisor)
    {
        ulong divisorHigh = (ulong)(divisor >> 64);
        ulong restHigh = (ulong)(rest >> 64);
        ulong digit = ulong.MaxValue;
        UInt128 partial;
        if (restHigh < divisorHigh)
        {
            digit = WideInteger.DivRem(restHigh, (ulong)rest, divisorHigh, out ulong remainder);
            partial = new UInt128(remainder, 0);
        }
        else
        {
            // rest − (2^64 − 1)·divisorHigh; it may take more than 64 bits, and then no correction is due.
            UInt128 remainder = (UInt128)(ulong)rest + divisorHigh;
            if ((remainder >> 64) != UInt128.Zero)
            {
                rest = (remainder << 64) - Product(digit, (ulong)divisor);
                return digit;
            }

            partial = remainder << 64;
        }

        UInt128 subtrahend = Product(digit, (ulong)divisor);
        while (partial < subtrahend)
        {
            digit--;
            UInt128 increased = partial + divisor;
            bool wrapped = increased < partial;
            partial = increased;
            if (wrapped)
            {
                break;
            }
        }

        rest = partial - subtrahend;
        return digit;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static UInt128 Product(ulong a, ulong b)
    {
        ulong high = Math.BigMul(a, b, out ulong low);
        return new UInt128(high, low);
    }
}
