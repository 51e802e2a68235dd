using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Jitvmm.Runtime.Semantics;

/// <summary>Packed shifts by one count for all elements, or by one for each. Counts beyond the element give 0, or copies of the sign.</summary>
public static class PackedShift
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<ushort> Left(Vector128<ushort> v, Vector128<ulong> count) => Sse2.IsSupported
        ? Sse2.ShiftLeftLogical(v, count.AsUInt16())
        : count.ToScalar() < 16 ? Vector128.ShiftLeft(v, (int)count.ToScalar()) : Vector128<ushort>.Zero;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<ushort> Left(Vector256<ushort> v, Vector128<ulong> count) => Avx2.IsSupported
        ? Avx2.ShiftLeftLogical(v, count.AsUInt16())
        : count.ToScalar() < 16 ? Vector256.ShiftLeft(v, (int)count.ToScalar()) : Vector256<ushort>.Zero;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<uint> Left(Vector128<uint> v, Vector128<ulong> count) => Sse2.IsSupported
        ? Sse2.ShiftLeftLogical(v, count.AsUInt32())
        : count.ToScalar() < 32 ? Vector128.ShiftLeft(v, (int)count.ToScalar()) : Vector128<uint>.Zero;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<uint> Left(Vector256<uint> v, Vector128<ulong> count) => Avx2.IsSupported
        ? Avx2.ShiftLeftLogical(v, count.AsUInt32())
        : count.ToScalar() < 32 ? Vector256.ShiftLeft(v, (int)count.ToScalar()) : Vector256<uint>.Zero;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<ulong> Left(Vector128<ulong> v, Vector128<ulong> count) => Sse2.IsSupported
        ? Sse2.ShiftLeftLogical(v, count.AsUInt64())
        : count.ToScalar() < 64 ? Vector128.ShiftLeft(v, (int)count.ToScalar()) : Vector128<ulong>.Zero;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<ulong> Left(Vector256<ulong> v, Vector128<ulong> count) => Avx2.IsSupported
        ? Avx2.ShiftLeftLogical(v, count.AsUInt64())
        : count.ToScalar() < 64 ? Vector256.ShiftLeft(v, (int)count.ToScalar()) : Vector256<ulong>.Zero;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<ushort> Right(Vector128<ushort> v, Vector128<ulong> count) => Sse2.IsSupported
        ? Sse2.ShiftRightLogical(v, count.AsUInt16())
        : count.ToScalar() < 16 ? Vector128.ShiftRightLogical(v, (int)count.ToScalar()) : Vector128<ushort>.Zero;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<ushort> Right(Vector256<ushort> v, Vector128<ulong> count) => Avx2.IsSupported
        ? Avx2.ShiftRightLogical(v, count.AsUInt16())
        : count.ToScalar() < 16 ? Vector256.ShiftRightLogical(v, (int)count.ToScalar()) : Vector256<ushort>.Zero;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<uint> Right(Vector128<uint> v, Vector128<ulong> count) => Sse2.IsSupported
        ? Sse2.ShiftRightLogical(v, count.AsUInt32())
        : count.ToScalar() < 32 ? Vector128.ShiftRightLogical(v, (int)count.ToScalar()) : Vector128<uint>.Zero;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<uint> Right(Vector256<uint> v, Vector128<ulong> count) => Avx2.IsSupported
        ? Avx2.ShiftRightLogical(v, count.AsUInt32())
        : count.ToScalar() < 32 ? Vector256.ShiftRightLogical(v, (int)count.ToScalar()) : Vector256<uint>.Zero;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<ulong> Right(Vector128<ulong> v, Vector128<ulong> count) => Sse2.IsSupported
        ? Sse2.ShiftRightLogical(v, count.AsUInt64())
        : count.ToScalar() < 64 ? Vector128.ShiftRightLogical(v, (int)count.ToScalar()) : Vector128<ulong>.Zero;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<ulong> Right(Vector256<ulong> v, Vector128<ulong> count) => Avx2.IsSupported
        ? Avx2.ShiftRightLogical(v, count.AsUInt64())
        : count.ToScalar() < 64 ? Vector256.ShiftRightLogical(v, (int)count.ToScalar()) : Vector256<ulong>.Zero;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<short> RightSigned(Vector128<short> v, Vector128<ulong> count) => Sse2.IsSupported
        ? Sse2.ShiftRightArithmetic(v, count.AsInt16())
        : Vector128.ShiftRightArithmetic(v, (int)Math.Min(count.ToScalar(), 15));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<short> RightSigned(Vector256<short> v, Vector128<ulong> count) => Avx2.IsSupported
        ? Avx2.ShiftRightArithmetic(v, count.AsInt16())
        : Vector256.ShiftRightArithmetic(v, (int)Math.Min(count.ToScalar(), 15));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<int> RightSigned(Vector128<int> v, Vector128<ulong> count) => Sse2.IsSupported
        ? Sse2.ShiftRightArithmetic(v, count.AsInt32())
        : Vector128.ShiftRightArithmetic(v, (int)Math.Min(count.ToScalar(), 31));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<int> RightSigned(Vector256<int> v, Vector128<ulong> count) => Avx2.IsSupported
        ? Avx2.ShiftRightArithmetic(v, count.AsInt32())
        : Vector256.ShiftRightArithmetic(v, (int)Math.Min(count.ToScalar(), 31));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<uint> LeftEach(Vector128<uint> v, Vector128<uint> counts) => Avx2.IsSupported
        ? Avx2.ShiftLeftLogicalVariable(v, counts)
        : Vector128.Create(ShiftLeft(v.GetElement(0), counts.GetElement(0)), ShiftLeft(v.GetElement(1), counts.GetElement(1)), ShiftLeft(v.GetElement(2), counts.GetElement(2)), ShiftLeft(v.GetElement(3), counts.GetElement(3)));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<uint> LeftEach(Vector256<uint> v, Vector256<uint> counts) => Avx2.IsSupported
        ? Avx2.ShiftLeftLogicalVariable(v, counts)
        : Vector256.Create(LeftEach(v.GetLower(), counts.GetLower()), LeftEach(v.GetUpper(), counts.GetUpper()));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<ulong> LeftEach(Vector128<ulong> v, Vector128<ulong> counts) => Avx2.IsSupported
        ? Avx2.ShiftLeftLogicalVariable(v, counts)
        : Vector128.Create(ShiftLeft(v.GetElement(0), counts.GetElement(0)), ShiftLeft(v.GetElement(1), counts.GetElement(1)));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<ulong> LeftEach(Vector256<ulong> v, Vector256<ulong> counts) => Avx2.IsSupported
        ? Avx2.ShiftLeftLogicalVariable(v, counts)
        : Vector256.Create(LeftEach(v.GetLower(), counts.GetLower()), LeftEach(v.GetUpper(), counts.GetUpper()));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<uint> RightEach(Vector128<uint> v, Vector128<uint> counts) => Avx2.IsSupported
        ? Avx2.ShiftRightLogicalVariable(v, counts)
        : Vector128.Create(ShiftRight(v.GetElement(0), counts.GetElement(0)), ShiftRight(v.GetElement(1), counts.GetElement(1)), ShiftRight(v.GetElement(2), counts.GetElement(2)), ShiftRight(v.GetElement(3), counts.GetElement(3)));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<uint> RightEach(Vector256<uint> v, Vector256<uint> counts) => Avx2.IsSupported
        ? Avx2.ShiftRightLogicalVariable(v, counts)
        : Vector256.Create(RightEach(v.GetLower(), counts.GetLower()), RightEach(v.GetUpper(), counts.GetUpper()));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<ulong> RightEach(Vector128<ulong> v, Vector128<ulong> counts) => Avx2.IsSupported
        ? Avx2.ShiftRightLogicalVariable(v, counts)
        : Vector128.Create(ShiftRight(v.GetElement(0), counts.GetElement(0)), ShiftRight(v.GetElement(1), counts.GetElement(1)));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<ulong> RightEach(Vector256<ulong> v, Vector256<ulong> counts) => Avx2.IsSupported
        ? Avx2.ShiftRightLogicalVariable(v, counts)
        : Vector256.Create(RightEach(v.GetLower(), counts.GetLower()), RightEach(v.GetUpper(), counts.GetUpper()));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<int> RightSignedEach(Vector128<int> v, Vector128<uint> counts) => Avx2.IsSupported
        ? Avx2.ShiftRightArithmeticVariable(v, counts)
        : Vector128.Create(ShiftRightSigned(v.GetElement(0), counts.GetElement(0)), ShiftRightSigned(v.GetElement(1), counts.GetElement(1)), ShiftRightSigned(v.GetElement(2), counts.GetElement(2)), ShiftRightSigned(v.GetElement(3), counts.GetElement(3)));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<int> RightSignedEach(Vector256<int> v, Vector256<uint> counts) => Avx2.IsSupported
        ? Avx2.ShiftRightArithmeticVariable(v, counts)
        : Vector256.Create(RightSignedEach(v.GetLower(), counts.GetLower()), RightSignedEach(v.GetUpper(), counts.GetUpper()));

    private static uint ShiftLeft(uint value, uint count) => count < 32 ? value << (int)count : 0;

    private static ulong ShiftLeft(ulong value, ulong count) => count < 64 ? value << (int)count : 0;

    private static uint ShiftRight(uint value, uint count) => count < 32 ? value >> (int)count : 0;

    private static ulong ShiftRight(ulong value, ulong count) => count < 64 ? value >> (int)count : 0;

    private static int ShiftRightSigned(int value, uint count) => value >> (int)Math.Min(count, 31);
}
