using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Jitvmm.Runtime.Semantics;

/// <summary>
/// CMPccPS and its kin, and the conditions COMISS and UCOMISS test. Predicates are numbered as the encodings
/// number them (SDM vol. 2A, table 3-1); the first eight are those of the legacy encodings. RyuJIT has only
/// one predicate of each pair that differs in what quiet NaNs signal, and folds true and false to constants, which set no flags
/// and no upper elements: what it lacks is put together from what it has.
/// </summary>
public static class FloatCompare
{
    /// <summary>For each predicate the relations that satisfy it: less 1, equal 2, greater 4, unordered 8.</summary>
    private const ulong Relations = 0xf465_0b9a_7ced_8312;

    /// <summary>Whether RyuJIT compiles the AVX intrinsic with this predicate to exactly the instruction.</summary>
    public static bool IsIntrinsic(int predicate) => predicate is < 11 or 12 or 13 or 14 or 24 or 28;

    public static Vector128<float> Legacy(Vector128<float> a, Vector128<float> b, int predicate) => !Sse.IsSupported
        ? Portable(a, b, predicate & 7)
        : (predicate & 7) switch
        {
            0 => Sse.CompareEqual(a, b),
            1 => Sse.CompareLessThan(a, b),
            2 => Sse.CompareLessThanOrEqual(a, b),
            3 => Sse.CompareUnordered(a, b),
            4 => Sse.CompareNotEqual(a, b),
            5 => Sse.CompareNotLessThan(a, b),
            6 => Sse.CompareNotLessThanOrEqual(a, b),
            _ => Sse.CompareOrdered(a, b),
        };

    public static Vector128<float> LegacyScalar(Vector128<float> a, Vector128<float> b, int predicate) => !Sse.IsSupported
        ? ScalarFloat.Merge(a, Portable(a, b, predicate & 7))
        : (predicate & 7) switch
        {
            0 => Sse.CompareScalarEqual(a, b),
            1 => Sse.CompareScalarLessThan(a, b),
            2 => Sse.CompareScalarLessThanOrEqual(a, b),
            3 => Sse.CompareScalarUnordered(a, b),
            4 => Sse.CompareScalarNotEqual(a, b),
            5 => Sse.CompareScalarNotLessThan(a, b),
            6 => Sse.CompareScalarNotLessThanOrEqual(a, b),
            _ => Sse.CompareScalarOrdered(a, b),
        };

    public static Vector128<double> Legacy(Vector128<double> a, Vector128<double> b, int predicate) => !Sse.IsSupported
        ? Portable(a, b, predicate & 7)
        : (predicate & 7) switch
        {
            0 => Sse2.CompareEqual(a, b),
            1 => Sse2.CompareLessThan(a, b),
            2 => Sse2.CompareLessThanOrEqual(a, b),
            3 => Sse2.CompareUnordered(a, b),
            4 => Sse2.CompareNotEqual(a, b),
            5 => Sse2.CompareNotLessThan(a, b),
            6 => Sse2.CompareNotLessThanOrEqual(a, b),
            _ => Sse2.CompareOrdered(a, b),
        };

    public static Vector128<double> LegacyScalar(Vector128<double> a, Vector128<double> b, int predicate) => !Sse.IsSupported
        ? ScalarFloat.Merge(a, Portable(a, b, predicate & 7))
        : (predicate & 7) switch
        {
            0 => Sse2.CompareScalarEqual(a, b),
            1 => Sse2.CompareScalarLessThan(a, b),
            2 => Sse2.CompareScalarLessThanOrEqual(a, b),
            3 => Sse2.CompareScalarUnordered(a, b),
            4 => Sse2.CompareScalarNotEqual(a, b),
            5 => Sse2.CompareScalarNotLessThan(a, b),
            6 => Sse2.CompareScalarNotLessThanOrEqual(a, b),
            _ => Sse2.CompareScalarOrdered(a, b),
        };

