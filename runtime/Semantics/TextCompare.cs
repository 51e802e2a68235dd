using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Jitvmm.Runtime.Semantics;

/// <summary>
/// PCMPESTRI, PCMPESTRM, PCMPISTRI and PCMPISTRM (SDM vol. 2B, 4.1). A comparison gives its IntRes2 in bits 15:0,
/// and in bits 16 and 17 whether the second and the first operand end within their vectors.
/// </summary>
public static class TextCompare
{
    public const int SecondEndsBit = 16;
    public const int FirstEndsBit = 17;

    private const uint Words = 1;
    private const uint Signed = 2;

    /// <summary>Operands that end at the first element of 0.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    public static uint Implicit(Vector128<byte> a, Vector128<byte> b, uint control) =>
        Compare(a, b, ZeroIndex(a, control), ZeroIndex(b, control), control);

    /// <summary>Operands of given lengths, whose sign does not count.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    public static uint Explicit(Vector128<byte> a, Vector128<byte> b, long lengthA, long lengthB, uint control) =>
        Compare(a, b, Saturate(lengthA, control), Saturate(lengthB, control), control);

    /// <summary>What the index forms leave in ECX: the first or last element found, or their number.</summary>
    public static uint Index(uint result, uint control)
    {
        uint found = result & 0xffff;
        if (found == 0)
        {
            return (uint)Count(control);
        }

        return (control & 0x40) != 0 ? (uint)BitOperations.Log2(found) : (uint)BitOperations.TrailingZeroCount(found);
    }

    /// <summary>What the mask forms leave in XMM0: the bits, or a mask of elements.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    public static Vector128<byte> Mask(uint result, uint control)
    {
        uint found = result & 0xffff;
        if ((control & 0x40) == 0)
        {
            return Vector128.CreateScalar(found).AsByte();
        }

        if ((control & Words) != 0)
        {
            Vector128<ushort> wordBits = Vector128.Create((ushort)1, 2, 4, 8, 16, 32, 64, 128);
            return Vector128.Equals(Vector128.Create((ushort)found) & wordBits, wordBits).AsByte();
        }

        Vector128<byte> bits = Vector128.Create(0x8040201008040201).AsByte();
        Vector128<byte> spread = Vector128.Create((found & 0xff) * 0x0101010101010101, (found >> 8) * 0x0101010101010101).AsByte();
        return Vector128.Equals(spread & bits, bits);
    }

    private static int Count(uint control) => (control & Words) != 0 ? 8 : 16;

    private static int Saturate(long length, uint control)
    {
        int count = Count(control);
        return length > count || length < -count ? count : (int)Math.Abs(length);
    }

    private static int ZeroIndex(Vector128<byte> v, uint control)
    {
        uint zeros = EqualTo(v, Vector128<byte>.Zero, control);
        return zeros == 0 ? Count(control) : BitOperations.TrailingZeroCount(zeros);
    }

    private static uint Compare(Vector128<byte> a, Vector128<byte> b, int lengthA, int lengthB, uint control)
    {
        uint all = (1u << Count(control)) - 1;
        uint validA = (1u << lengthA) - 1;
        uint validB = (1u << lengthB) - 1;
        uint found = ((control >> 2) & 3) switch
        {
            0 => EqualAny(a, b, lengthA, control) & validB,
            1 => InRanges(a, b, lengthA, control) & validB,
            2 => (EqualTo(a, b, control) & validA & validB) | (all & ~validA & ~validB),
            _ => EqualOrdered(a, b, lengthA, validB, all, control),
        };
        found ^= ((control >> 4) & 3) switch
        {
            1 => all,
            3 => validB,
            _ => 0,
        };
        return found | (validB != all ? 1u << SecondEndsBit : 0) | (validA != all ? 1u << FirstEndsBit : 0);
    }

    /// <summary>Elements of b that are one of the set a.</summary>
    private static uint EqualAny(Vector128<byte> a, Vector128<byte> b, int lengthA, uint control)
    {
        uint found = 0;
        for (int i = 0; i < lengthA; i++)
        {
            found |= EqualTo(b, Repeat(a, i, control), control);
        }

        return found;
    }

    /// <summary>Elements of b between two neighbours of a.</summary>
    private static uint InRanges(Vector128<byte> a, Vector128<byte> b, int lengthA, uint control)
    {
        uint found = 0;
        for (int i = 0; i + 1 < lengthA; i += 2)
        {
            found |= AtLeast(b, Repeat(a, i, control), control) & AtLeast(Repeat(a, i + 1, control), b, control);
        }

        return found;
    }

    /// <summary>Where a begins within b; a match may run beyond the vector's end.</summary>
    private static uint EqualOrdered(Vector128<byte> a, Vector128<byte> b, int lengthA, uint validB, uint all, uint control)
    {
        uint found = all;
        for (int i = 0; i < lengthA; i++)
        {
            uint equal = EqualTo(b, Repeat(a, i, control), control) & validB;
            found &= (equal >> i) | (all & ~(all >> i));
        }

        return found;
    }

    private static Vector128<byte> Repeat(Vector128<byte> v, int index, uint control) => (control & Words) != 0
        ? Vector128.Create(v.AsUInt16().GetElement(index)).AsByte()
        : Vector128.Create(v.GetElement(index));

    private static uint EqualTo(Vector128<byte> a, Vector128<byte> b, uint control) => (control & Words) != 0
        ? Vector128.Equals(a.AsUInt16(), b.AsUInt16()).ExtractMostSignificantBits()
        : Vector128.Equals(a, b).ExtractMostSignificantBits();

    private static uint AtLeast(Vector128<byte> a, Vector128<byte> b, uint control) => (control & (Words | Signed)) switch
    {
        0 => Vector128.GreaterThanOrEqual(a, b).ExtractMostSignificantBits(),
        Words => Vector128.GreaterThanOrEqual(a.AsUInt16(), b.AsUInt16()).ExtractMostSignificantBits(),
        Signed => Vector128.GreaterThanOrEqual(a.AsSByte(), b.AsSByte()).ExtractMostSignificantBits(),
        _ => Vector128.GreaterThanOrEqual(a.AsInt16(), b.AsInt16()).ExtractMostSignificantBits(),
    };
}
