using System.Buffers.Binary;

namespace Jitvmm.Runtime.Semantics;

public readonly partial struct Float80
{
    /// <summary>Bytes of the packed decimal format: eighteen digits and a sign (SDM vol. 1, 4.2.3).</summary>
    public const int PackedBcdSize = 10;

    private const ulong LargestPackedBcd = 999_999_999_999_999_999;

    /// <summary>Reads packed decimal. Digits above 9 count as their value, as hardware does where the manual leaves them undefined.</summary>
    public static unsafe Float80 FromPackedBcd(byte* source)
    {
        ulong magnitude = 0;
        for (int i = 8; i >= 0; i--)
        {
            magnitude = magnitude * 100 + (uint)(source[i] >> 4) * 10 + (source[i] & 15u);
        }

        uint sign = (source[9] & 0x80u) << 8;
        Float80 value = FromInt64((long)magnitude);
        return new Float80(value.SignExponent | sign, value.Significand);
    }

    /// <summary>Rounds to eighteen decimal digits; too large is invalid and gives the packed indefinite.</summary>
    public static unsafe void ToPackedBcd(Float80 a, byte* destination, ref X87Context context)
    {
        if (!TryRoundMagnitude(a, ref context, out ulong magnitude, out uint flags) || magnitude > LargestPackedBcd)
        {
            context.Flags |= X87Context.Invalid;
            BinaryPrimitives.WriteUInt64LittleEndian(new Span<byte>(destination, 8), 0xc000000000000000);
            BinaryPrimitives.WriteUInt16LittleEndian(new Span<byte>(destination + 8, 2), 0xffff);
            return;
        }

        context.Flags |= flags;
        for (int i = 0; i < 9; i++)
        {
            (magnitude, ulong pair) = Math.DivRem(magnitude, 100);
            (ulong tens, ulong ones) = Math.DivRem(pair, 10);
            destination[i] = (byte)((tens << 4) | ones);
        }

        destination[9] = (byte)(a.Sign >> 8);
    }
}