    public static Vector128<float> Extended(Vector128<float> a, Vector128<float> b, int predicate) => !Avx.IsSupported
        ? Portable(a, b, predicate)
        : (predicate & 31) switch
        {
            0 => Avx.Compare(a, b, FloatComparisonMode.OrderedEqualNonSignaling),
            1 => Avx.Compare(a, b, FloatComparisonMode.OrderedLessThanSignaling),
            2 => Avx.Compare(a, b, FloatComparisonMode.OrderedLessThanOrEqualSignaling),
            3 => Avx.Compare(a, b, FloatComparisonMode.UnorderedNonSignaling),
            4 => Avx.Compare(a, b, FloatComparisonMode.UnorderedNotEqualNonSignaling),
            5 => Avx.Compare(a, b, FloatComparisonMode.UnorderedNotLessThanSignaling),
            6 => Avx.Compare(a, b, FloatComparisonMode.UnorderedNotLessThanOrEqualSignaling),
            7 => Avx.Compare(a, b, FloatComparisonMode.OrderedNonSignaling),
            8 => Avx.Compare(a, b, FloatComparisonMode.UnorderedEqualNonSignaling),
            9 => Avx.Compare(a, b, FloatComparisonMode.UnorderedNotGreaterThanOrEqualSignaling),
            10 => Avx.Compare(a, b, FloatComparisonMode.UnorderedNotGreaterThanSignaling),
            11 => Avx.Compare(a, b, FloatComparisonMode.OrderedNonSignaling) & Avx.Compare(a, b, FloatComparisonMode.UnorderedNonSignaling),
            12 => Avx.Compare(a, b, FloatComparisonMode.OrderedNotEqualNonSignaling),
            13 => Avx.Compare(a, b, FloatComparisonMode.OrderedGreaterThanOrEqualSignaling),
            14 => Avx.Compare(a, b, FloatComparisonMode.OrderedGreaterThanSignaling),
            15 => Avx.Compare(a, b, FloatComparisonMode.OrderedNonSignaling) | Avx.Compare(a, b, FloatComparisonMode.UnorderedNonSignaling),
            16 => Avx.Compare(a, b, FloatComparisonMode.UnorderedEqualSignaling) & Avx.Compare(a, b, FloatComparisonMode.OrderedNonSignaling),
            19 => Avx.Compare(a, b, FloatComparisonMode.UnorderedEqualSignaling) & Avx.Compare(a, b, FloatComparisonMode.UnorderedNonSignaling),
            20 => Avx.Compare(a, b, FloatComparisonMode.OrderedNotEqualSignaling) | Avx.Compare(a, b, FloatComparisonMode.UnorderedNotEqualNonSignaling),
            23 => Avx.Compare(a, b, FloatComparisonMode.OrderedNotEqualSignaling) | Avx.Compare(a, b, FloatComparisonMode.OrderedNonSignaling),
            24 => Avx.Compare(a, b, FloatComparisonMode.UnorderedEqualSignaling),
            27 => Avx.Compare(a, b, FloatComparisonMode.OrderedNotEqualSignaling) & Avx.Compare(a, b, FloatComparisonMode.UnorderedNonSignaling),
            28 => Avx.Compare(a, b, FloatComparisonMode.OrderedNotEqualSignaling),
            17 or 18 or 21 or 22 or 25 or 26 or 29 or 30 => Quiet(a, b, predicate & 15),
            _ => Avx.Compare(a, b, FloatComparisonMode.OrderedNotEqualSignaling) | Avx.Compare(a, b, FloatComparisonMode.UnorderedEqualSignaling),
        };

