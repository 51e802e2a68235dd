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
        ulong estimate = EstimateRoot(high);
        ulong quotient = DivRem(high >> 33, (high << 31) | (low >> 33), estimate, out _);
        ulong root = (estimate << 31) + quotient;
        if (root < quotient)
        {
            root = ulong.MaxValue; // the estimate was 2^64
        }

        UInt128 square = Square(root);
        if (square > radicand)
        {
            root--;
            square = Square(root);
        }

        remainder = radicand - square;
        return root;
    }

    /// <summary>
    /// The square root of a number that is at least 2^62, within 1 on either side: Heron's steps on ever longer prefixes, each
    /// doubling the bits. Not the host's square root: guest code's MXCSR is loaded while guest instructions run.
    /// </summary>
    private static ulong EstimateRoot(ulong value)
    {
        uint root = 1 + (uint)(value >> 62);
        root = (root << 1) + (uint)(value >> 59) / root;
        root = (root << 3) + (uint)(value >> 53) / root;
        root = (root << 7) + (uint)(value >> 41) / root;
        return ((ulong)root << 15) + (value >> 17) / root;
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
