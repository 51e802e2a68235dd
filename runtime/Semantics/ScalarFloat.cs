using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Jitvmm.Runtime.Semantics;

/// <summary>
/// Arithmetic on the lowest element; the others come from the first operand. Unary operations take that
/// operand first and the one they work on second.
/// </summary>
public static class ScalarFloat
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<float> Add(Vector128<float> a, Vector128<float> b) =>
        Sse.IsSupported ? Sse.AddScalar(a, b) : a.WithElement(0, a.ToScalar() + b.ToScalar());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<float> Subtract(Vector128<float> a, Vector128<float> b) =>
        Sse.IsSupported ? Sse.SubtractScalar(a, b) : a.WithElement(0, a.ToScalar() - b.ToScalar());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<float> Multiply(Vector128<float> a, Vector128<float> b) =>
        Sse.IsSupported ? Sse.MultiplyScalar(a, b) : a.WithElement(0, a.ToScalar() * b.ToScalar());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<float> Divide(Vector128<float> a, Vector128<float> b) =>
        Sse.IsSupported ? Sse.DivideScalar(a, b) : a.WithElement(0, a.ToScalar() / b.ToScalar());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<float> Min(Vector128<float> a, Vector128<float> b) =>
        Sse.IsSupported ? Sse.MinScalar(a, b) : a.ToScalar() < b.ToScalar() ? a : Merge(a, b);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<float> Max(Vector128<float> a, Vector128<float> b) =>
        Sse.IsSupported ? Sse.MaxScalar(a, b) : a.ToScalar() > b.ToScalar() ? a : Merge(a, b);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<float> Sqrt(Vector128<float> upper, Vector128<float> value) =>
        Sse.IsSupported ? Sse.SqrtScalar(upper, value) : upper.WithElement(0, MathF.Sqrt(value.ToScalar()));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<float> Reciprocal(Vector128<float> upper, Vector128<float> value) =>
        Sse.IsSupported ? Sse.ReciprocalScalar(upper, value) : upper.WithElement(0, 1 / value.ToScalar());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<float> ReciprocalSqrt(Vector128<float> upper, Vector128<float> value) =>
        Sse.IsSupported ? Sse.ReciprocalSqrtScalar(upper, value) : upper.WithElement(0, 1 / MathF.Sqrt(value.ToScalar()));

    /// <summary>The lowest element of <paramref name="value"/> in the rest of <paramref name="upper"/>.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<float> Merge(Vector128<float> upper, Vector128<float> value) =>
        Sse.IsSupported ? Sse.MoveScalar(upper, value) : upper.WithElement(0, value.ToScalar());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<double> Add(Vector128<double> a, Vector128<double> b) =>
        Sse2.IsSupported ? Sse2.AddScalar(a, b) : a.WithElement(0, a.ToScalar() + b.ToScalar());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<double> Subtract(Vector128<double> a, Vector128<double> b) =>
        Sse2.IsSupported ? Sse2.SubtractScalar(a, b) : a.WithElement(0, a.ToScalar() - b.ToScalar());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<double> Multiply(Vector128<double> a, Vector128<double> b) =>
        Sse2.IsSupported ? Sse2.MultiplyScalar(a, b) : a.WithElement(0, a.ToScalar() * b.ToScalar());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<double> Divide(Vector128<double> a, Vector128<double> b) =>
        Sse2.IsSupported ? Sse2.DivideScalar(a, b) : a.WithElement(0, a.ToScalar() / b.ToScalar());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<double> Min(Vector128<double> a, Vector128<double> b) =>
        Sse2.IsSupported ? Sse2.MinScalar(a, b) : a.ToScalar() < b.ToScalar() ? a : Merge(a, b);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<double> Max(Vector128<double> a, Vector128<double> b) =>
        Sse2.IsSupported ? Sse2.MaxScalar(a, b) : a.ToScalar() > b.ToScalar() ? a : Merge(a, b);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<double> Sqrt(Vector128<double> upper, Vector128<double> value) =>
        Sse2.IsSupported ? Sse2.SqrtScalar(upper, value) : upper.WithElement(0, Math.Sqrt(value.ToScalar()));

    /// <summary>The lowest element of <paramref name="value"/> in the rest of <paramref name="upper"/>.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<double> Merge(Vector128<double> upper, Vector128<double> value) =>
        Sse2.IsSupported ? Sse2.MoveScalar(upper, value) : upper.WithElement(0, value.ToScalar());
}