    public static Vector128<double> Extended(Vector128<double> a, Vector128<double> b, int predicate) => !Avx.IsSupported
        ? Portable(a, b, predicate)
        : (predicate & 31) switch
        {
            0 => Avx.Compare(a, b, FloatComparisonMode.OrderedEqualNonSignaling),
            1 => Avx.Compare(a, b, FloatComparisonMode.OrderedLessThanSignaling),
            2 => Avx.Compare(a, b, FloatComparisonMode.OrderedLessThanOrEqualSignaling),
            3 => Avx.Compare(a, b, FloatComparisonMode.UnorderedNonSignaling),
            4 => Avx.Compare(a, b, FloatComparisonMode.UnorderedNotEqualNonSignaling),
            5 => Avx.Compare(a, b, FloatComparisonMode.UnorderedNotLessThanSignaling),
            6 => Avx.Compare(a, b, FloatComparisonMode.UnorderedNotLessThanOrEqualSignaling),
            7 => Avx.Compare(a, b, FloatComparisonMode.OrderedNonSignaling),
            8 => Avx.Compare(a, b, FloatComparisonMode.UnorderedEqualNonSignaling),
            9 => Avx.Compare(a, b, FloatComparisonMode.UnorderedNotGreaterThanOrEqualSignaling),
            10 => Avx.Compare(a, b, FloatComparisonMode.UnorderedNotGreaterThanSignaling),
            11 => Avx.Compare(a, b, FloatComparisonMode.OrderedNonSignaling) & Avx.Compare(a, b, FloatComparisonMode.UnorderedNonSignaling),
            12 => Avx.Compare(a, b, FloatComparisonMode.OrderedNotEqualNonSignaling),
            13 => Avx.Compare(a, b, FloatComparisonMode.OrderedGreaterThanOrEqualSignaling),
            14 => Avx.Compare(a, b, FloatComparisonMode.OrderedGreaterThanSignaling),
            15 => Avx.Compare(a, b, FloatComparisonMode.OrderedNonSignaling) | Avx.Compare(a, b, FloatComparisonMode.UnorderedNonSignaling),
            16 => Avx.Compare(a, b, FloatComparisonMode.UnorderedEqualSignaling) & Avx.Compare(a, b, FloatComparisonMode.OrderedNonSignaling),
            19 => Avx.Compare(a, b, FloatComparisonMode.UnorderedEqualSignaling) & Avx.Compare(a, b, FloatComparisonMode.UnorderedNonSignaling),
            20 => Avx.Compare(a, b, FloatComparisonMode.OrderedNotEqualSignaling) | Avx.Compare(a, b, FloatComparisonMode.UnorderedNotEqualNonSignaling),
            23 => Avx.Compare(a, b, FloatComparisonMode.OrderedNotEqualSignaling) | Avx.Compare(a, b, FloatComparisonMode.OrderedNonSignaling),
            24 => Avx.Compare(a, b, FloatComparisonMode.UnorderedEqualSignaling),
            27 => Avx.Compare(a, b, FloatComparisonMode.OrderedNotEqualSignaling) & Avx.Compare(a, b, FloatComparisonMode.UnorderedNonSignaling),
            28 => Avx.Compare(a, b, FloatComparisonMode.OrderedNotEqualSignaling),
            17 or 18 or 21 or 22 or 25 or 26 or 29 or 30 => Quiet(a, b, predicate & 15),
            _ => Avx.Compare(a, b, FloatComparisonMode.OrderedNotEqualSignaling) | Avx.Compare(a, b, FloatComparisonMode.UnorderedEqualSignaling),
        };

