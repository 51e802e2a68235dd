using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Jitvmm.Runtime.Semantics;

/// <summary>Operations across adjacent elements, signs, and the searching ones.</summary>
public static partial class PackedArithmetic
{
    /// <summary>PHADDW: sums of adjacent elements, of <c>a</c> and then of <c>b</c>.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<short> HorizontalAdd(Vector128<short> a, Vector128<short> b) => Ssse3.IsSupported
        ? Ssse3.HorizontalAdd(a, b)
        : Vector128.Narrow(Even(a) + Odd(a), Even(b) + Odd(b));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<short> HorizontalAdd(Vector256<short> a, Vector256<short> b) => Avx2.IsSupported
        ? Avx2.HorizontalAdd(a, b)
        : Vector256.Create(HorizontalAdd(a.GetLower(), b.GetLower()), HorizontalAdd(a.GetUpper(), b.GetUpper()));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<int> HorizontalAdd(Vector128<int> a, Vector128<int> b) => Ssse3.IsSupported
        ? Ssse3.HorizontalAdd(a, b)
        : Vector128.Narrow(Even(a) + Odd(a), Even(b) + Odd(b));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<int> HorizontalAdd(Vector256<int> a, Vector256<int> b) => Avx2.IsSupported
        ? Avx2.HorizontalAdd(a, b)
        : Vector256.Create(HorizontalAdd(a.GetLower(), b.GetLower()), HorizontalAdd(a.GetUpper(), b.GetUpper()));

    /// <summary>PHSUBW: each even element less its odd neighbour.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<short> HorizontalSubtract(Vector128<short> a, Vector128<short> b) => Ssse3.IsSupported
        ? Ssse3.HorizontalSubtract(a, b)
        : Vector128.Narrow(Even(a) - Odd(a), Even(b) - Odd(b));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<short> HorizontalSubtract(Vector256<short> a, Vector256<short> b) => Avx2.IsSupported
        ? Avx2.HorizontalSubtract(a, b)
        : Vector256.Create(HorizontalSubtract(a.GetLower(), b.GetLower()), HorizontalSubtract(a.GetUpper(), b.GetUpper()));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<int> HorizontalSubtract(Vector128<int> a, Vector128<int> b) => Ssse3.IsSupported
        ? Ssse3.HorizontalSubtract(a, b)
        : Vector128.Narrow(Even(a) - Odd(a), Even(b) - Odd(b));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<int> HorizontalSubtract(Vector256<int> a, Vector256<int> b) => Avx2.IsSupported
        ? Avx2.HorizontalSubtract(a, b)
        : Vector256.Create(HorizontalSubtract(a.GetLower(), b.GetLower()), HorizontalSubtract(a.GetUpper(), b.GetUpper()));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<short> HorizontalAddSaturate(Vector128<short> a, Vector128<short> b) => Ssse3.IsSupported
        ? Ssse3.HorizontalAddSaturate(a, b)
        : Vector128.NarrowWithSaturation(Even(a) + Odd(a), Even(b) + Odd(b));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<short> HorizontalAddSaturate(Vector256<short> a, Vector256<short> b) => Avx2.IsSupported
        ? Avx2.HorizontalAddSaturate(a, b)
        : Vector256.Create(HorizontalAddSaturate(a.GetLower(), b.GetLower()), HorizontalAddSaturate(a.GetUpper(), b.GetUpper()));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<short> HorizontalSubtractSaturate(Vector128<short> a, Vector128<short> b) => Ssse3.IsSupported
        ? Ssse3.HorizontalSubtractSaturate(a, b)
        : Vector128.NarrowWithSaturation(Even(a) - Odd(a), Even(b) - Odd(b));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<short> HorizontalSubtractSaturate(Vector256<short> a, Vector256<short> b) => Avx2.IsSupported
        ? Avx2.HorizontalSubtractSaturate(a, b)
        : Vector256.Create(HorizontalSubtractSaturate(a.GetLower(), b.GetLower()), HorizontalSubtractSaturate(a.GetUpper(), b.GetUpper()));

