using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Jitvmm.Runtime.Semantics;

/// <summary>Choosing, inserting and extracting elements, and tests on whole vectors.</summary>
public static class PackedSelect
{
    /// <summary>PBLENDW: words of <c>b</c> where the control has a bit set.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<ushort> Blend(Vector128<ushort> a, Vector128<ushort> b, uint control)
    {
        Vector128<ushort> bits = Vector128.Create((ushort)1, 2, 4, 8, 16, 32, 64, 128);
        return Vector128.ConditionalSelect(Vector128.Equals(Vector128.Create((ushort)control) & bits, bits), b, a);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<ushort> Blend(Vector256<ushort> a, Vector256<ushort> b, uint control)
    {
        Vector256<ushort> bits = Vector256.Create((ushort)1, 2, 4, 8, 16, 32, 64, 128, 1, 2, 4, 8, 16, 32, 64, 128);
        return Vector256.ConditionalSelect(Vector256.Equals(Vector256.Create((ushort)control) & bits, bits), b, a);
    }

    /// <summary>BLENDPS, VPBLENDD.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<uint> Blend(Vector128<uint> a, Vector128<uint> b, uint control)
    {
        Vector128<uint> bits = Vector128.Create(1u, 2, 4, 8);
        return Vector128.ConditionalSelect(Vector128.Equals(Vector128.Create((uint)control) & bits, bits), b, a);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<uint> Blend(Vector256<uint> a, Vector256<uint> b, uint control)
    {
        Vector256<uint> bits = Vector256.Create(1u, 2, 4, 8, 16, 32, 64, 128);
        return Vector256.ConditionalSelect(Vector256.Equals(Vector256.Create((uint)control) & bits, bits), b, a);
    }

    /// <summary>BLENDPD.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<ulong> Blend(Vector128<ulong> a, Vector128<ulong> b, uint control)
    {
        Vector128<ulong> bits = Vector128.Create(1ul, 2);
        return Vector128.ConditionalSelect(Vector128.Equals(Vector128.Create((ulong)control) & bits, bits), b, a);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<ulong> Blend(Vector256<ulong> a, Vector256<ulong> b, uint control)
    {
        Vector256<ulong> bits = Vector256.Create(1ul, 2, 4, 8);
        return Vector256.ConditionalSelect(Vector256.Equals(Vector256.Create((ulong)control) & bits, bits), b, a);
    }

    /// <summary>BLENDV: elements of <c>b</c> where the top bit of the mask's is set.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<byte> BlendBySign(Vector128<byte> a, Vector128<byte> b, Vector128<byte> mask) => Sse41.IsSupported
        ? Sse41.BlendVariable(a, b, mask)
        : Vector128.ConditionalSelect(Vector128.LessThan(mask.AsSByte(), Vector128<sbyte>.Zero).AsByte(), b, a);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<byte> BlendBySign(Vector256<byte> a, Vector256<byte> b, Vector256<byte> mask) => Avx2.IsSupported
        ? Avx2.BlendVariable(a, b, mask)
        : Vector256.ConditionalSelect(Vector256.LessThan(mask.AsSByte(), Vector256<sbyte>.Zero).AsByte(), b, a);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<uint> BlendBySign(Vector128<uint> a, Vector128<uint> b, Vector128<uint> mask) => Sse41.IsSupported
        ? Sse41.BlendVariable(a.AsSingle(), b.AsSingle(), mask.AsSingle()).AsUInt32()
        : Vector128.ConditionalSelect(Vector128.LessThan(mask.AsInt32(), Vector128<int>.Zero).AsUInt32(), b, a);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<uint> BlendBySign(Vector256<uint> a, Vector256<uint> b, Vector256<uint> mask) => Avx.IsSupported
        ? Avx.BlendVariable(a.AsSingle(), b.AsSingle(), mask.AsSingle()).AsUInt32()
        : Vector256.ConditionalSelect(Vector256.LessThan(mask.AsInt32(), Vector256<int>.Zero).AsUInt32(), b, a);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<ulong> BlendBySign(Vector128<ulong> a, Vector128<ulong> b, Vector128<ulong> mask) => Sse41.IsSupported
        ? Sse41.BlendVariable(a.AsDouble(), b.AsDouble(), mask.AsDouble()).AsUInt64()
        : Vector128.ConditionalSelect(Vector128.LessThan(mask.AsInt64(), Vector128<long>.Zero).AsUInt64(), b, a);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<ulong> BlendBySign(Vector256<ulong> a, Vector256<ulong> b, Vector256<ulong> mask) => Avx.IsSupported
        ? Avx.BlendVariable(a.AsDouble(), b.AsDouble(), mask.AsDouble()).AsUInt64()
        : Vector256.ConditionalSelect(Vector256.LessThan(mask.AsInt64(), Vector256<long>.Zero).AsUInt64(), b, a);

    /// <summary>MOVSS between registers: the low dword of <c>b</c> into <c>a</c>.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<uint> MergeLow(Vector128<uint> a, Vector128<uint> b) =>
        Sse.IsSupported ? Sse.MoveScalar(a.AsSingle(), b.AsSingle()).AsUInt32() : a.WithElement(0, b.ToScalar());

    /// <summary>MOVSD between registers.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<ulong> MergeLow(Vector128<ulong> a, Vector128<ulong> b) =>
        Sse2.IsSupported ? Sse2.MoveScalar(a.AsDouble(), b.AsDouble()).AsUInt64() : a.WithElement(0, b.ToScalar());

    /// <summary>PINSRB.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<byte> Insert8(Vector128<byte> v, uint value, uint index) => Vector128.ConditionalSelect(
        Vector128.Equals(Vector128.Create((byte)(index & 15)), Vector128<byte>.Indices), Vector128.Create((byte)value), v);

    /// <summary>PINSRW.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<ushort> Insert16(Vector128<ushort> v, uint value, uint index) => Vector128.ConditionalSelect(
        Vector128.Equals(Vector128.Create((ushort)(index & 7)), Vector128<ushort>.Indices), Vector128.Create((ushort)value), v);

    /// <summary>PINSRD.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<uint> Insert32(Vector128<uint> v, uint value, uint index) => Vector128.ConditionalSelect(
        Vector128.Equals(Vector128.Create(index & 3), Vector128<uint>.Indices), Vector128.Create(value), v);