    public static Vector256<float> Extended(Vector256<float> a, Vector256<float> b, int predicate) => !Avx.IsSupported
        ? Portable(a, b, predicate)
        : (predicate & 31) switch
        {
            0 => Avx.Compare(a, b, FloatComparisonMode.OrderedEqualNonSignaling),
            1 => Avx.Compare(a, b, FloatComparisonMode.OrderedLessThanSignaling),
            2 => Avx.Compare(a, b, FloatComparisonMode.OrderedLessThanOrEqualSignaling),
            3 => Avx.Compare(a, b, FloatComparisonMode.UnorderedNonSignaling),
            4 => Avx.Compare(a, b, FloatComparisonMode.UnorderedNotEqualNonSignaling),
            5 => Avx.Compare(a, b, FloatComparisonMode.UnorderedNotLessThanSignaling),
            6 => Avx.Compare(a, b, FloatComparisonMode.UnorderedNotLessThanOrEqualSignaling),
            7 => Avx.Compare(a, b, FloatComparisonMode.OrderedNonSignaling),
            8 => Avx.Compare(a, b, FloatComparisonMode.UnorderedEqualNonSignaling),
            9 => Avx.Compare(a, b, FloatComparisonMode.UnorderedNotGreaterThanOrEqualSignaling),
            10 => Avx.Compare(a, b, FloatComparisonMode.UnorderedNotGreaterThanSignaling),
            11 => Avx.Compare(a, b, FloatComparisonMode.OrderedNonSignaling) & Avx.Compare(a, b, FloatComparisonMode.UnorderedNonSignaling),
            12 => Avx.Compare(a, b, FloatComparisonMode.OrderedNotEqualNonSignaling),
            13 => Avx.Compare(a, b, FloatComparisonMode.OrderedGreaterThanOrEqualSignaling),
            14 => Avx.Compare(a, b, FloatComparisonMode.OrderedGreaterThanSignaling),
            15 => Avx.Compare(a, b, FloatComparisonMode.OrderedNonSignaling) | Avx.Compare(a, b, FloatComparisonMode.UnorderedNonSignaling),
            16 => Avx.Compare(a, b, FloatComparisonMode.UnorderedEqualSignaling) & Avx.Compare(a, b, FloatComparisonMode.OrderedNonSignaling),
            19 => Avx.Compare(a, b, FloatComparisonMode.UnorderedEqualSignaling) & Avx.Compare(a, b, FloatComparisonMode.UnorderedNonSignaling),
            20 => Avx.Compare(a, b, FloatComparisonMode.OrderedNotEqualSignaling) | Avx.Compare(a, b, FloatComparisonMode.UnorderedNotEqualNonSignaling),
            23 => Avx.Compare(a, b, FloatComparisonMode.OrderedNotEqualSignaling) | Avx.Compare(a, b, FloatComparisonMode.OrderedNonSignaling),
            24 => Avx.Compare(a, b, FloatComparisonMode.UnorderedEqualSignaling),
            27 => Avx.Compare(a, b, FloatComparisonMode.OrderedNotEqualSignaling) & Avx.Compare(a, b, FloatComparisonMode.UnorderedNonSignaling),
            28 => Avx.Compare(a, b, FloatComparisonMode.OrderedNotEqualSignaling),
            17 or 18 or 21 or 22 or 25 or 26 or 29 or 30 => Quiet(a, b, predicate & 15),
            _ => Avx.Compare(a, b, FloatComparisonMode.OrderedNotEqualSignaling) | Avx.Compare(a, b, FloatComparisonMode.UnorderedEqualSignaling),
        };

