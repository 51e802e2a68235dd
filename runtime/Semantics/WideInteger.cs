using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics.X86;

namespace Jitvmm.Runtime.Semantics;

/// <summary>128-bit integer steps that <see cref="UInt128"/> does too generally to be fast.</summary>
internal static class WideInteger
{
    /// <summary><c>(high·2^64 + low) / divisor</c>, where <paramref name="high"/> is less than <paramref name="divisor"/>.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static ulong DivRem(ulong high, ulong low, ulong divisor, out ulong remainder)
    {
        if (X86Base.X64.IsSupported)
        {
#pragma warning disable SYSLIB5004 // DivRem is marked experimental for want of a fixed remainder order in its tuple, which is named here.
            (ulong quotient, ulong rest) = X86Base.X64.DivRem(low, high, divisor);
#pragma warning restore SYSLIB5004
            remainder = rest;
            return quotient;
        }

        UInt128 dividend = new(high, low);
        UInt128 wide = dividend / divisor;
        remainder = (ulong)(dividend - wide * divisor);
        return (ulong)wide;
    }

    /// <summary>Integer square root of a 128-bit number that is at least 2^126, with what is left of it.</summary>
    internal static ulong SquareRoot(ulong high, ulong low, out UInt128 remainder)
    {
        UInt128 radicand = new(high, low);

        // The double root is good to 2^-52: about 2^12 units, which one Newton step reduces to one or two.
        double estimate = Math.Sqrt(high) * 4294967296.0;
        ulong root = estimate >= 18446744073709551615.0 ? ulong.MaxValue : (ulong)estimate;
        long error = (long)((Int128)(radicand - Square(root)) >> 16);
        root += (ulong)(long)Math.Floor(error * 32768.0 / estimate);
        UInt128 square = Square(root);
        while (square > radicand)
        {
            root--;
            square = Square(root);
        }

        remainder = radicand - square;
        while (remainder > (UInt128)root << 1)
        {
            remainder -= ((UInt128)root << 1) + 1;
            root++;
        }

        return root;
    }

    /// <summary>The upper half of the 256-bit product, at most 3 units of its last place too small.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static UInt128 MultiplyHigh(UInt128 a, UInt128 b)
    {
        ulong aHigh = (ulong)(a >> 64);
        ulong bHigh = (ulong)(b >> 64);
        ulong top = Math.BigMul(aHigh, bHigh, out ulong middle);
        ulong crossA = Math.BigMul(aHigh, (ulong)b, out _);
        ulong crossB = Math.BigMul((ulong)a, bHigh, out _);
        return new UInt128(top, middle) + crossA + crossB;
    }

    internal static int LeadingZeroCount(UInt128 value)
    {
        ulong high = (ulong)(value >> 64);
        return high != 0 ? BitOperations.LeadingZeroCount(high) : 64 + BitOperations.LeadingZeroCount((ulong)value);
    }

    private static UInt128 Square(ulong value)
    {
        ulong high = Math.BigMul(value, value, out ulong low);
        return new UInt128(high, low);
    }
}