    /// <summary>PSIGN: <c>a</c> negated, zeroed or kept by the sign of <c>b</c>.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<sbyte> Sign(Vector128<sbyte> a, Vector128<sbyte> b) => Ssse3.IsSupported
        ? Ssse3.Sign(a, b)
        : Vector128.ConditionalSelect(Vector128.LessThan(b, Vector128<sbyte>.Zero), -a, a) & ~Vector128.Equals(b, Vector128<sbyte>.Zero);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<sbyte> Sign(Vector256<sbyte> a, Vector256<sbyte> b) => Avx2.IsSupported
        ? Avx2.Sign(a, b)
        : Vector256.Create(Sign(a.GetLower(), b.GetLower()), Sign(a.GetUpper(), b.GetUpper()));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<short> Sign(Vector128<short> a, Vector128<short> b) => Ssse3.IsSupported
        ? Ssse3.Sign(a, b)
        : Vector128.ConditionalSelect(Vector128.LessThan(b, Vector128<short>.Zero), -a, a) & ~Vector128.Equals(b, Vector128<short>.Zero);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<short> Sign(Vector256<short> a, Vector256<short> b) => Avx2.IsSupported
        ? Avx2.Sign(a, b)
        : Vector256.Create(Sign(a.GetLower(), b.GetLower()), Sign(a.GetUpper(), b.GetUpper()));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<int> Sign(Vector128<int> a, Vector128<int> b) => Ssse3.IsSupported
        ? Ssse3.Sign(a, b)
        : Vector128.ConditionalSelect(Vector128.LessThan(b, Vector128<int>.Zero), -a, a) & ~Vector128.Equals(b, Vector128<int>.Zero);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<int> Sign(Vector256<int> a, Vector256<int> b) => Avx2.IsSupported
        ? Avx2.Sign(a, b)
        : Vector256.Create(Sign(a.GetLower(), b.GetLower()), Sign(a.GetUpper(), b.GetUpper()));

    /// <summary>PHMINPOSUW: the least element, and its index above it.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<ushort> MinimumPosition(Vector128<ushort> v) => Sse41.IsSupported ? Sse41.MinHorizontal(v) : FindMinimum(v);

    /// <summary>MPSADBW: eight sums of absolute differences of 4 bytes of <c>b</c> against windows of <c>a</c>; control bits 1:0 choose the bytes, bit 2 the first window.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    public static Vector128<ushort> SlidingDifferences(Vector128<byte> a, Vector128<byte> b, uint control)
    {
        if (!Sse41.IsSupported)
        {
            return FindDifferences(a, b, (int)(control & 4), 4 * (int)(control & 3));
        }

        return (control & 7) switch
        {
            0 => Sse41.MultipleSumAbsoluteDifferences(a, b, 0),
            1 => Sse41.MultipleSumAbsoluteDifferences(a, b, 1),
            2 => Sse41.MultipleSumAbsoluteDifferences(a, b, 2),
            3 => Sse41.MultipleSumAbsoluteDifferences(a, b, 3),
            4 => Sse41.MultipleSumAbsoluteDifferences(a, b, 4),
            5 => Sse41.MultipleSumAbsoluteDifferences(a, b, 5),
            6 => Sse41.MultipleSumAbsoluteDifferences(a, b, 6),
            _ => Sse41.MultipleSumAbsoluteDifferences(a, b, 7),
        };
    }

    /// <summary>The 256-bit form: control bits 5:3 are the upper lane's.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<ushort> SlidingDifferences(Vector256<byte> a, Vector256<byte> b, uint control) => Vector256.Create(
        SlidingDifferences(a.GetLower(), b.GetLower(), control),
        SlidingDifferences(a.GetUpper(), b.GetUpper(), control >> 3));

    private static Vector128<ushort> FindMinimum(Vector128<ushort> v)
    {
        int best = 0;
        for (int i = 1; i < Vector128<ushort>.Count; i++)
        {
            best = v.GetElement(i) < v.GetElement(best) ? i : best;
        }

        return Vector128.CreateScalar(v.GetElement(best) | ((uint)best << 16)).AsUInt16();
    }

    private static Vector128<ushort> FindDifferences(Vector128<byte> a, Vector128<byte> b, int first, int block)
    {
        Vector128<ushort> sums = default;
        for (int i = 0; i < Vector128<ushort>.Count; i++)
        {
            int sum = 0;
            for (int j = 0; j < 4; j++)
            {
                sum += Math.Abs(a.GetElement(first + i + j) - b.GetElement(block + j));
            }

            sums = sums.WithElement(i, (ushort)sum);
        }

        return sums;
    }
}
