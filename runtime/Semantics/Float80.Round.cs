using System.Numerics;
using System.Runtime.CompilerServices;

namespace Jitvmm.Runtime.Semantics;

public readonly partial struct Float80
{
    /// <summary>
    /// Rounds <c>high.low × 2^(exponent − bias − 63)</c>, integer bit of <paramref name="high"/> set, to the context's
    /// precision, and packs it. <paramref name="low"/> need only be right in its top bit and in being zero or not below it.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static Float80 Round(uint sign, int exponent, ulong high, ulong low, ref X87Context context)
    {
        if ((uint)(exponent - 1) < MaxExponent - 2 && context.HasFullPrecision)
        {
            return low == 0 ? new Float80(sign, exponent, high) : RoundFull(sign, exponent, high, low, ref context);
        }

        return RoundAny(sign, exponent, high, low, context.PrecisionBits, ref context);
    }

    /// <summary>As <see cref="Round"/>, to 64 bits whatever the precision control says.</summary>
    internal static Float80 RoundExtended(uint sign, int exponent, ulong high, ulong low, ref X87Context context) =>
        RoundAny(sign, exponent, high, low, 64, ref context);

    private static Float80 RoundFull(uint sign, int exponent, ulong high, ulong low, ref X87Context context)
    {
        context.Flags |= X87Context.Precision;
        if (context.RoundsAway(sign, (high & 1) != 0, low))
        {
            context.Flags |= X87Context.C1;
            if (++high == 0)
            {
                high = IntegerBit;
                exponent++;
            }
        }

        return new Float80(sign, exponent, high);
    }

    private static Float80 RoundAny(uint sign, int exponent, ulong high, ulong low, int precision, ref X87Context context)
    {
        bool isTiny = false;
        if (exponent < 1)
        {
            isTiny = exponent < 0 || !RoundsToNextExponent(sign, high, low, precision, in context);
            if (isTiny && context.IsUnmasked(X87Context.Underflow))
            {
                context.Flags |= X87Context.Underflow;
                exponent += UnmaskedWrap;
                isTiny = false;
                if (exponent < 1)
                {
                    context.Flags |= X87Context.Precision;
                    return SignedZero(sign);
                }
            }
            else
            {
                ShiftRightSticky(ref high, ref low, 1 - exponent);
                exponent = 1;
            }
        }

        bool isInexact = RoundSignificand(sign, ref exponent, ref high, low, precision, ref context, out bool wentUp);
        if (exponent >= MaxExponent)
        {
            return Overflowed(sign, exponent, high, precision, isInexact, wentUp, ref context);
        }

        if (isInexact)
        {
            context.Flags |= X87Context.Precision | (isTiny ? X87Context.Underflow : 0) | (wentUp ? X87Context.C1 : 0);
        }

        return new Float80(sign, (long)high < 0 ? exponent : 0, high);
    }

    /// <summary>Tininess is detected after rounding: whether a number one binade below the smallest normal rounds up to it.</summary>
    private static bool RoundsToNextExponent(uint sign, ulong high, ulong low, int precision, in X87Context context)
    {
        ulong kept = ulong.MaxValue << (64 - precision);
        if ((high & kept) != kept)
        {
            return false;
        }

        return context.RoundsAway(sign, isOdd: true, DiscardedFraction(high, low, precision));
    }

    private static bool RoundSignificand(
        uint sign, ref int exponent, ref ulong high, ulong low, int precision, ref X87Context context, out bool wentUp)
    {
        ulong unit = 1ul << (64 - precision);
        ulong fraction = DiscardedFraction(high, low, precision);
        wentUp = context.RoundsAway(sign, (high & unit) != 0, fraction);
        high &= ~(unit - 1);
        if (wentUp)
        {
            high += unit;
            if (high == 0)
            {
                high = IntegerBit;
                exponent++;
            }
        }

        return fraction != 0;
    }

    private static ulong DiscardedFraction(ulong high, ulong low, int precision)
    {
        if (precision == 64)
        {
            return low;
        }

        return (high << precision) | (low != 0 ? 1ul : 0);
    }

    private static Float80 Overflowed(
        uint sign, int exponent, ulong high, int precision, bool isInexact, bool wentUp, ref X87Context context)
    {
        context.Flags |= X87Context.Overflow;
        if (context.IsUnmasked(X87Context.Overflow))
        {
            if (isInexact)
            {
                context.Flags |= X87Context.Precision | (wentUp ? X87Context.C1 : 0);
            }

            exponent -= UnmaskedWrap;
            if (exponent < MaxExponent)
            {
                return new Float80(sign, exponent, high);
            }

            // Too large even when wrapped (FSCALE): as if masked.
            context.Flags |= X87Context.Precision | X87Context.C1;
            return Infinity(sign);
        }

        context.Flags |= X87Context.Precision;
        uint rounding = context.Rounding;
        if (rounding == X87Context.RoundNearest || rounding == (sign != 0 ? X87Context.RoundDown : X87Context.RoundUp))
        {
            context.Flags |= X87Context.C1;
            return Infinity(sign);
        }

        return new Float80(sign, MaxExponent - 1, ulong.MaxValue << (64 - precision));
    }

    /// <summary>Shifts 128 bits right, keeping "something was lost" in the lowest bit.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static void ShiftRightSticky(ref ulong high, ref ulong low, int count)
    {
        if (count < 64)
        {
            if (count != 0)
            {
                ulong lost = low << (64 - count);
                low = (low >> count) | (high << (64 - count)) | (lost != 0 ? 1ul : 0);
                high >>= count;
            }
        }
        else
        {
            ShiftRightStickyFar(ref high, ref low, count);
        }
    }

    private static void ShiftRightStickyFar(ref ulong high, ref ulong low, int count)
    {
        ulong lost = low;
        low = 0;
        if (count < 128)
        {
            int rest = count - 64;
            lost |= rest != 0 ? high << (64 - rest) : 0;
            low = high >> rest;
        }
        else
        {
            lost |= high;
        }

        low |= lost != 0 ? 1ul : 0;
        high = 0;
    }

    /// <summary>Moves the leading one of a nonzero 128-bit significand to the integer bit and rounds.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static Float80 NormalizeAndRound(uint sign, int exponent, ulong high, ulong low, ref X87Context context)
    {
        if (high == 0)
        {
            high = low;
            low = 0;
            exponent -= 64;
        }

        int shift = BitOperations.LeadingZeroCount(high);
        if (shift != 0)
        {
            high = (high << shift) | (low >> (64 - shift));
            low <<= shift;
        }

        return Round(sign, exponent - shift, high, low, ref context);
    }
}
