using System.Numerics;
using System.Runtime.CompilerServices;

namespace Jitvmm.Runtime.Semantics;

public readonly partial struct Float80
{
    /// <summary>Exact.</summary>
    public static Float80 FromInt64(long value)
    {
        if (value == 0)
        {
            return default;
        }

        uint sign = (uint)(value >> 63) & SignBit;
        ulong magnitude = (ulong)(value < 0 ? -value : value);
        int shift = BitOperations.LeadingZeroCount(magnitude);
        return new Float80(sign, Bias + 63 - shift, magnitude << shift);
    }

    /// <summary>Widens a single's bits without raising anything: NaNs keep their payload and stay signaling.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Float80 FromSingleBits(uint bits)
    {
        uint sign = (bits >> 16) & SignBit;
        int exponent = (int)(bits >> 23) & 0xff;
        ulong fraction = (ulong)bits << 41 >> 1;
        return (uint)(exponent - 1) < 0xfe
            ? new Float80(sign, exponent + (Bias - 127), fraction | IntegerBit)
            : WidenSpecial(sign, exponent, fraction, Bias - 127);
    }

    /// <summary>Widens a double's bits without raising anything: NaNs keep their payload and stay signaling.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Float80 FromDoubleBits(ulong bits)
    {
        uint sign = (uint)(bits >> 48) & SignBit;
        int exponent = (int)(bits >> 52) & 0x7ff;
        ulong fraction = bits << 12 >> 1;
        return (uint)(exponent - 1) < 0x7fe
            ? new Float80(sign, exponent + (Bias - 1023), fraction | IntegerBit)
            : WidenSpecial(sign, exponent, fraction, Bias - 1023);
    }

    private static Float80 WidenSpecial(uint sign, int exponent, ulong fraction, int biasDifference)
    {
        if (exponent != 0)
        {
            return new Float80(sign, MaxExponent, fraction | IntegerBit);
        }

        if (fraction == 0)
        {
            return SignedZero(sign);
        }

        int shift = BitOperations.LeadingZeroCount(fraction);
        return new Float80(sign, biasDifference + 1 - shift, fraction << shift);
    }

    internal static bool IsDenormalSingle(uint bits) => (bits & 0x7f800000) == 0 && (bits & 0x7fffffff) != 0;

    internal static bool IsDenormalDouble(ulong bits) => (bits & 0x7ff0000000000000) == 0 && (bits << 1) != 0;

    public static uint ToSingleBits(Float80 a, ref X87Context context) => (uint)ToBinary(a, 24, 8, ref context);

    public static ulong ToDoubleBits(Float80 a, ref X87Context context) => ToBinary(a, 53, 11, ref context);

    /// <summary>Narrows to a format of the given precision (hidden bit included) and exponent width.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static ulong ToBinary(Float80 a, int precision, int exponentBits, ref X87Context context)
    {
        int fractionBits = precision - 1;
        int maxExponent = (1 << exponentBits) - 1;
        int exponent = a.Exponent - (Bias - (maxExponent >> 1));
        ulong sign = (ulong)(a.Sign >> 15) << (fractionBits + exponentBits);
        if (a.IsNormal && (uint)(exponent - 1) < (uint)(maxExponent - 2))
        {
            ulong kept = a.Significand >> (64 - precision);
            ulong fraction = a.Significand << precision;
            ulong bits = sign | (((ulong)(exponent - 1) << fractionBits) + kept);
            return fraction == 0 ? bits : bits + NarrowingIncrement(a.Sign, kept, fraction, ref context);
        }

        return ToBinarySpecial(a, sign, exponent, precision, maxExponent, ref context);
    }

    private static ulong NarrowingIncrement(uint sign, ulong kept, ulong fraction, ref X87Context context)
    {
        context.Flags |= X87Context.Precision;
        if (!context.RoundsAway(sign, (kept & 1) != 0, fraction))
        {
            return 0;
        }

        context.Flags |= X87Context.C1;
        return 1;
    }

    private static ulong ToBinarySpecial(
        Float80 a, ulong sign, int exponent, int precision, int maxExponent, ref X87Context context)
    {
        ulong infinity = (ulong)maxExponent << (precision - 1);
        if (a.IsUnsupported)
        {
            context.Flags |= X87Context.Invalid;
            int signPosition = precision - 1 + BitOperations.PopCount((uint)maxExponent);
            return (1ul << signPosition) | infinity | (1ul << (precision - 2));
        }

        if (a.Exponent == MaxExponent)
        {
            if (a.Significand == IntegerBit)
            {
                return sign | infinity;
            }

            Float80 quiet = Quiet(a, ref context);
            return sign | infinity | ((quiet.Significand << 1) >> (65 - precision));
        }

        if (a.IsZero)
        {
            return sign;
        }

        return exponent > 0
            ? NarrowLarge(a, sign, exponent, precision, maxExponent, ref context)
            : NarrowTiny(a, sign, precision, exponent, ref context);
    }

    private static ulong NarrowLarge(
        Float80 a, ulong sign, int exponent, int precision, int maxExponent, ref X87Context context)
    {
        X87Context trial = context;
        ulong significand = a.Significand;
        bool isInexact = RoundSignificand(a.Sign, ref exponent, ref significand, 0, precision, ref trial, out bool wentUp);
        if (exponent < maxExponent)
        {
            if (isInexact)
            {
                context.Flags |= X87Context.Precision | (wentUp ? X87Context.C1 : 0);
            }

            return sign | (((ulong)(exponent - 1) << (precision - 1)) + (significand >> (64 - precision)));
        }

        ulong infinity = (ulong)maxExponent << (precision - 1);
        context.Flags |= X87Context.Overflow;
        if (context.IsUnmasked(X87Context.Overflow))
        {
            return sign | infinity;
        }

        context.Flags |= X87Context.Precision;
        uint rounding = context.Rounding;
        if (rounding == X87Context.RoundNearest
            || rounding == (a.IsNegative ? X87Context.RoundDown : X87Context.RoundUp))
        {
            context.Flags |= X87Context.C1;
            return sign | infinity;
        }

        return sign | (infinity - 1);
    }

    private static ulong NarrowTiny(Float80 a, ulong sign, int precision, int exponent, ref X87Context context)
    {
        int shift = 1 - exponent;
        ulong high = a.Significand;
        if (a.Exponent == 0)
        {
            // A denormal is far below every narrower format's range: only its being there matters.
            shift = 128;
        }

        bool isTiny = exponent < 0 || a.Exponent == 0 || !RoundsToNextExponent(a.Sign, high, 0, precision, in context);
        ulong low = 0;
        ShiftRightSticky(ref high, ref low, shift);
        ulong kept = high >> (64 - precision);
        ulong fraction = (high << precision) | (low != 0 ? 1ul : 0);
        if (isTiny && context.IsUnmasked(X87Context.Underflow))
        {
            context.Flags |= X87Context.Underflow;
            return sign;
        }

        if (fraction != 0)
        {
            context.Flags |= isTiny ? X87Context.Underflow : 0;
            kept += NarrowingIncrement(a.Sign, kept, fraction, ref context);
        }

        return sign | kept;
    }

    /// <summary>
    /// Rounds to an integer of <paramref name="bits"/> bits (16, 32 or 64); out of range is invalid and gives the most negative one.
    /// </summary>
    public static long ToInteger(Float80 a, int bits, ref X87Context context)
    {
        int shift = Bias + 63 - a.Exponent;
        if ((uint)(shift - 1) < 63 && shift > 64 - bits && a.Significand << (64 - shift) == 0 && (long)a.Significand < 0)
        {
            // Integral and in range.
            long whole = (long)(a.Significand >> shift);
            return a.IsNegative ? -whole : whole;
        }

        long indefinite = long.MinValue >> (64 - bits);
        if (!TryRoundMagnitude(a, ref context, out ulong magnitude, out uint rounding))
        {
            context.Flags |= X87Context.Invalid;
            return indefinite;
        }

        ulong limit = (1ul << (bits - 1)) - (a.IsNegative ? 0ul : 1);
        if (magnitude > limit)
        {
            context.Flags |= X87Context.Invalid;
            return indefinite;
        }

        context.Flags |= rounding;
        return a.IsNegative ? -(long)magnitude : (long)magnitude;
    }

    /// <summary>
    /// The magnitude as an integer by the rounding control, with the flags that rounding it raises; false when it needs more than 64 bits.
    /// </summary>
    private static bool TryRoundMagnitude(Float80 a, ref X87Context context, out ulong magnitude, out uint flags)
    {
        int exponent = a.Exponent - Bias;
        magnitude = a.Significand;
        flags = 0;
        if (exponent > 63 || a.IsUnsupported)
        {
            return false;
        }

        ulong fraction = 0;
        ShiftRightSticky(ref magnitude, ref fraction, Math.Min(63 - exponent, 128));
        if (fraction == 0)
        {
            return true;
        }

        flags = X87Context.Precision;
        if (context.RoundsAway(a.Sign, (magnitude & 1) != 0, fraction))
        {
            flags |= X87Context.C1;
            return ++magnitude != 0;
        }

        return true;
    }

    /// <summary>Rounds to an integral value by the rounding control (FRNDINT).</summary>
    public static Float80 RoundToInteger(Float80 a, ref X87Context context)
    {
        if (TryPropagateNaN(a, ref context, out Float80 nan))
        {
            return nan;
        }

        if (a.Exponent >= Bias + 63 || a.IsZero)
        {
            return a;
        }

        NoteDenormal(a, ref context);
        TryRoundMagnitude(a, ref context, out ulong magnitude, out uint flags);
        context.Flags |= flags;
        if (flags == 0)
        {
            return a;
        }

        if (magnitude == 0)
        {
            return SignedZero(a.Sign);
        }

        int shift = BitOperations.LeadingZeroCount(magnitude);
        return new Float80(a.Sign, Bias + 63 - shift, magnitude << shift);
    }
}