    /// <summary>PINSRQ.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<ulong> Insert64(Vector128<ulong> v, ulong value, uint index) => Vector128.ConditionalSelect(
        Vector128.Equals(Vector128.Create((ulong)(index & 1)), Vector128<ulong>.Indices), Vector128.Create(value), v);

    /// <summary>INSERTPS: control bits 5:4 place the value, bits 3:0 clear elements.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<uint> InsertAndClear(Vector128<uint> v, uint value, uint control)
    {
        Vector128<uint> bits = Vector128.Create(1u, 2, 4, 8);
        return Insert32(v, value, control >> 4) & Vector128.Equals(Vector128.Create(control) & bits, Vector128<uint>.Zero);
    }

    /// <summary>PEXTRB.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static uint Extract8(Vector128<byte> v, uint index) =>
        PackedShuffle.Bytes(v, Vector128.CreateScalar(index & 15).AsByte()).ToScalar();

    /// <summary>PEXTRW.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static uint Extract16(Vector128<byte> v, uint index) =>
        PackedShuffle.Bytes(v, Vector128.CreateScalar(((index & 7) * 0x202) + 0x100).AsByte()).AsUInt16().ToScalar();

    /// <summary>PEXTRD, EXTRACTPS.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static uint Extract32(Vector128<uint> v, uint index) =>
        PackedShuffle.InLane(v, Vector128.CreateScalar(index & 3)).ToScalar();

    /// <summary>PEXTRQ.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ulong Extract64(Vector128<ulong> v, uint index) => (index & 1) != 0 ? v.GetElement(1) : v.ToScalar();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ulong HighQword(Vector128<ulong> v) => v.GetElement(1);

    /// <summary>VINSERTI128.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<byte> InsertHalf(Vector256<byte> v, Vector128<byte> half, uint control) =>
        (control & 1) != 0 ? v.WithUpper(half) : v.WithLower(half);

    /// <summary>VEXTRACTI128.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<byte> ExtractHalf(Vector256<byte> v, uint control) => (control & 1) != 0 ? v.GetUpper() : v.GetLower();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<byte> Join(Vector128<byte> low, Vector128<byte> high) => Vector256.Create(low, high);

    /// <summary>Whether a AND b has a bit set: PTEST's ZF is the opposite.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool AnyBoth(Vector128<ulong> a, Vector128<ulong> b) => (a & b) != Vector128<ulong>.Zero;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool AnyBoth(Vector256<ulong> a, Vector256<ulong> b) => (a & b) != Vector256<ulong>.Zero;

    /// <summary>Whether b has no bit set that a has not: PTEST's CF.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool Covers(Vector128<ulong> a, Vector128<ulong> b) => Vector128.AndNot(b, a) == Vector128<ulong>.Zero;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool Covers(Vector256<ulong> a, Vector256<ulong> b) => Vector256.AndNot(b, a) == Vector256<ulong>.Zero;
}
