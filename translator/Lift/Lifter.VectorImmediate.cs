using System.Reflection;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using Jitvmm.Runtime.Semantics;
using Jitvmm.Translator.Ir;

namespace Jitvmm.Translator.Lift;

/// <summary>
/// Compiled code knows an instruction's immediate: the host's own instruction then does in one step what the
/// methods for a variable control compute.
/// </summary>
public sealed partial class Lifter
{
    /// <summary>Calls a semantic method with an immediate as its last argument, or the host's instruction that takes it as a constant.</summary>
    private Value CallControl(PackedOperation operation, params ReadOnlySpan<Value> vectors)
    {
        int width = _o.Width(0);
        if (!_o.IsSymbolic && HostImmediateForm(operation, width, vectors.Length) is { } host)
        {
            return _b.Call(host, [.. vectors, Control]);
        }

        return CallVector(operation.Owner, operation.Name, width, operation.Element, [.. vectors, Control]);
    }

    private static MethodInfo? HostImmediateForm(PackedOperation operation, int width, int vectors)
    {
        if (!Avx2.IsSupported)
        {
            return null;
        }

        bool wide = width == 256;
        (Type? type, string name, Type element) = (operation.Name, operation.Element.Name) switch
        {
            (nameof(PackedShuffle.Dwords), _) => (wide ? typeof(Avx2) : typeof(Sse2), nameof(Sse2.Shuffle), typeof(uint)),
            (nameof(PackedShuffle.Qwords), _) => (typeof(Avx), nameof(Avx.Permute), typeof(double)),
            (nameof(PackedShuffle.LowWords), _) => (wide ? typeof(Avx2) : typeof(Sse2), nameof(Sse2.ShuffleLow), typeof(ushort)),
            (nameof(PackedShuffle.HighWords), _) => (wide ? typeof(Avx2) : typeof(Sse2), nameof(Sse2.ShuffleHigh), typeof(ushort)),
            (nameof(PackedShuffle.QwordsAcrossLanes), _) => (typeof(Avx2), nameof(Avx2.Permute4x64), typeof(ulong)),
            (nameof(PackedShuffle.SlideUp), _) => (wide ? typeof(Avx2) : typeof(Sse2), nameof(Sse2.ShiftLeftLogical128BitLane), typeof(byte)),
            (nameof(PackedShuffle.SlideDown), _) => (wide ? typeof(Avx2) : typeof(Sse2), nameof(Sse2.ShiftRightLogical128BitLane), typeof(byte)),
            (nameof(PackedShuffle.TwoDwords), _) => (wide ? typeof(Avx) : typeof(Sse), nameof(Sse.Shuffle), typeof(float)),
            (nameof(PackedShuffle.TwoQwords), _) => (wide ? typeof(Avx) : typeof(Sse2), nameof(Sse2.Shuffle), typeof(double)),
            (nameof(PackedShuffle.Align), _) => (wide ? typeof(Avx2) : typeof(Ssse3), nameof(Ssse3.AlignRight), typeof(byte)),
            (nameof(PackedShuffle.Halves), _) => (typeof(Avx2), nameof(Avx2.Permute2x128), typeof(byte)),
            (nameof(PackedSelect.Blend), nameof(UInt16)) => (wide ? typeof(Avx2) : typeof(Sse41), nameof(Avx2.Blend), typeof(ushort)),
            (nameof(PackedSelect.Blend), nameof(UInt32)) => (typeof(Avx2), nameof(Avx2.Blend), typeof(uint)),
            (nameof(PackedSelect.Blend), nameof(UInt64)) => (wide ? typeof(Avx) : typeof(Sse41), nameof(Avx.Blend), typeof(double)),
            _ => (null, "", typeof(byte)),
        };
        return type is null ? null : HostMethod(type, name, width, element, vectors);
    }

    /// <summary>Shifts of all elements by a known count.</summary>
    private static MethodInfo? HostShift(string name, int width, Type element)
    {
        if (!Avx2.IsSupported)
        {
            return null;
        }

        string host = name switch
        {
            nameof(PackedShift.Left) => nameof(Sse2.ShiftLeftLogical),
            nameof(PackedShift.Right) => nameof(Sse2.ShiftRightLogical),
            _ => nameof(Sse2.ShiftRightArithmetic),
        };
        return HostMethod(width == 256 ? typeof(Avx2) : typeof(Sse2), host, width, element, 1);
    }

    /// <summary>The overload of an intrinsic for so many vectors and an immediate byte.</summary>
    private static MethodInfo? HostMethod(Type type, string name, int width, Type element, int vectors)
    {
        Type vector = (width == 256 ? typeof(Vector256<>) : typeof(Vector128<>)).MakeGenericType(element);
        return type.GetMethod(name, vectors == 1 ? [vector, typeof(byte)] : [vector, vector, typeof(byte)]);
    }
}
