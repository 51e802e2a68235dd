using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Jitvmm.Runtime.Semantics;

/// <summary>
/// Packed integer operations that portable vectors lack. Each has the host's instruction where there is one and a
/// portable equivalent; the 256-bit forms work on two independent 128-bit lanes.
/// </summary>
/// <remarks>All are inlined: a 256-bit argument passed in memory would keep a tier-0 handler from ending in a jump.</remarks>
public static partial class PackedArithmetic
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<byte> Average(Vector128<byte> a, Vector128<byte> b) =>
        Sse2.IsSupported ? Sse2.Average(a, b) : (a | b) - Vector128.ShiftRightLogical(a ^ b, 1);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<byte> Average(Vector256<byte> a, Vector256<byte> b) =>
        Avx2.IsSupported ? Avx2.Average(a, b) : (a | b) - Vector256.ShiftRightLogical(a ^ b, 1);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<ushort> Average(Vector128<ushort> a, Vector128<ushort> b) =>
        Sse2.IsSupported ? Sse2.Average(a, b) : (a | b) - Vector128.ShiftRightLogical(a ^ b, 1);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<ushort> Average(Vector256<ushort> a, Vector256<ushort> b) =>
        Avx2.IsSupported ? Avx2.Average(a, b) : (a | b) - Vector256.ShiftRightLogical(a ^ b, 1);

    /// <summary>High halves of the products (PMULHW).</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<short> MultiplyHigh(Vector128<short> a, Vector128<short> b) => Sse2.IsSupported
        ? Sse2.MultiplyHigh(a, b)
        : Vector128.Narrow(
            (Vector128.WidenLower(a) * Vector128.WidenLower(b)) >> 16,
            (Vector128.WidenUpper(a) * Vector128.WidenUpper(b)) >> 16);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<short> MultiplyHigh(Vector256<short> a, Vector256<short> b) => Avx2.IsSupported
        ? Avx2.MultiplyHigh(a, b)
        : Vector256.Create(MultiplyHigh(a.GetLower(), b.GetLower()), MultiplyHigh(a.GetUpper(), b.GetUpper()));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<ushort> MultiplyHigh(Vector128<ushort> a, Vector128<ushort> b) => Sse2.IsSupported
        ? Sse2.MultiplyHigh(a, b)
        : Vector128.Narrow(
            (Vector128.WidenLower(a) * Vector128.WidenLower(b)) >>> 16,
            (Vector128.WidenUpper(a) * Vector128.WidenUpper(b)) >>> 16);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<ushort> MultiplyHigh(Vector256<ushort> a, Vector256<ushort> b) => Avx2.IsSupported
        ? Avx2.MultiplyHigh(a, b)
        : Vector256.Create(MultiplyHigh(a.GetLower(), b.GetLower()), MultiplyHigh(a.GetUpper(), b.GetUpper()));

    /// <summary>Products as fractions of 15 bits, rounded (PMULHRSW).</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<short> MultiplyRounded(Vector128<short> a, Vector128<short> b) => Ssse3.IsSupported
        ? Ssse3.MultiplyHighRoundScale(a, b)
        : Vector128.Narrow(
            (((Vector128.WidenLower(a) * Vector128.WidenLower(b)) >> 14) + Vector128<int>.One) >> 1,
            (((Vector128.WidenUpper(a) * Vector128.WidenUpper(b)) >> 14) + Vector128<int>.One) >> 1);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<short> MultiplyRounded(Vector256<short> a, Vector256<short> b) => Avx2.IsSupported
        ? Avx2.MultiplyHighRoundScale(a, b)
        : Vector256.Create(MultiplyRounded(a.GetLower(), b.GetLower()), MultiplyRounded(a.GetUpper(), b.GetUpper()));

    /// <summary>Sums of adjacent products (PMADDWD).</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<int> MultiplyAdd(Vector128<short> a, Vector128<short> b) => Sse2.IsSupported
        ? Sse2.MultiplyAddAdjacent(a, b)
        : (Even(a) * Even(b)) + (Odd(a) * Odd(b));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<int> MultiplyAdd(Vector256<short> a, Vector256<short> b) => Avx2.IsSupported
        ? Avx2.MultiplyAddAdjacent(a, b)
        : Vector256.Create(MultiplyAdd(a.GetLower(), b.GetLower()), MultiplyAdd(a.GetUpper(), b.GetUpper()));

    /// <summary>Saturated sums of adjacent products of unsigned and signed bytes (PMADDUBSW).</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<short> MultiplyAddMixed(Vector128<byte> a, Vector128<sbyte> b)
    {
        if (Ssse3.IsSupported)
        {
            return Ssse3.MultiplyAddAdjacent(a, b);
        }

        Vector128<short> wide = b.AsInt16();
        Vector128<short> even = (a.AsInt16() & Vector128.Create((short)0xff)) * ((wide << 8) >> 8);
        return Vector128.AddSaturate(even, (a.AsInt16() >>> 8) * (wide >> 8));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<short> MultiplyAddMixed(Vector256<byte> a, Vector256<sbyte> b) => Avx2.IsSupported
        ? Avx2.MultiplyAddAdjacent(a, b)
        : Vector256.Create(MultiplyAddMixed(a.GetLower(), b.GetLower()), MultiplyAddMixed(a.GetUpper(), b.GetUpper()));

    /// <summary>64-bit products of the even elements (PMULDQ).</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<long> MultiplyEven(Vector128<int> a, Vector128<int> b) => Sse41.IsSupported
        ? Sse41.Multiply(a, b)
        : ((a.AsInt64() << 32) >> 32) * ((b.AsInt64() << 32) >> 32);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<long> MultiplyEven(Vector256<int> a, Vector256<int> b) => Avx2.IsSupported
        ? Avx2.Multiply(a, b)
        : ((a.AsInt64() << 32) >> 32) * ((b.AsInt64() << 32) >> 32);

    /// <summary>64-bit products of the even elements (PMULUDQ).</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<ulong> MultiplyEven(Vector128<uint> a, Vector128<uint> b) => Sse2.IsSupported
        ? Sse2.Multiply(a, b)
        : (a.AsUInt64() & Vector128.Create(0xfffffffful)) * (b.AsUInt64() & Vector128.Create(0xfffffffful));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<ulong> MultiplyEven(Vector256<uint> a, Vector256<uint> b) => Avx2.IsSupported
        ? Avx2.Multiply(a, b)
        : (a.AsUInt64() & Vector256.Create(0xfffffffful)) * (b.AsUInt64() & Vector256.Create(0xfffffffful));

    /// <summary>PSADBW: for each 8 bytes, the sum of their absolute differences.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<ulong> SumOfDifferences(Vector128<byte> a, Vector128<byte> b)
    {
        if (Sse2.IsSupported)
        {
            return Sse2.SumAbsoluteDifferences(a, b).AsUInt64();
        }

        Vector128<ushort> difference = (Vector128.Max(a, b) - Vector128.Min(a, b)).AsUInt16();
        Vector128<ulong> pairs = ((difference & Vector128.Create((ushort)0xff)) + (difference >>> 8)).AsUInt64();
        return (pairs * Vector128.Create(0x0001000100010001ul)) >>> 48;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<ulong> SumOfDifferences(Vector256<byte> a, Vector256<byte> b) => Avx2.IsSupported
        ? Avx2.SumAbsoluteDifferences(a, b).AsUInt64()
        : Vector256.Create(SumOfDifferences(a.GetLower(), b.GetLower()), SumOfDifferences(a.GetUpper(), b.GetUpper()));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<int> Even(Vector128<short> v) => (v.AsInt32() << 16) >> 16;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<int> Odd(Vector128<short> v) => v.AsInt32() >> 16;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<long> Even(Vector128<int> v) => (v.AsInt64() << 32) >> 32;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<long> Odd(Vector128<int> v) => v.AsInt64() >> 32;
}
