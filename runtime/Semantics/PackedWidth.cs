using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Jitvmm.Runtime.Semantics;

/// <summary>Packing to half the width, and extension to a larger one.</summary>
public static class PackedWidth
{
    /// <summary>PACKSSWB: signed saturation, <c>a</c> low and <c>b</c> high in each lane.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<sbyte> PackSigned(Vector128<short> a, Vector128<short> b) => Sse2.IsSupported
        ? Sse2.PackSignedSaturate(a, b)
        : Vector128.NarrowWithSaturation(a, b);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<sbyte> PackSigned(Vector256<short> a, Vector256<short> b) => Avx2.IsSupported
        ? Avx2.PackSignedSaturate(a, b)
        : Vector256.Create(PackSigned(a.GetLower(), b.GetLower()), PackSigned(a.GetUpper(), b.GetUpper()));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<short> PackSigned(Vector128<int> a, Vector128<int> b) => Sse2.IsSupported
        ? Sse2.PackSignedSaturate(a, b)
        : Vector128.NarrowWithSaturation(a, b);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<short> PackSigned(Vector256<int> a, Vector256<int> b) => Avx2.IsSupported
        ? Avx2.PackSignedSaturate(a, b)
        : Vector256.Create(PackSigned(a.GetLower(), b.GetLower()), PackSigned(a.GetUpper(), b.GetUpper()));

