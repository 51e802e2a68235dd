using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Jitvmm.Runtime.Semantics;

/// <summary>Looks for NaNs before operations that need not see to their order where there are none.</summary>
public static class NanLook
{
    /// <summary>Whether an element of either is a NaN. Signals what an operation on both does: an invalid one for a signalling NaN, and denormal operands where there is no NaN.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool AnyUnordered(Vector128<float> a, Vector128<float> b) => Sse.IsSupported
        ? Sse.MoveMask(Sse.CompareUnordered(a, b)) != 0
        : Vector128.ExtractMostSignificantBits(NanOrder.IsNan(a) | NanOrder.IsNan(b)) != 0;

    /// <summary>Whether an element is a NaN other than the one that operations make. Signals nothing.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool AnyForeign(Vector128<float> value) =>
        Vector128.ExtractMostSignificantBits(Vector128.AndNot(NanOrder.IsNan(value).AsInt32(), Vector128.Equals(value.AsInt32(), Vector128.Create(unchecked((int)0xffc0_0000))))) != 0;

    /// <summary>Whether an element of either is a NaN. Signals what an operation on both does: an invalid one for a signalling NaN, and denormal operands where there is no NaN.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool AnyUnordered(Vector128<double> a, Vector128<double> b) => Sse2.IsSupported
        ? Sse2.MoveMask(Sse2.CompareUnordered(a, b)) != 0
        : Vector128.ExtractMostSignificantBits(NanOrder.IsNan(a) | NanOrder.IsNan(b)) != 0;

    /// <summary>Whether an element is a NaN other than the one that operations make. Signals nothing.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool AnyForeign(Vector128<double> value) =>
        Vector128.ExtractMostSignificantBits(Vector128.AndNot(NanOrder.IsNan(value).AsInt64(), Vector128.Equals(value.AsInt64(), Vector128.Create(unchecked((long)0xfff8_0000_0000_0000))))) != 0;

    /// <summary>Whether an element of either is a NaN. Signals what an operation on both does: an invalid one for a signalling NaN, and denormal operands where there is no NaN.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool AnyUnordered(Vector256<float> a, Vector256<float> b) => Avx.IsSupported
        ? Avx.MoveMask(Avx.Compare(a, b, FloatComparisonMode.UnorderedNonSignaling)) != 0
        : Vector256.ExtractMostSignificantBits(NanOrder.IsNan(a) | NanOrder.IsNan(b)) != 0;

    /// <summary>Whether an element of either is a NaN. Signals what an operation on both does: an invalid one for a signalling NaN, and denormal operands where there is no NaN.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool AnyUnordered(Vector256<double> a, Vector256<double> b) => Avx.IsSupported
        ? Avx.MoveMask(Avx.Compare(a, b, FloatComparisonMode.UnorderedNonSignaling)) != 0
        : Vector256.ExtractMostSignificantBits(NanOrder.IsNan(a) | NanOrder.IsNan(b)) != 0;
}