    public static Vector256<double> Extended(Vector256<double> a, Vector256<double> b, int predicate) => !Avx.IsSupported
        ? Portable(a, b, predicate)
        : (predicate & 31) switch
        {
            0 => Avx.Compare(a, b, FloatComparisonMode.OrderedEqualNonSignaling),
            1 => Avx.Compare(a, b, FloatComparisonMode.OrderedLessThanSignaling),
            2 => Avx.Compare(a, b, FloatComparisonMode.OrderedLessThanOrEqualSignaling),
            3 => Avx.Compare(a, b, FloatComparisonMode.UnorderedNonSignaling),
            4 => Avx.Compare(a, b, FloatComparisonMode.UnorderedNotEqualNonSignaling),
            5 => Avx.Compare(a, b, FloatComparisonMode.UnorderedNotLessThanSignaling),
            6 => Avx.Compare(a, b, FloatComparisonMode.UnorderedNotLessThanOrEqualSignaling),
            7 => Avx.Compare(a, b, FloatComparisonMode.OrderedNonSignaling),
            8 => Avx.Compare(a, b, FloatComparisonMode.UnorderedEqualNonSignaling),
            9 => Avx.Compare(a, b, FloatComparisonMode.UnorderedNotGreaterThanOrEqualSignaling),
            10 => Avx.Compare(a, b, FloatComparisonMode.UnorderedNotGreaterThanSignaling),
            11 => Avx.Compare(a, b, FloatComparisonMode.OrderedNonSignaling) & Avx.Compare(a, b, FloatComparisonMode.UnorderedNonSignaling),
            12 => Avx.Compare(a, b, FloatComparisonMode.OrderedNotEqualNonSignaling),
            13 => Avx.Compare(a, b, FloatComparisonMode.OrderedGreaterThanOrEqualSignaling),
            14 => Avx.Compare(a, b, FloatComparisonMode.OrderedGreaterThanSignaling),
            15 => Avx.Compare(a, b, FloatComparisonMode.OrderedNonSignaling) | Avx.Compare(a, b, FloatComparisonMode.UnorderedNonSignaling),
            16 => Avx.Compare(a, b, FloatComparisonMode.UnorderedEqualSignaling) & Avx.Compare(a, b, FloatComparisonMode.OrderedNonSignaling),
            19 => Avx.Compare(a, b, FloatComparisonMode.UnorderedEqualSignaling) & Avx.Compare(a, b, FloatComparisonMode.UnorderedNonSignaling),
            20 => Avx.Compare(a, b, FloatComparisonMode.OrderedNotEqualSignaling) | Avx.Compare(a, b, FloatComparisonMode.UnorderedNotEqualNonSignaling),
            23 => Avx.Compare(a, b, FloatComparisonMode.OrderedNotEqualSignaling) | Avx.Compare(a, b, FloatComparisonMode.OrderedNonSignaling),
            24 => Avx.Compare(a, b, FloatComparisonMode.UnorderedEqualSignaling),
            27 => Avx.Compare(a, b, FloatComparisonMode.OrderedNotEqualSignaling) & Avx.Compare(a, b, FloatComparisonMode.UnorderedNonSignaling),
            28 => Avx.Compare(a, b, FloatComparisonMode.OrderedNotEqualSignaling),
            17 or 18 or 21 or 22 or 25 or 26 or 29 or 30 => Quiet(a, b, predicate & 15),
            _ => Avx.Compare(a, b, FloatComparisonMode.OrderedNotEqualSignaling) | Avx.Compare(a, b, FloatComparisonMode.UnorderedEqualSignaling),
        };

