using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Jitvmm.Runtime.Semantics;

/// <summary>
/// Rearranging elements under a control that is not known when the code is compiled: immediate operands are turned
/// into vectors for the host's variable shuffles.
/// </summary>
public static partial class PackedShuffle
{
    /// <summary>PSHUFB: byte i is byte <c>control[i] &amp; 15</c>, or 0 where bit 7 of the control is set.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<byte> Bytes(Vector128<byte> v, Vector128<byte> control) =>
        Ssse3.IsSupported ? Ssse3.Shuffle(v, control) : Vector128.Shuffle(v, control & Vector128.Create((byte)0x8f));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<byte> Bytes(Vector256<byte> v, Vector256<byte> control) => Avx2.IsSupported
        ? Avx2.Shuffle(v, control)
        : Vector256.Create(Bytes(v.GetLower(), control.GetLower()), Bytes(v.GetUpper(), control.GetUpper()));

    /// <summary>VPERMILPS: dword i is dword <c>control[i] &amp; 3</c> of its lane.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<uint> InLane(Vector128<uint> v, Vector128<uint> control) => Avx.IsSupported
        ? Avx.PermuteVar(v.AsSingle(), control.AsInt32()).AsUInt32()
        : Vector128.Shuffle(v, control & Vector128.Create(3u));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<uint> InLane(Vector256<uint> v, Vector256<uint> control) => Avx.IsSupported
        ? Avx.PermuteVar(v.AsSingle(), control.AsInt32()).AsUInt32()
        : Vector256.Create(InLane(v.GetLower(), control.GetLower()), InLane(v.GetUpper(), control.GetUpper()));

    /// <summary>VPERMILPD: bit 1 of each control chooses the qword of its lane.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<ulong> InLane(Vector128<ulong> v, Vector128<ulong> control) => Avx.IsSupported
        ? Avx.PermuteVar(v.AsDouble(), control.AsInt64()).AsUInt64()
        : Vector128.Shuffle(v, (control >>> 1) & Vector128<ulong>.One);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<ulong> InLane(Vector256<ulong> v, Vector256<ulong> control) => Avx.IsSupported
        ? Avx.PermuteVar(v.AsDouble(), control.AsInt64()).AsUInt64()
        : Vector256.Create(InLane(v.GetLower(), control.GetLower()), InLane(v.GetUpper(), control.GetUpper()));

    /// <summary>PSHUFD.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<uint> Dwords(Vector128<uint> v, uint control) => InLane(v, DwordSelectors(control));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<uint> Dwords(Vector256<uint> v, uint control) => InLane(v, Twice(DwordSelectors(control)));

    /// <summary>VPERMILPD with an immediate: one bit for each qword.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<ulong> Qwords(Vector128<ulong> v, uint control) => InLane(v, QwordSelectors(control));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<ulong> Qwords(Vector256<ulong> v, uint control) =>
        InLane(v, Vector256.Create(QwordSelectors(control), QwordSelectors(control >> 2)));

    /// <summary>PSHUFLW.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<byte> LowWords(Vector128<byte> v, uint control) =>
        Bytes(v, Vector128.Create(WordSelectors(control), 0x0f0e0d0c0b0a0908).AsByte());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<byte> LowWords(Vector256<byte> v, uint control) =>
        Bytes(v, Twice(Vector128.Create(WordSelectors(control), 0x0f0e0d0c0b0a0908).AsByte()));

    /// <summary>PSHUFHW.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<byte> HighWords(Vector128<byte> v, uint control) =>
        Bytes(v, Vector128.Create(0x0706050403020100, WordSelectors(control) + 0x0808080808080808).AsByte());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<byte> HighWords(Vector256<byte> v, uint control) =>
        Bytes(v, Twice(Vector128.Create(0x0706050403020100, WordSelectors(control) + 0x0808080808080808).AsByte()));

