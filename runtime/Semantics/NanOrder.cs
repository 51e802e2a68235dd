using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Jitvmm.Runtime.Semantics;

/// <summary>
/// Of two NaNs an operation returns the first operand's (SDM vol. 1, table 4-7). RyuJIT swaps the operands of
/// additions and multiplications as it likes, so their results are put right here.
/// </summary>
/// <remarks>
/// With integer operations: a floating-point comparison would set sticky flags of its own. And the bit that makes a NaN quiet is by itself a
/// denormal number, which RyuJIT, where it compiles under a guest's MXCSR with denormals as zeros, takes for 0.
/// </remarks>
internal static class NanOrder
{
    /// <summary>The lanes of <paramref name="result"/>, or of the quieted <paramref name="first"/> where that is NaN.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static Vector128<float> Prefer(Vector128<float> first, Vector128<float> result) =>
        Vector128.ConditionalSelect(IsNan(first), (first.AsInt32() | Vector128.Create(0x0040_0000)).AsSingle(), result);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static Vector128<double> Prefer(Vector128<double> first, Vector128<double> result) =>
        Vector128.ConditionalSelect(IsNan(first), (first.AsInt64() | Vector128.Create(0x0008_0000_0000_0000)).AsDouble(), result);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static Vector256<float> Prefer(Vector256<float> first, Vector256<float> result) =>
        Vector256.ConditionalSelect(IsNan(first), (first.AsInt32() | Vector256.Create(0x0040_0000)).AsSingle(), result);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static Vector256<double> Prefer(Vector256<double> first, Vector256<double> result) =>
        Vector256.ConditionalSelect(IsNan(first), (first.AsInt64() | Vector256.Create(0x0008_0000_0000_0000)).AsDouble(), result);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static Vector128<float> IsNan(Vector128<float> value) =>
        Vector128.GreaterThan(value.AsInt32() & Vector128.Create(0x7fff_ffff), Vector128.Create(0x7f80_0000)).AsSingle();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static Vector128<double> IsNan(Vector128<double> value) =>
        Vector128.GreaterThan(value.AsInt64() & Vector128.Create(long.MaxValue), Vector128.Create(0x7ff0_0000_0000_0000)).AsDouble();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static Vector256<float> IsNan(Vector256<float> value) =>
        Vector256.GreaterThan(value.AsInt32() & Vector256.Create(0x7fff_ffff), Vector256.Create(0x7f80_0000)).AsSingle();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static Vector256<double> IsNan(Vector256<double> value) =>
        Vector256.GreaterThan(value.AsInt64() & Vector256.Create(long.MaxValue), Vector256.Create(0x7ff0_0000_0000_0000)).AsDouble();
}
