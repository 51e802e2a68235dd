using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Jitvmm.Runtime.Semantics;

/// <summary>
/// a·b + c with one rounding, and its variants. Of several NaNs the first of a, b and c wins. Which of the instruction's three encodings
/// RyuJIT emits is its own choice: c is the one that is added in each, but a and b may have changed places. What is called "in any order" leaves
/// it at that.
/// </summary>
public static class FusedFloat
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<float> MultiplyAdd(Vector128<float> a, Vector128<float> b, Vector128<float> c) => NanOrder.Prefer(a, MultiplyAddInAnyOrder(a, b, c));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<float> MultiplyAddInAnyOrder(Vector128<float> a, Vector128<float> b, Vector128<float> c) =>
        Fma.IsSupported ? Fma.MultiplyAdd(a, b, c) : Vector128.FusedMultiplyAdd(a, b, c);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<float> MultiplySubtract(Vector128<float> a, Vector128<float> b, Vector128<float> c) => NanOrder.Prefer(a, MultiplySubtractInAnyOrder(a, b, c));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<float> MultiplySubtractInAnyOrder(Vector128<float> a, Vector128<float> b, Vector128<float> c) =>
        Fma.IsSupported ? Fma.MultiplySubtract(a, b, c) : Vector128.FusedMultiplyAdd(a, b, -c);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<float> MultiplyAddNegated(Vector128<float> a, Vector128<float> b, Vector128<float> c) => NanOrder.Prefer(a, MultiplyAddNegatedInAnyOrder(a, b, c));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<float> MultiplyAddNegatedInAnyOrder(Vector128<float> a, Vector128<float> b, Vector128<float> c) =>
        Fma.IsSupported ? Fma.MultiplyAddNegated(a, b, c) : Vector128.FusedMultiplyAdd(-a, b, c);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<float> MultiplySubtractNegated(Vector128<float> a, Vector128<float> b, Vector128<float> c) => NanOrder.Prefer(a, MultiplySubtractNegatedInAnyOrder(a, b, c));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<float> MultiplySubtractNegatedInAnyOrder(Vector128<float> a, Vector128<float> b, Vector128<float> c) =>
        Fma.IsSupported ? Fma.MultiplySubtractNegated(a, b, c) : Vector128.FusedMultiplyAdd(-a, b, -c);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<float> MultiplyAddSubtract(Vector128<float> a, Vector128<float> b, Vector128<float> c) => NanOrder.Prefer(a, MultiplyAddSubtractInAnyOrder(a, b, c));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<float> MultiplyAddSubtractInAnyOrder(Vector128<float> a, Vector128<float> b, Vector128<float> c) =>
        Fma.IsSupported ? Fma.MultiplyAddSubtract(a, b, c) : Vector128.FusedMultiplyAdd(a, b, PackedFloat.Alternate(-c, c));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<float> MultiplySubtractAdd(Vector128<float> a, Vector128<float> b, Vector128<float> c) => NanOrder.Prefer(a, MultiplySubtractAddInAnyOrder(a, b, c));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<float> MultiplySubtractAddInAnyOrder(Vector128<float> a, Vector128<float> b, Vector128<float> c) =>
        Fma.IsSupported ? Fma.MultiplySubtractAdd(a, b, c) : Vector128.FusedMultiplyAdd(a, b, PackedFloat.Alternate(c, -c));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<double> MultiplyAdd(Vector128<double> a, Vector128<double> b, Vector128<double> c) => NanOrder.Prefer(a, MultiplyAddInAnyOrder(a, b, c));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<double> MultiplyAddInAnyOrder(Vector128<double> a, Vector128<double> b, Vector128<double> c) =>
        Fma.IsSupported ? Fma.MultiplyAdd(a, b, c) : Vector128.FusedMultiplyAdd(a, b, c);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<double> MultiplySubtract(Vector128<double> a, Vector128<double> b, Vector128<double> c) => NanOrder.Prefer(a, MultiplySubtractInAnyOrder(a, b, c));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<double> MultiplySubtractInAnyOrder(Vector128<double> a, Vector128<double> b, Vector128<double> c) =>
        Fma.IsSupported ? Fma.MultiplySubtract(a, b, c) : Vector128.FusedMultiplyAdd(a, b, -c);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<double> MultiplyAddNegated(Vector128<double> a, Vector128<double> b, Vector128<double> c) => NanOrder.Prefer(a, MultiplyAddNegatedInAnyOrder(a, b, c));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<double> MultiplyAddNegatedInAnyOrder(Vector128<double> a, Vector128<double> b, Vector128<double> c) =>
        Fma.IsSupported ? Fma.MultiplyAddNegated(a, b, c) : Vector128.FusedMultiplyAdd(-a, b, c);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<double> MultiplySubtractNegated(Vector128<double> a, Vector128<double> b, Vector128<double> c) => NanOrder.Prefer(a, MultiplySubtractNegatedInAnyOrder(a, b, c));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<double> MultiplySubtractNegatedInAnyOrder(Vector128<double> a, Vector128<double> b, Vector128<double> c) =>
        Fma.IsSupported ? Fma.MultiplySubtractNegated(a, b, c) : Vector128.FusedMultiplyAdd(-a, b, -c);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<double> MultiplyAddSubtract(Vector128<double> a, Vector128<double> b, Vector128<double> c) => NanOrder.Prefer(a, MultiplyAddSubtractInAnyOrder(a, b, c));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<double> MultiplyAddSubtractInAnyOrder(Vector128<double> a, Vector128<double> b, Vector128<double> c) =>
        Fma.IsSupported ? Fma.MultiplyAddSubtract(a, b, c) : Vector128.FusedMultiplyAdd(a, b, PackedFloat.Alternate(-c, c));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<double> MultiplySubtractAdd(Vector128<double> a, Vector128<double> b, Vector128<double> c) => NanOrder.Prefer(a, MultiplySubtractAddInAnyOrder(a, b, c));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<double> MultiplySubtractAddInAnyOrder(Vector128<double> a, Vector128<double> b, Vector128<double> c) =>
        Fma.IsSupported ? Fma.MultiplySubtractAdd(a, b, c) : Vector128.FusedMultiplyAdd(a, b, PackedFloat.Alternate(c, -c));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> MultiplyAdd(Vector256<float> a, Vector256<float> b, Vector256<float> c) => NanOrder.Prefer(a, MultiplyAddInAnyOrder(a, b, c));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> MultiplyAddInAnyOrder(Vector256<float> a, Vector256<float> b, Vector256<float> c) =>
        Fma.IsSupported ? Fma.MultiplyAdd(a, b, c) : Vector256.FusedMultiplyAdd(a, b, c);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> MultiplySubtract(Vector256<float> a, Vector256<float> b, Vector256<float> c) => NanOrder.Prefer(a, MultiplySubtractInAnyOrder(a, b, c));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> MultiplySubtractInAnyOrder(Vector256<float> a, Vector256<float> b, Vector256<float> c) =>
        Fma.IsSupported ? Fma.MultiplySubtract(a, b, c) : Vector256.FusedMultiplyAdd(a, b, -c);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> MultiplyAddNegated(Vector256<float> a, Vector256<float> b, Vector256<float> c) => NanOrder.Prefer(a, MultiplyAddNegatedInAnyOrder(a, b, c));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> MultiplyAddNegatedInAnyOrder(Vector256<float> a, Vector256<float> b, Vector256<float> c) =>
        Fma.IsSupported ? Fma.MultiplyAddNegated(a, b, c) : Vector256.FusedMultiplyAdd(-a, b, c);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> MultiplySubtractNegated(Vector256<float> a, Vector256<float> b, Vector256<float> c) => NanOrder.Prefer(a, MultiplySubtractNegatedInAnyOrder(a, b, c));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> MultiplySubtractNegatedInAnyOrder(Vector256<float> a, Vector256<float> b, Vector256<float> c) =>
        Fma.IsSupported ? Fma.MultiplySubtractNegated(a, b, c) : Vector256.FusedMultiplyAdd(-a, b, -c);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> MultiplyAddSubtract(Vector256<float> a, Vector256<float> b, Vector256<float> c) => NanOrder.Prefer(a, MultiplyAddSubtractInAnyOrder(a, b, c));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> MultiplyAddSubtractInAnyOrder(Vector256<float> a, Vector256<float> b, Vector256<float> c) =>
        Fma.IsSupported ? Fma.MultiplyAddSubtract(a, b, c) : Vector256.FusedMultiplyAdd(a, b, PackedFloat.Alternate(-c, c));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> MultiplySubtractAdd(Vector256<float> a, Vector256<float> b, Vector256<float> c) => NanOrder.Prefer(a, MultiplySubtractAddInAnyOrder(a, b, c));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> MultiplySubtractAddInAnyOrder(Vector256<float> a, Vector256<float> b, Vector256<float> c) =>
        Fma.IsSupported ? Fma.MultiplySubtractAdd(a, b, c) : Vector256.FusedMultiplyAdd(a, b, PackedFloat.Alternate(c, -c));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<double> MultiplyAdd(Vector256<double> a, Vector256<double> b, Vector256<double> c) => NanOrder.Prefer(a, MultiplyAddInAnyOrder(a, b, c));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<double> MultiplyAddInAnyOrder(Vector256<double> a, Vector256<double> b, Vector256<double> c) =>
        Fma.IsSupported ? Fma.MultiplyAdd(a, b, c) : Vector256.FusedMultiplyAdd(a, b, c);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<double> MultiplySubtract(Vector256<double> a, Vector256<double> b, Vector256<double> c) => NanOrder.Prefer(a, MultiplySubtractInAnyOrder(a, b, c));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<double> MultiplySubtractInAnyOrder(Vector256<double> a, Vector256<double> b, Vector256<double> c) =>
        Fma.IsSupported ? Fma.MultiplySubtract(a, b, c) : Vector256.FusedMultiplyAdd(a, b, -c);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<double> MultiplyAddNegated(Vector256<double> a, Vector256<double> b, Vector256<double> c) => NanOrder.Prefer(a, MultiplyAddNegatedInAnyOrder(a, b, c));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<double> MultiplyAddNegatedInAnyOrder(Vector256<double> a, Vector256<double> b, Vector256<double> c) =>
        Fma.IsSupported ? Fma.MultiplyAddNegated(a, b, c) : Vector256.FusedMultiplyAdd(-a, b, c);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<double> MultiplySubtractNegated(Vector256<double> a, Vector256<double> b, Vector256<double> c) => NanOrder.Prefer(a, MultiplySubtractNegatedInAnyOrder(a, b, c));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<double> MultiplySubtractNegatedInAnyOrder(Vector256<double> a, Vector256<double> b, Vector256<double> c) =>
        Fma.IsSupported ? Fma.MultiplySubtractNegated(a, b, c) : Vector256.FusedMultiplyAdd(-a, b, -c);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<double> MultiplyAddSubtract(Vector256<double> a, Vector256<double> b, Vector256<double> c) => NanOrder.Prefer(a, MultiplyAddSubtractInAnyOrder(a, b, c));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<double> MultiplyAddSubtractInAnyOrder(Vector256<double> a, Vector256<double> b, Vector256<double> c) =>
        Fma.IsSupported ? Fma.MultiplyAddSubtract(a, b, c) : Vector256.FusedMultiplyAdd(a, b, PackedFloat.Alternate(-c, c));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<double> MultiplySubtractAdd(Vector256<double> a, Vector256<double> b, Vector256<double> c) => NanOrder.Prefer(a, MultiplySubtractAddInAnyOrder(a, b, c));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<double> MultiplySubtractAddInAnyOrder(Vector256<double> a, Vector256<double> b, Vector256<double> c) =>
        Fma.IsSupported ? Fma.MultiplySubtractAdd(a, b, c) : Vector256.FusedMultiplyAdd(a, b, PackedFloat.Alternate(c, -c));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<float> MultiplyAddScalar(Vector128<float> upper, Vector128<float> a, Vector128<float> b, Vector128<float> c) =>
        ScalarFloat.Merge(upper, NanOrder.Prefer(a, Fma.IsSupported ? Fma.MultiplyAddScalar(a, b, c) : Vector128.FusedMultiplyAdd(a, b, c)));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<float> MultiplySubtractScalar(Vector128<float> upper, Vector128<float> a, Vector128<float> b, Vector128<float> c) =>
        ScalarFloat.Merge(upper, NanOrder.Prefer(a, Fma.IsSupported ? Fma.MultiplySubtractScalar(a, b, c) : Vector128.FusedMultiplyAdd(a, b, -c)));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<float> MultiplyAddNegatedScalar(Vector128<float> upper, Vector128<float> a, Vector128<float> b, Vector128<float> c) =>
        ScalarFloat.Merge(upper, NanOrder.Prefer(a, Fma.IsSupported ? Fma.MultiplyAddNegatedScalar(a, b, c) : Vector128.FusedMultiplyAdd(-a, b, c)));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<float> MultiplySubtractNegatedScalar(Vector128<float> upper, Vector128<float> a, Vector128<float> b, Vector128<float> c) =>
        ScalarFloat.Merge(upper, NanOrder.Prefer(a, Fma.IsSupported ? Fma.MultiplySubtractNegatedScalar(a, b, c) : Vector128.FusedMultiplyAdd(-a, b, -c)));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<double> MultiplyAddScalar(Vector128<double> upper, Vector128<double> a, Vector128<double> b, Vector128<double> c) =>
        ScalarFloat.Merge(upper, NanOrder.Prefer(a, Fma.IsSupported ? Fma.MultiplyAddScalar(a, b, c) : Vector128.FusedMultiplyAdd(a, b, c)));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<double> MultiplySubtractScalar(Vector128<double> upper, Vector128<double> a, Vector128<double> b, Vector128<double> c) =>
        ScalarFloat.Merge(upper, NanOrder.Prefer(a, Fma.IsSupported ? Fma.MultiplySubtractScalar(a, b, c) : Vector128.FusedMultiplyAdd(a, b, -c)));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<double> MultiplyAddNegatedScalar(Vector128<double> upper, Vector128<double> a, Vector128<double> b, Vector128<double> c) =>
        ScalarFloat.Merge(upper, NanOrder.Prefer(a, Fma.IsSupported ? Fma.MultiplyAddNegatedScalar(a, b, c) : Vector128.FusedMultiplyAdd(-a, b, c)));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<double> MultiplySubtractNegatedScalar(Vector128<double> upper, Vector128<double> a, Vector128<double> b, Vector128<double> c) =>
        ScalarFloat.Merge(upper, NanOrder.Prefer(a, Fma.IsSupported ? Fma.MultiplySubtractNegatedScalar(a, b, c) : Vector128.FusedMultiplyAdd(-a, b, -c)));
}
