using System.Buffers.Binary;
using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics.X86;

namespace Jitvmm.Runtime.Semantics;

/// <summary>Bit counting, scanning, gathering and byte order; each is one host instruction where the host has it.</summary>
public static class BitSemantics
{
    public static uint Swap16(uint value) => BinaryPrimitives.ReverseEndianness((ushort)value);

    public static uint Swap32(uint value) => BinaryPrimitives.ReverseEndianness(value);

    public static ulong Swap64(ulong value) => BinaryPrimitives.ReverseEndianness(value);

    public static uint PopCount32(uint value) => (uint)BitOperations.PopCount(value);

    public static ulong PopCount64(ulong value) => (ulong)BitOperations.PopCount(value);

    /// <summary>Trailing zeros; the width for 0.</summary>
    public static uint TrailingZeros32(uint value) => (uint)BitOperations.TrailingZeroCount(value);

    public static ulong TrailingZeros64(ulong value) => (ulong)BitOperations.TrailingZeroCount(value);

    public static uint LeadingZeros32(uint value) => (uint)BitOperations.LeadingZeroCount(value);

    public static ulong LeadingZeros64(ulong value) => (ulong)BitOperations.LeadingZeroCount(value);

    public static uint RotateLeft32(uint value, int count) => BitOperations.RotateLeft(value, count);

    public static ulong RotateLeft64(ulong value, int count) => BitOperations.RotateLeft(value, count);

    public static uint RotateRight32(uint value, int count) => BitOperations.RotateRight(value, count);

    public static ulong RotateRight64(ulong value, int count) => BitOperations.RotateRight(value, count);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ulong Deposit64(ulong source, ulong mask)
    {
        if (Bmi2.X64.IsSupported)
        {
            return Bmi2.X64.ParallelBitDeposit(source, mask);
        }

        ulong result = 0;
        for (; mask != 0; mask &= mask - 1, source >>= 1)
        {
            result |= (source & 1) != 0 ? mask & (0 - mask) : 0;
        }

        return result;
    }

    public static uint Deposit32(uint source, uint mask) => (uint)Deposit64(source, mask);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ulong Extract64(ulong source, ulong mask)
    {
        if (Bmi2.X64.IsSupported)
        {
            return Bmi2.X64.ParallelBitExtract(source, mask);
        }

        ulong result = 0;
        for (ulong bit = 1; mask != 0; mask &= mask - 1, bit <<= 1)
        {
            result |= (source & mask & (0 - mask)) != 0 ? bit : 0;
        }

        return result;
    }

    public static uint Extract32(uint source, uint mask) => (uint)Extract64(source, mask);

    /// <summary>BEXTR's field: <paramref name="control"/> holds start in bits 0–7 and length in 8–15.</summary>
    public static ulong ExtractField64(ulong source, ulong control)
    {
        int start = (int)(control & 0xff);
        int length = (int)((control >> 8) & 0xff);
        ulong shifted = start >= 64 ? 0 : source >> start;
        return length >= 64 ? shifted : shifted & ((1ul << length) - 1);
    }

    public static uint ExtractField32(uint source, uint control) => (uint)ExtractField64(source, control);

    /// <summary>BZHI: clears the bits from index (low 8 bits) up; the whole width when the index reaches it.</summary>
    public static ulong ClearFrom64(ulong source, ulong index)
    {
        int from = (int)(index & 0xff);
        return from >= 64 ? source : source & ((1ul << from) - 1);
    }

    public static uint ClearFrom32(uint source, uint index)
    {
        int from = (int)(index & 0xff);
        return from >= 32 ? source : source & ((1u << from) - 1);
    }

    /// <summary>Upper half of the product. Not <see cref="Math.BigMul(ulong, ulong, out ulong)"/>: handlers that take an address cannot end in a jump.</summary>
    public static ulong MultiplyHigh(ulong a, ulong b) => Bmi2.X64.IsSupported ? Bmi2.X64.MultiplyNoFlags(a, b) : MultiplyHighPortably(a, b);

    public static ulong MultiplyHighSigned(ulong a, ulong b) =>
        MultiplyHigh(a, b) - ((ulong)((long)a >> 63) & b) - ((ulong)((long)b >> 63) & a);

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static ulong MultiplyHighPortably(ulong a, ulong b) => Math.BigMul(a, b, out _);

    private static readonly uint[] s_crc32C = BuildCrc32C();

    /// <summary>CRC-32C step over the low <paramref name="bytes"/> bytes of <paramref name="data"/>.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static uint Crc32C(uint crc, ulong data, int bytes)
    {
        for (int i = 0; i < bytes; i++, data >>= 8)
        {
            crc = (crc >> 8) ^ s_crc32C[(byte)(crc ^ data)];
        }

        return crc;
    }

    public static uint Crc8(uint crc, uint data) => Sse42.IsSupported ? Sse42.Crc32(crc, (byte)data) : Crc32C(crc, data, 1);

    public static uint Crc16(uint crc, uint data) => Sse42.IsSupported ? Sse42.Crc32(crc, (ushort)data) : Crc32C(crc, data, 2);

    public static uint Crc32(uint crc, uint data) => Sse42.IsSupported ? Sse42.Crc32(crc, data) : Crc32C(crc, data, 4);

    public static uint Crc64(uint crc, ulong data) => Sse42.X64.IsSupported ? (uint)Sse42.X64.Crc32(crc, data) : Crc32C(crc, data, 8);

    private static uint[] BuildCrc32C()
    {
        const uint Polynomial = 0x82F63B78;
        uint[] table = new uint[256];
        for (uint i = 0; i < table.Length; i++)
        {
            uint crc = i;
            for (int bit = 0; bit < 8; bit++)
            {
                crc = (crc & 1) != 0 ? (crc >> 1) ^ Polynomial : crc >> 1;
            }

            table[i] = crc;
        }

        return table;
    }
}