    public static Vector128<float> ExtendedScalar(Vector128<float> a, Vector128<float> b, int predicate) => !Avx.IsSupported
        ? ScalarFloat.Merge(a, Portable(a, b, predicate))
        : (predicate & 31) switch
        {
            0 => Avx.CompareScalar(a, b, FloatComparisonMode.OrderedEqualNonSignaling),
            1 => Avx.CompareScalar(a, b, FloatComparisonMode.OrderedLessThanSignaling),
            2 => Avx.CompareScalar(a, b, FloatComparisonMode.OrderedLessThanOrEqualSignaling),
            3 => Avx.CompareScalar(a, b, FloatComparisonMode.UnorderedNonSignaling),
            4 => Avx.CompareScalar(a, b, FloatComparisonMode.UnorderedNotEqualNonSignaling),
            5 => Avx.CompareScalar(a, b, FloatComparisonMode.UnorderedNotLessThanSignaling),
            6 => Avx.CompareScalar(a, b, FloatComparisonMode.UnorderedNotLessThanOrEqualSignaling),
            7 => Avx.CompareScalar(a, b, FloatComparisonMode.OrderedNonSignaling),
            8 => Avx.CompareScalar(a, b, FloatComparisonMode.UnorderedEqualNonSignaling),
            9 => Avx.CompareScalar(a, b, FloatComparisonMode.UnorderedNotGreaterThanOrEqualSignaling),
            10 => Avx.CompareScalar(a, b, FloatComparisonMode.UnorderedNotGreaterThanSignaling),
            11 => Avx.CompareScalar(a, b, FloatComparisonMode.OrderedNonSignaling) & Avx.CompareScalar(a, b, FloatComparisonMode.UnorderedNonSignaling),
            12 => Avx.CompareScalar(a, b, FloatComparisonMode.OrderedNotEqualNonSignaling),
            13 => Avx.CompareScalar(a, b, FloatComparisonMode.OrderedGreaterThanOrEqualSignaling),
            14 => Avx.CompareScalar(a, b, FloatComparisonMode.OrderedGreaterThanSignaling),
            15 => Avx.CompareScalar(a, b, FloatComparisonMode.OrderedNonSignaling) | Avx.CompareScalar(a, b, FloatComparisonMode.UnorderedNonSignaling),
            16 => Avx.CompareScalar(a, b, FloatComparisonMode.UnorderedEqualSignaling) & Avx.CompareScalar(a, b, FloatComparisonMode.OrderedNonSignaling),
            19 => Avx.CompareScalar(a, b, FloatComparisonMode.UnorderedEqualSignaling) & Avx.CompareScalar(a, b, FloatComparisonMode.UnorderedNonSignaling),
            20 => Avx.CompareScalar(a, b, FloatComparisonMode.OrderedNotEqualSignaling) | Avx.CompareScalar(a, b, FloatComparisonMode.UnorderedNotEqualNonSignaling),
            23 => Avx.CompareScalar(a, b, FloatComparisonMode.OrderedNotEqualSignaling) | Avx.CompareScalar(a, b, FloatComparisonMode.OrderedNonSignaling),
            24 => Avx.CompareScalar(a, b, FloatComparisonMode.UnorderedEqualSignaling),
            27 => Avx.CompareScalar(a, b, FloatComparisonMode.OrderedNotEqualSignaling) & Avx.CompareScalar(a, b, FloatComparisonMode.UnorderedNonSignaling),
            28 => Avx.CompareScalar(a, b, FloatComparisonMode.OrderedNotEqualSignaling),
            17 or 18 or 21 or 22 or 25 or 26 or 29 or 30 => QuietScalar(a, b, predicate & 15),
            _ => Avx.CompareScalar(a, b, FloatComparisonMode.OrderedNotEqualSignaling) | Avx.CompareScalar(a, b, FloatComparisonMode.UnorderedEqualSignaling),
        };