    /// <summary>PACKUSWB: signed elements saturated to unsigned ones.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<byte> PackUnsigned(Vector128<short> a, Vector128<short> b) => Sse2.IsSupported
        ? Sse2.PackUnsignedSaturate(a, b)
        : Vector128.Narrow(Clamp(a, byte.MaxValue).AsUInt16(), Clamp(b, byte.MaxValue).AsUInt16());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<byte> PackUnsigned(Vector256<short> a, Vector256<short> b) => Avx2.IsSupported
        ? Avx2.PackUnsignedSaturate(a, b)
        : Vector256.Create(PackUnsigned(a.GetLower(), b.GetLower()), PackUnsigned(a.GetUpper(), b.GetUpper()));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<ushort> PackUnsigned(Vector128<int> a, Vector128<int> b) => Sse41.IsSupported
        ? Sse41.PackUnsignedSaturate(a, b)
        : Vector128.Narrow(Clamp(a, ushort.MaxValue).AsUInt32(), Clamp(b, ushort.MaxValue).AsUInt32());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<ushort> PackUnsigned(Vector256<int> a, Vector256<int> b) => Avx2.IsSupported
        ? Avx2.PackUnsignedSaturate(a, b)
        : Vector256.Create(PackUnsigned(a.GetLower(), b.GetLower()), PackUnsigned(a.GetUpper(), b.GetUpper()));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<short> SByteToInt16(Vector128<sbyte> v) => Sse41.IsSupported ? Sse41.ConvertToVector128Int16(v) : Vector128.WidenLower(v);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<short> SByteToInt16Wide(Vector128<sbyte> v) => Avx2.IsSupported
        ? Avx2.ConvertToVector256Int16(v)
        : Vector256.Create(Vector128.WidenLower(v), Vector128.WidenUpper(v));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<int> SByteToInt32(Vector128<sbyte> v) => Sse41.IsSupported ? Sse41.ConvertToVector128Int32(v) : Vector128.WidenLower(Vector128.WidenLower(v));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<int> SByteToInt32Wide(Vector128<sbyte> v) => Avx2.IsSupported
        ? Avx2.ConvertToVector256Int32(v)
        : Vector256.Create(Vector128.WidenLower(Vector128.WidenLower(v)), Vector128.WidenUpper(Vector128.WidenLower(v)));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<long> SByteToInt64(Vector128<sbyte> v) => Sse41.IsSupported ? Sse41.ConvertToVector128Int64(v) : Vector128.WidenLower(Vector128.WidenLower(Vector128.WidenLower(v)));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<long> SByteToInt64Wide(Vector128<sbyte> v) => Avx2.IsSupported
        ? Avx2.ConvertToVector256Int64(v)
        : Vector256.Create(Vector128.WidenLower(Vector128.WidenLower(Vector128.WidenLower(v))), Vector128.WidenUpper(Vector128.WidenLower(Vector128.WidenLower(v))));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<int> Int16ToInt32(Vector128<short> v) => Sse41.IsSupported ? Sse41.ConvertToVector128Int32(v) : Vector128.WidenLower(v);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<int> Int16ToInt32Wide(Vector128<short> v) => Avx2.IsSupported
        ? Avx2.ConvertToVector256Int32(v)
        : Vector256.Create(Vector128.WidenLower(v), Vector128.WidenUpper(v));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<long> Int16ToInt64(Vector128<short> v) => Sse41.IsSupported ? Sse41.ConvertToVector128Int64(v) : Vector128.WidenLower(Vector128.WidenLower(v));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<long> Int16ToInt64Wide(Vector128<short> v) => Avx2.IsSupported
        ? Avx2.ConvertToVector256Int64(v)
        : Vector256.Create(Vector128.WidenLower(Vector128.WidenLower(v)), Vector128.WidenUpper(Vector128.WidenLower(v)));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<long> Int32ToInt64(Vector128<int> v) => Sse41.IsSupported ? Sse41.ConvertToVector128Int64(v) : Vector128.WidenLower(v);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<long> Int32ToInt64Wide(Vector128<int> v) => Avx2.IsSupported
        ? Avx2.ConvertToVector256Int64(v)
        : Vector256.Create(Vector128.WidenLower(v), Vector128.WidenUpper(v));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<ushort> ByteToUInt16(Vector128<byte> v) => Sse41.IsSupported ? Sse41.ConvertToVector128Int16(v).AsUInt16() : Vector128.WidenLower(v);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<ushort> ByteToUInt16Wide(Vector128<byte> v) => Avx2.IsSupported
        ? Avx2.ConvertToVector256Int16(v).AsUInt16()
        : Vector256.Create(Vector128.WidenLower(v), Vector128.WidenUpper(v));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<uint> ByteToUInt32(Vector128<byte> v) => Sse41.IsSupported ? Sse41.ConvertToVector128Int32(v).AsUInt32() : Vector128.WidenLower(Vector128.WidenLower(v));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<uint> ByteToUInt32Wide(Vector128<byte> v) => Avx2.IsSupported
        ? Avx2.ConvertToVector256Int32(v).AsUInt32()
        : Vector256.Create(Vector128.WidenLower(Vector128.WidenLower(v)), Vector128.WidenUpper(Vector128.WidenLower(v)));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<ulong> ByteToUInt64(Vector128<byte> v) => Sse41.IsSupported ? Sse41.ConvertToVector128Int64(v).AsUInt64() : Vector128.WidenLower(Vector128.WidenLower(Vector128.WidenLower(v)));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<ulong> ByteToUInt64Wide(Vector128<byte> v) => Avx2.IsSupported
        ? Avx2.ConvertToVector256Int64(v).AsUInt64()
        : Vector256.Create(Vector128.WidenLower(Vector128.WidenLower(Vector128.WidenLower(v))), Vector128.WidenUpper(Vector128.WidenLower(Vector128.WidenLower(v))));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<uint> UInt16ToUInt32(Vector128<ushort> v) => Sse41.IsSupported ? Sse41.ConvertToVector128Int32(v).AsUInt32() : Vector128.WidenLower(v);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<uint> UInt16ToUInt32Wide(Vector128<ushort> v) => Avx2.IsSupported
        ? Avx2.ConvertToVector256Int32(v).AsUInt32()
        : Vector256.Create(Vector128.WidenLower(v), Vector128.WidenUpper(v));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<ulong> UInt16ToUInt64(Vector128<ushort> v) => Sse41.IsSupported ? Sse41.ConvertToVector128Int64(v).AsUInt64() : Vector128.WidenLower(Vector128.WidenLower(v));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<ulong> UInt16ToUInt64Wide(Vector128<ushort> v) => Avx2.IsSupported
        ? Avx2.ConvertToVector256Int64(v).AsUInt64()
        : Vector256.Create(Vector128.WidenLower(Vector128.WidenLower(v)), Vector128.WidenUpper(Vector128.WidenLower(v)));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<ulong> UInt32ToUInt64(Vector128<uint> v) => Sse41.IsSupported ? Sse41.ConvertToVector128Int64(v).AsUInt64() : Vector128.WidenLower(v);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<ulong> UInt32ToUInt64Wide(Vector128<uint> v) => Avx2.IsSupported
        ? Avx2.ConvertToVector256Int64(v).AsUInt64()
        : Vector256.Create(Vector128.WidenLower(v), Vector128.WidenUpper(v));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<short> Clamp(Vector128<short> v, short limit) =>
        Vector128.Min(Vector128.Max(v, Vector128<short>.Zero), Vector128.Create(limit));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<int> Clamp(Vector128<int> v, int limit) =>
        Vector128.Min(Vector128.Max(v, Vector128<int>.Zero), Vector128.Create(limit));
}
