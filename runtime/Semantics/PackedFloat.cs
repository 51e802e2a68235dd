using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Jitvmm.Runtime.Semantics;

/// <summary>Arithmetic on all elements. Operators stand where they are exactly the instruction.</summary>
public static class PackedFloat
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<float> Add(Vector128<float> a, Vector128<float> b) => NanOrder.Prefer(a, a + b);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<float> Subtract(Vector128<float> a, Vector128<float> b) => a - b;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<float> Multiply(Vector128<float> a, Vector128<float> b) => NanOrder.Prefer(a, a * b);

    /// <summary>Where it does not matter whose NaN is returned: of a value and itself, or where there is none.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<float> AddInAnyOrder(Vector128<float> a, Vector128<float> b) => a + b;

    /// <summary>As <see cref="AddInAnyOrder(Vector128{float}, Vector128{float})"/>.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<float> MultiplyInAnyOrder(Vector128<float> a, Vector128<float> b) => a * b;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<float> Divide(Vector128<float> a, Vector128<float> b) => a / b;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<float> Sqrt(Vector128<float> value) => Vector128.Sqrt(value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<float> Min(Vector128<float> a, Vector128<float> b) =>
        Sse.IsSupported ? Sse.Min(a, b) : Vector128.ConditionalSelect(Vector128.LessThan(a, b), a, b);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<float> Max(Vector128<float> a, Vector128<float> b) =>
        Sse.IsSupported ? Sse.Max(a, b) : Vector128.ConditionalSelect(Vector128.GreaterThan(a, b), a, b);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<float> Reciprocal(Vector128<float> value) => Sse.IsSupported ? Sse.Reciprocal(value) : Vector128<float>.One / value;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<float> ReciprocalSqrt(Vector128<float> value) =>
        Sse.IsSupported ? Sse.ReciprocalSqrt(value) : Vector128<float>.One / Vector128.Sqrt(value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<float> AddSubtract(Vector128<float> a, Vector128<float> b) =>
        Sse3.IsSupported ? Sse3.AddSubtract(a, b) : Alternate(a - b, a + b);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<float> HorizontalAdd(Vector128<float> a, Vector128<float> b) =>
        Sse3.IsSupported ? Sse3.HorizontalAdd(a, b) : Vector128.Create(a[0] + a[1], a[2] + a[3], b[0] + b[1], b[2] + b[3]);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<float> HorizontalSubtract(Vector128<float> a, Vector128<float> b) =>
        Sse3.IsSupported ? Sse3.HorizontalSubtract(a, b) : Vector128.Create(a[0] - a[1], a[2] - a[3], b[0] - b[1], b[2] - b[3]);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<double> Add(Vector128<double> a, Vector128<double> b) => NanOrder.Prefer(a, a + b);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<double> Subtract(Vector128<double> a, Vector128<double> b) => a - b;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<double> Multiply(Vector128<double> a, Vector128<double> b) => NanOrder.Prefer(a, a * b);

    /// <summary>Where it does not matter whose NaN is returned: of a value and itself, or where there is none.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<double> AddInAnyOrder(Vector128<double> a, Vector128<double> b) => a + b;

    /// <summary>As <see cref="AddInAnyOrder(Vector128{double}, Vector128{double})"/>.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<double> MultiplyInAnyOrder(Vector128<double> a, Vector128<double> b) => a * b;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<double> Divide(Vector128<double> a, Vector128<double> b) => a / b;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<double> Sqrt(Vector128<double> value) => Vector128.Sqrt(value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<double> Min(Vector128<double> a, Vector128<double> b) =>
        Sse2.IsSupported ? Sse2.Min(a, b) : Vector128.ConditionalSelect(Vector128.LessThan(a, b), a, b);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<double> Max(Vector128<double> a, Vector128<double> b) =>
        Sse2.IsSupported ? Sse2.Max(a, b) : Vector128.ConditionalSelect(Vector128.GreaterThan(a, b), a, b);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<double> AddSubtract(Vector128<double> a, Vector128<double> b) =>
        Sse3.IsSupported ? Sse3.AddSubtract(a, b) : Alternate(a - b, a + b);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<double> HorizontalAdd(Vector128<double> a, Vector128<double> b) =>
        Sse3.IsSupported ? Sse3.HorizontalAdd(a, b) : Vector128.Create(a[0] + a[1], b[0] + b[1]);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<double> HorizontalSubtract(Vector128<double> a, Vector128<double> b) =>
        Sse3.IsSupported ? Sse3.HorizontalSubtract(a, b) : Vector128.Create(a[0] - a[1], b[0] - b[1]);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> Add(Vector256<float> a, Vector256<float> b) => NanOrder.Prefer(a, a + b);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> Subtract(Vector256<float> a, Vector256<float> b) => a - b;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> Multiply(Vector256<float> a, Vector256<float> b) => NanOrder.Prefer(a, a * b);

    /// <summary>Where it does not matter whose NaN is returned: of a value and itself, or where there is none.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> AddInAnyOrder(Vector256<float> a, Vector256<float> b) => a + b;

    /// <summary>As <see cref="AddInAnyOrder(Vector256{float}, Vector256{float})"/>.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> MultiplyInAnyOrder(Vector256<float> a, Vector256<float> b) => a * b;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> Divide(Vector256<float> a, Vector256<float> b) => a / b;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> Sqrt(Vector256<float> value) => Vector256.Sqrt(value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> Min(Vector256<float> a, Vector256<float> b) =>
        Avx.IsSupported ? Avx.Min(a, b) : Vector256.ConditionalSelect(Vector256.LessThan(a, b), a, b);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> Max(Vector256<float> a, Vector256<float> b) =>
        Avx.IsSupported ? Avx.Max(a, b) : Vector256.ConditionalSelect(Vector256.GreaterThan(a, b), a, b);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> Reciprocal(Vector256<float> value) => Avx.IsSupported ? Avx.Reciprocal(value) : Vector256<float>.One / value;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> ReciprocalSqrt(Vector256<float> value) =>
        Avx.IsSupported ? Avx.ReciprocalSqrt(value) : Vector256<float>.One / Vector256.Sqrt(value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> AddSubtract(Vector256<float> a, Vector256<float> b) =>
        Avx.IsSupported ? Avx.AddSubtract(a, b) : Alternate(a - b, a + b);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> HorizontalAdd(Vector256<float> a, Vector256<float> b) =>
        Avx.IsSupported
            ? Avx.HorizontalAdd(a, b)
            : Vector256.Create(HorizontalAdd(a.GetLower(), b.GetLower()), HorizontalAdd(a.GetUpper(), b.GetUpper()));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> HorizontalSubtract(Vector256<float> a, Vector256<float> b) =>
        Avx.IsSupported
            ? Avx.HorizontalSubtract(a, b)
            : Vector256.Create(HorizontalSubtract(a.GetLower(), b.GetLower()), HorizontalSubtract(a.GetUpper(), b.GetUpper()));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<double> Add(Vector256<double> a, Vector256<double> b) => NanOrder.Prefer(a, a + b);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<double> Subtract(Vector256<double> a, Vector256<double> b) => a - b;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<double> Multiply(Vector256<double> a, Vector256<double> b) => NanOrder.Prefer(a, a * b);

    /// <summary>Where it does not matter whose NaN is returned: of a value and itself, or where there is none.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<double> AddInAnyOrder(Vector256<double> a, Vector256<double> b) => a + b;

    /// <summary>As <see cref="AddInAnyOrder(Vector256{double}, Vector256{double})"/>.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<double> MultiplyInAnyOrder(Vector256<double> a, Vector256<double> b) => a * b;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<double> Divide(Vector256<double> a, Vector256<double> b) => a / b;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<double> Sqrt(Vector256<double> value) => Vector256.Sqrt(value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<double> Min(Vector256<double> a, Vector256<double> b) =>
        Avx.IsSupported ? Avx.Min(a, b) : Vector256.ConditionalSelect(Vector256.LessThan(a, b), a, b);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<double> Max(Vector256<double> a, Vector256<double> b) =>
        Avx.IsSupported ? Avx.Max(a, b) : Vector256.ConditionalSelect(Vector256.GreaterThan(a, b), a, b);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<double> AddSubtract(Vector256<double> a, Vector256<double> b) =>
        Avx.IsSupported ? Avx.AddSubtract(a, b) : Alternate(a - b, a + b);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<double> HorizontalAdd(Vector256<double> a, Vector256<double> b) =>
        Avx.IsSupported
            ? Avx.HorizontalAdd(a, b)
            : Vector256.Create(HorizontalAdd(a.GetLower(), b.GetLower()), HorizontalAdd(a.GetUpper(), b.GetUpper()));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<double> HorizontalSubtract(Vector256<double> a, Vector256<double> b) =>
        Avx.IsSupported
            ? Avx.HorizontalSubtract(a, b)
            : Vector256.Create(HorizontalSubtract(a.GetLower(), b.GetLower()), HorizontalSubtract(a.GetUpper(), b.GetUpper()));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static Vector128<float> Alternate(Vector128<float> even, Vector128<float> odd) =>
        Vector128.ConditionalSelect(Vector128.Create(0xffff_ffff_0000_0000).AsSingle(), odd, even);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static Vector128<double> Alternate(Vector128<double> even, Vector128<double> odd) =>
        Vector128.ConditionalSelect(Vector128.Create(0ul, ulong.MaxValue).AsDouble(), odd, even);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static Vector256<float> Alternate(Vector256<float> even, Vector256<float> odd) =>
        Vector256.ConditionalSelect(Vector256.Create(0xffff_ffff_0000_0000).AsSingle(), odd, even);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static Vector256<double> Alternate(Vector256<double> even, Vector256<double> odd) =>
        Vector256.ConditionalSelect(Vector256.Create(0ul, ulong.MaxValue, 0, ulong.MaxValue).AsDouble(), odd, even);
}