    public static Vector128<double> ExtendedScalar(Vector128<double> a, Vector128<double> b, int predicate) => !Avx.IsSupported
        ? ScalarFloat.Merge(a, Portable(a, b, predicate))
        : (predicate & 31) switch
        {
            0 => Avx.CompareScalar(a, b, FloatComparisonMode.OrderedEqualNonSignaling),
            1 => Avx.CompareScalar(a, b, FloatComparisonMode.OrderedLessThanSignaling),
            2 => Avx.CompareScalar(a, b, FloatComparisonMode.OrderedLessThanOrEqualSignaling),
            3 => Avx.CompareScalar(a, b, FloatComparisonMode.UnorderedNonSignaling),
            4 => Avx.CompareScalar(a, b, FloatComparisonMode.UnorderedNotEqualNonSignaling),
            5 => Avx.CompareScalar(a, b, FloatComparisonMode.UnorderedNotLessThanSignaling),
            6 => Avx.CompareScalar(a, b, FloatComparisonMode.UnorderedNotLessThanOrEqualSignaling),
            7 => Avx.CompareScalar(a, b, FloatComparisonMode.OrderedNonSignaling),
            8 => Avx.CompareScalar(a, b, FloatComparisonMode.UnorderedEqualNonSignaling),
            9 => Avx.CompareScalar(a, b, FloatComparisonMode.UnorderedNotGreaterThanOrEqualSignaling),
            10 => Avx.CompareScalar(a, b, FloatComparisonMode.UnorderedNotGreaterThanSignaling),
            11 => Avx.CompareScalar(a, b, FloatComparisonMode.OrderedNonSignaling) & Avx.CompareScalar(a, b, FloatComparisonMode.UnorderedNonSignaling),
            12 => Avx.CompareScalar(a, b, FloatComparisonMode.OrderedNotEqualNonSignaling),
            13 => Avx.CompareScalar(a, b, FloatComparisonMode.OrderedGreaterThanOrEqualSignaling),
            14 => Avx.CompareScalar(a, b, FloatComparisonMode.OrderedGreaterThanSignaling),
            15 => Avx.CompareScalar(a, b, FloatComparisonMode.OrderedNonSignaling) | Avx.CompareScalar(a, b, FloatComparisonMode.UnorderedNonSignaling),
            16 => Avx.CompareScalar(a, b, FloatComparisonMode.UnorderedEqualSignaling) & Avx.CompareScalar(a, b, FloatComparisonMode.OrderedNonSignaling),
            19 => Avx.CompareScalar(a, b, FloatComparisonMode.UnorderedEqualSignaling) & Avx.CompareScalar(a, b, FloatComparisonMode.UnorderedNonSignaling),
            20 => Avx.CompareScalar(a, b, FloatComparisonMode.OrderedNotEqualSignaling) | Avx.CompareScalar(a, b, FloatComparisonMode.UnorderedNotEqualNonSignaling),
            23 => Avx.CompareScalar(a, b, FloatComparisonMode.OrderedNotEqualSignaling) | Avx.CompareScalar(a, b, FloatComparisonMode.OrderedNonSignaling),
            24 => Avx.CompareScalar(a, b, FloatComparisonMode.UnorderedEqualSignaling),
            27 => Avx.CompareScalar(a, b, FloatComparisonMode.OrderedNotEqualSignaling) & Avx.CompareScalar(a, b, FloatComparisonMode.UnorderedNonSignaling),
            28 => Avx.CompareScalar(a, b, FloatComparisonMode.OrderedNotEqualSignaling),
            17 or 18 or 21 or 22 or 25 or 26 or 29 or 30 => QuietScalar(a, b, predicate & 15),
            _ => Avx.CompareScalar(a, b, FloatComparisonMode.OrderedNotEqualSignaling) | Avx.CompareScalar(a, b, FloatComparisonMode.UnorderedEqualSignaling),
        };

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool GreaterThanOrEqual(Vector128<float> a, Vector128<float> b) =>
        Sse.IsSupported ? Sse.CompareScalarOrderedGreaterThanOrEqual(a, b) : a.ToScalar() >= b.ToScalar();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool LessThanOrEqual(Vector128<float> a, Vector128<float> b) =>
        Sse.IsSupported ? Sse.CompareScalarOrderedLessThanOrEqual(a, b) : a.ToScalar() <= b.ToScalar();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool QuietGreaterThanOrEqual(Vector128<float> a, Vector128<float> b) =>
        Sse.IsSupported ? Sse.CompareScalarUnorderedGreaterThanOrEqual(a, b) : a.ToScalar() >= b.ToScalar();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool QuietLessThanOrEqual(Vector128<float> a, Vector128<float> b) =>
        Sse.IsSupported ? Sse.CompareScalarUnorderedLessThanOrEqual(a, b) : a.ToScalar() <= b.ToScalar();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool GreaterThanOrEqual(Vector128<double> a, Vector128<double> b) =>
        Sse2.IsSupported ? Sse2.CompareScalarOrderedGreaterThanOrEqual(a, b) : a.ToScalar() >= b.ToScalar();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool LessThanOrEqual(Vector128<double> a, Vector128<double> b) =>
        Sse2.IsSupported ? Sse2.CompareScalarOrderedLessThanOrEqual(a, b) : a.ToScalar() <= b.ToScalar();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool QuietGreaterThanOrEqual(Vector128<double> a, Vector128<double> b) =>
        Sse2.IsSupported ? Sse2.CompareScalarUnorderedGreaterThanOrEqual(a, b) : a.ToScalar() >= b.ToScalar();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool QuietLessThanOrEqual(Vector128<double> a, Vector128<double> b) =>
        Sse2.IsSupported ? Sse2.CompareScalarUnorderedLessThanOrEqual(a, b) : a.ToScalar() <= b.ToScalar();