    /// <summary>SHUFPS: two dwords of <c>a</c>, then two of <c>b</c>.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<uint> TwoDwords(Vector128<uint> a, Vector128<uint> b, uint control)
    {
        Vector128<uint> selectors = DwordSelectors(control);
        return Vector128.ConditionalSelect(Vector128.Create(uint.MaxValue, uint.MaxValue, 0, 0), InLane(a, selectors), InLane(b, selectors));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<uint> TwoDwords(Vector256<uint> a, Vector256<uint> b, uint control)
    {
        Vector256<uint> selectors = Twice(DwordSelectors(control));
        return Vector256.ConditionalSelect(Vector256.Create(ulong.MaxValue, 0, ulong.MaxValue, 0).AsUInt32(), InLane(a, selectors), InLane(b, selectors));
    }

    /// <summary>SHUFPD: a qword of <c>a</c>, then one of <c>b</c>.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<ulong> TwoQwords(Vector128<ulong> a, Vector128<ulong> b, uint control)
    {
        Vector128<ulong> selectors = QwordSelectors(control);
        return Vector128.ConditionalSelect(Vector128.Create(ulong.MaxValue, 0), InLane(a, selectors), InLane(b, selectors));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<ulong> TwoQwords(Vector256<ulong> a, Vector256<ulong> b, uint control)
    {
        Vector256<ulong> selectors = Vector256.Create(QwordSelectors(control), QwordSelectors(control >> 2));
        return Vector256.ConditionalSelect(Vector256.Create(ulong.MaxValue, 0, ulong.MaxValue, 0), InLane(a, selectors), InLane(b, selectors));
    }

    /// <summary>VPERMD: dword i is dword <c>control[i] &amp; 7</c> of the whole vector.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<uint> AcrossLanes(Vector256<uint> control, Vector256<uint> v) => Avx2.IsSupported
        ? Avx2.PermuteVar8x32(v, control)
        : Vector256.Shuffle(v, control & Vector256.Create(7u));

    /// <summary>VPERMQ.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<ulong> QwordsAcrossLanes(Vector256<ulong> v, uint control)
    {
        Vector256<uint> chosen = Vector256.Create(control & 3, control & 3, (control >> 2) & 3, (control >> 2) & 3, (control >> 4) & 3, (control >> 4) & 3, (control >> 6) & 3, (control >> 6) & 3);
        return AcrossLanes(chosen + chosen + Vector256.Create(0u, 1, 0, 1, 0, 1, 0, 1), v.AsUInt32()).AsUInt64();
    }

    /// <summary>VPERM2I128: each half of the result is a half of <c>a</c> or <c>b</c>, or 0.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<byte> Halves(Vector256<byte> a, Vector256<byte> b, uint control) =>
        Vector256.Create(Half(a, b, control), Half(a, b, control >> 4));

    /// <summary>PALIGNR: 16 bytes from byte <paramref name="count"/> of b and then a.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<byte> Align(Vector128<byte> a, Vector128<byte> b, uint count) =>
        Bytes(b, Slide(16 + Math.Min(count, 16))) | Bytes(a, Slide(Math.Min(count, 32)));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<byte> Align(Vector256<byte> a, Vector256<byte> b, uint count) =>
        Bytes(b, Twice(Slide(16 + Math.Min(count, 16)))) | Bytes(a, Twice(Slide(Math.Min(count, 32))));

    /// <summary>PSLLDQ.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<byte> SlideUp(Vector128<byte> v, uint count) => Bytes(v, Slide(16 - Math.Min(count, 16)));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<byte> SlideUp(Vector256<byte> v, uint count) => Bytes(v, Twice(Slide(16 - Math.Min(count, 16))));

    /// <summary>PSRLDQ.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<byte> SlideDown(Vector128<byte> v, uint count) => Bytes(v, Slide(16 + Math.Min(count, 16)));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<byte> SlideDown(Vector256<byte> v, uint count) => Bytes(v, Twice(Slide(16 + Math.Min(count, 16))));

    /// <summary>Both lanes the same.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<byte> Twice(Vector128<byte> v) => Vector256.Create(v, v);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<uint> Twice(Vector128<uint> v) => Vector256.Create(v, v);

    /// <summary>
    /// Control of a byte shuffle: byte i comes from i + offset - 16 where there is such a byte, otherwise it is 0. Computed, not
    /// loaded: a span takes calls in precompiled code, whose handlers could then not end in a jump.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<byte> Slide(uint offset)
    {
        Vector128<sbyte> from = Vector128.Create((sbyte)(offset - 16)) + Vector128.Create((sbyte)0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
        return (from | Vector128.GreaterThan(from, Vector128.Create((sbyte)15))).AsByte();
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<byte> Half(Vector256<byte> a, Vector256<byte> b, uint selector)
    {
        Vector256<byte> source = (selector & 2) != 0 ? b : a;
        Vector128<byte> half = (selector & 1) != 0 ? source.GetUpper() : source.GetLower();
        return (selector & 8) != 0 ? Vector128<byte>.Zero : half;
    }

    /// <summary>The two-bit fields of an immediate, one for each dword; bits above the field are left in.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<uint> DwordSelectors(uint control) =>
        PackedShift.RightEach(Vector128.Create(control), Vector128.Create(0u, 2, 4, 6));

    /// <summary>Bits 0 and 1 of an immediate, as bit 1 of each qword.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<ulong> QwordSelectors(uint control) => Vector128.Create((ulong)control << 1, control);

    /// <summary>Byte-shuffle control for the four words that the two-bit fields of an immediate choose.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static ulong WordSelectors(uint control)
    {
        ulong fields = (control & 3) | ((control & 0xcul) << 14) | ((control & 0x30ul) << 28) | ((control & 0xc0ul) << 42);
        return (fields * 0x0202) + 0x0100010001000100;
    }
}
