using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Jitvmm.Runtime.Semantics;

/// <summary>
/// Conversions between integers and floating-point formats. Unlike C#'s casts, what does not fit becomes the
/// integer indefinite value, the most negative one (SDM vol. 1, 4.8.3.7 and table E-1).
/// </summary>
public static class FloatConvert
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int ToInt32(Vector128<float> value) => Sse.IsSupported ? Sse.ConvertToInt32(value) : Fit32(Math.Round((double)value.ToScalar()));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int ToInt32(Vector128<double> value) => Sse2.IsSupported ? Sse2.ConvertToInt32(value) : Fit32(Math.Round(value.ToScalar()));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static long ToInt64(Vector128<float> value) => Sse.X64.IsSupported ? Sse.X64.ConvertToInt64(value) : Fit64(Math.Round((double)value.ToScalar()));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static long ToInt64(Vector128<double> value) => Sse2.X64.IsSupported ? Sse2.X64.ConvertToInt64(value) : Fit64(Math.Round(value.ToScalar()));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int TruncateToInt32(Vector128<float> value) =>
        Sse.IsSupported ? Sse.ConvertToInt32WithTruncation(value) : Fit32(Math.Truncate((double)value.ToScalar()));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int TruncateToInt32(Vector128<double> value) =>
        Sse2.IsSupported ? Sse2.ConvertToInt32WithTruncation(value) : Fit32(Math.Truncate(value.ToScalar()));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static long TruncateToInt64(Vector128<float> value) =>
        Sse.X64.IsSupported ? Sse.X64.ConvertToInt64WithTruncation(value) : Fit64(Math.Truncate((double)value.ToScalar()));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static long TruncateToInt64(Vector128<double> value) =>
        Sse2.X64.IsSupported ? Sse2.X64.ConvertToInt64WithTruncation(value) : Fit64(Math.Truncate(value.ToScalar()));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<float> FromInt32(Vector128<float> upper, int value) =>
        Sse.IsSupported ? Sse.ConvertScalarToVector128Single(upper, value) : upper.WithElement(0, value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<float> FromInt64(Vector128<float> upper, long value) =>
        Sse.X64.IsSupported ? Sse.X64.ConvertScalarToVector128Single(upper, value) : upper.WithElement(0, value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<double> FromInt32(Vector128<double> upper, int value) =>
        Sse2.IsSupported ? Sse2.ConvertScalarToVector128Double(upper, value) : upper.WithElement(0, value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<double> FromInt64(Vector128<double> upper, long value) =>
        Sse2.X64.IsSupported ? Sse2.X64.ConvertScalarToVector128Double(upper, value) : upper.WithElement(0, value);

    /// <summary>The lowest single as a double, in the rest of <paramref name="upper"/>.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<double> WidenScalar(Vector128<double> upper, Vector128<float> value) =>
        Sse2.IsSupported ? Sse2.ConvertScalarToVector128Double(upper, value) : upper.WithElement(0, value.ToScalar());

    /// <summary>The lowest double as a single, in the rest of <paramref name="upper"/>.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<float> NarrowScalar(Vector128<float> upper, Vector128<double> value) =>
        Sse2.IsSupported ? Sse2.ConvertScalarToVector128Single(upper, value) : upper.WithElement(0, (float)value.ToScalar());

    /// <summary>The two lowest singles as doubles.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<double> Widen(Vector128<float> value) =>
        Sse2.IsSupported ? Sse2.ConvertToVector128Double(value) : Vector128.Create((double)value[0], value[1]);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<double> Widen256(Vector128<float> value) =>
        Avx.IsSupported ? Avx.ConvertToVector256Double(value) : Vector256.Create(value[0], value[1], value[2], (double)value[3]);

    /// <summary>Two doubles as the two lowest singles; 0 above.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<float> Narrow(Vector128<double> value) =>
        Sse2.IsSupported ? Sse2.ConvertToVector128Single(value) : Vector128.Create((float)value[0], (float)value[1], 0, 0);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<float> Narrow(Vector256<double> value) =>
        Avx.IsSupported ? Avx.ConvertToVector128Single(value) : Vector128.Create((float)value[0], (float)value[1], (float)value[2], (float)value[3]);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<float> ToSingles(Vector128<int> value) => Vector128.ConvertToSingle(value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> ToSingles(Vector256<int> value) => Vector256.ConvertToSingle(value);

    /// <summary>The two lowest integers as doubles.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<double> ToDoubles(Vector128<int> value) =>
        Sse2.IsSupported ? Sse2.ConvertToVector128Double(value) : Vector128.Create((double)value[0], value[1]);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<double> ToDoubles256(Vector128<int> value) =>
        Avx.IsSupported ? Avx.ConvertToVector256Double(value) : Vector256.Create((double)value[0], value[1], value[2], value[3]);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<int> ToIntegers(Vector128<float> value) =>
        Sse2.IsSupported ? Sse2.ConvertToVector128Int32(value) : TruncateToIntegers(Vector128.Round(value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<int> ToIntegers(Vector256<float> value) =>
        Avx.IsSupported ? Avx.ConvertToVector256Int32(value) : Vector256.Create(ToIntegers(value.GetLower()), ToIntegers(value.GetUpper()));

    /// <summary>Two doubles as the two lowest integers; 0 above.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<int> ToIntegers(Vector128<double> value) =>
        Sse2.IsSupported ? Sse2.ConvertToVector128Int32(value) : TruncateToIntegers(Vector128.Round(value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<int> ToIntegers(Vector256<double> value) =>
        Avx.IsSupported ? Avx.ConvertToVector128Int32(value) : TruncateToIntegers(Vector256.Round(value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<int> TruncateToIntegers(Vector128<float> value) => Sse2.IsSupported
        ? Sse2.ConvertToVector128Int32WithTruncation(value)
        : Vector128.Create(Fit32(value[0]), Fit32(value[1]), Fit32(value[2]), Fit32(value[3]));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<int> TruncateToIntegers(Vector256<float> value) => Avx.IsSupported
        ? Avx.ConvertToVector256Int32WithTruncation(value)
        : Vector256.Create(TruncateToIntegers(value.GetLower()), TruncateToIntegers(value.GetUpper()));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<int> TruncateToIntegers(Vector128<double> value) => Sse2.IsSupported
        ? Sse2.ConvertToVector128Int32WithTruncation(value)
        : Vector128.Create(Fit32(value[0]), Fit32(value[1]), 0, 0);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<int> TruncateToIntegers(Vector256<double> value) => Avx.IsSupported
        ? Avx.ConvertToVector128Int32WithTruncation(value)
        : Vector128.Create(Fit32(value[0]), Fit32(value[1]), Fit32(value[2]), Fit32(value[3]));

    /// <summary>Two integers as the two lowest singles, in the rest of <paramref name="upper"/>.</summary>
    public static Vector128<float> PairToSingles(Vector128<float> upper, ulong integers)
    {
        Vector128<float> singles = ToSingles(Vector128.CreateScalar(integers).AsInt32());
        return upper.AsUInt64().WithElement(0, singles.AsUInt64().ToScalar()).AsSingle();
    }

    public static Vector128<double> PairToDoubles(ulong integers) => ToDoubles(Vector128.CreateScalar(integers).AsInt32());

    // The upper half is cleared first: its elements must raise no flags.
    public static ulong PairToIntegers(Vector128<float> value) =>
        ToIntegers(Vector128.CreateScalar(value.AsUInt64().ToScalar()).AsSingle()).AsUInt64().ToScalar();

    public static ulong PairToIntegers(Vector128<double> value) => ToIntegers(value).AsUInt64().ToScalar();

    public static ulong TruncatePairToIntegers(Vector128<float> value) =>
        TruncateToIntegers(Vector128.CreateScalar(value.AsUInt64().ToScalar()).AsSingle()).AsUInt64().ToScalar();

    public static ulong TruncatePairToIntegers(Vector128<double> value) => TruncateToIntegers(value).AsUInt64().ToScalar();

    private static int Fit32(double value) => value > -2147483649.0 && value < 2147483648.0 ? (int)value : int.MinValue;

    private static long Fit64(double value) => value >= -9223372036854775808.0 && value < 9223372036854775808.0 ? (long)value : long.MinValue;
}