    // Orderings without a signal for quiet NaNs: the signalling ones, on 0 where there is a NaN.
    private static Vector128<float> Quiet(Vector128<float> a, Vector128<float> b, int predicate)
    {
        Vector128<float> ordered = Avx.Compare(a, b, FloatComparisonMode.OrderedNonSignaling);
        Vector128<float> result = Extended(a & ordered, b & ordered, predicate);
        return ((predicate & 4) != 0) == (predicate < 8) ? result | ~ordered : result & ordered;
    }

    private static Vector128<double> Quiet(Vector128<double> a, Vector128<double> b, int predicate)
    {
        Vector128<double> ordered = Avx.Compare(a, b, FloatComparisonMode.OrderedNonSignaling);
        Vector128<double> result = Extended(a & ordered, b & ordered, predicate);
        return ((predicate & 4) != 0) == (predicate < 8) ? result | ~ordered : result & ordered;
    }

    private static Vector256<float> Quiet(Vector256<float> a, Vector256<float> b, int predicate)
    {
        Vector256<float> ordered = Avx.Compare(a, b, FloatComparisonMode.OrderedNonSignaling);
        Vector256<float> result = Extended(a & ordered, b & ordered, predicate);
        return ((predicate & 4) != 0) == (predicate < 8) ? result | ~ordered : result & ordered;
    }

    private static Vector256<double> Quiet(Vector256<double> a, Vector256<double> b, int predicate)
    {
        Vector256<double> ordered = Avx.Compare(a, b, FloatComparisonMode.OrderedNonSignaling);
        Vector256<double> result = Extended(a & ordered, b & ordered, predicate);
        return ((predicate & 4) != 0) == (predicate < 8) ? result | ~ordered : result & ordered;
    }

    private static Vector128<float> QuietScalar(Vector128<float> a, Vector128<float> b, int predicate)
    {
        Vector128<float> ordered = Avx.CompareScalar(a, b, FloatComparisonMode.OrderedNonSignaling);
        Vector128<float> result = ExtendedScalar(a & ordered, b & ordered, predicate);
        return ScalarFloat.Merge(a, ((predicate & 4) != 0) == (predicate < 8) ? result | ~ordered : result & ordered);
    }

    private static Vector128<double> QuietScalar(Vector128<double> a, Vector128<double> b, int predicate)
    {
        Vector128<double> ordered = Avx.CompareScalar(a, b, FloatComparisonMode.OrderedNonSignaling);
        Vector128<double> result = ExtendedScalar(a & ordered, b & ordered, predicate);
        return ScalarFloat.Merge(a, ((predicate & 4) != 0) == (predicate < 8) ? result | ~ordered : result & ordered);
    }

    private static Vector128<T> Portable<T>(Vector128<T> a, Vector128<T> b, int predicate)
    {
        Vector128<T> less = Vector128.LessThan(a, b);
        Vector128<T> equal = Vector128.Equals(a, b);
        Vector128<T> greater = Vector128.GreaterThan(a, b);
        int relations = (int)(Relations >> (4 * (predicate & 15)));
        Vector128<T> result = (relations & 8) != 0 ? ~(less | equal | greater) : Vector128<T>.Zero;
        result |= (relations & 1) != 0 ? less : Vector128<T>.Zero;
        result |= (relations & 2) != 0 ? equal : Vector128<T>.Zero;
        return result | ((relations & 4) != 0 ? greater : Vector128<T>.Zero);
    }

    private static Vector256<T> Portable<T>(Vector256<T> a, Vector256<T> b, int predicate)
    {
        Vector256<T> less = Vector256.LessThan(a, b);
        Vector256<T> equal = Vector256.Equals(a, b);
        Vector256<T> greater = Vector256.GreaterThan(a, b);
        int relations = (int)(Relations >> (4 * (predicate & 15)));
        Vector256<T> result = (relations & 8) != 0 ? ~(less | equal | greater) : Vector256<T>.Zero;
        result |= (relations & 1) != 0 ? less : Vector256<T>.Zero;
        result |= (relations & 2) != 0 ? equal : Vector256<T>.Zero;
        return result | ((relations & 4) != 0 ? greater : Vector256<T>.Zero);
    }
}
