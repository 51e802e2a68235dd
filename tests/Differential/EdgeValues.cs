using System.Runtime.CompilerServices;

namespace Jitvmm.Tests.Differential;

/// <summary>How the lanes of a vector or memory operand are filled.</summary>
public enum LaneKind
{
    Integer,
    Half,
    Single,
    Double,
    Extended,
}

/// <summary>Operand values where instructions go wrong: boundaries of every width and class, and plain random ones.</summary>
public static unsafe class EdgeValues
{
    private static readonly ulong[] s_integers =
    [
        0, 1, 2, 3, 7, 8, 15, 16, 31, 32, 63, 64, 127, 128, 255, 256, 0x7fff, 0x8000, 0xffff, 0x1_0000, 0x7fff_ffff, 0x8000_0000,
        0xffff_ffff, 0x1_0000_0000, 0x7fff_ffff_ffff_ffff, 0x8000_0000_0000_0000, ulong.MaxValue, ulong.MaxValue - 1,
        0xffff_ffff_8000_0000, 0xffff_ffff_ffff_8000, 0xffff_ffff_ffff_ff80, 0x5555_5555_5555_5555, 0xaaaa_aaaa_aaaa_aaaa,
        0x8080_8080_8080_8080, 0x7f7f_7f7f_7f7f_7f7f, 0x0123_4567_89ab_cdef, 0x8000_8000_8000_8000, 0x8000_0000_8000_0000,
    ];

    private static readonly uint[] s_singles =
    [
        0, 0x8000_0000, 0x3f80_0000, 0xbf80_0000, 0x4000_0000, 0x3f00_0000, 0xbf00_0000, 0x3fc0_0000, 0x4020_0000, 1, 0x8000_0001,
        0x007f_ffff, 0x807f_ffff, 0x0080_0000, 0x8080_0000, 0x7f7f_ffff, 0xff7f_ffff, 0x7f80_0000, 0xff80_0000, 0x7fc0_0000, 0xffc0_0000,
        0x7f80_0001, 0xffbf_ffff, 0x7fff_ffff, 0x4f00_0000, 0xcf00_0000, 0x4eff_ffff, 0xcf00_0001, 0x4f80_0000, 0x5f00_0000, 0xdf00_0000,
        0x5eff_ffff, 0x4b7f_ffff, 0x4b80_0000, 0x3f7f_ffff, 0x3f80_0001, 0x477f_e000, 0x477f_f000, 0x3880_0000, 0x3300_0000,
    ];

    private static readonly ulong[] s_doubles =
    [
        0, 0x8000_0000_0000_0000, 0x3ff0_0000_0000_0000, 0xbff0_0000_0000_0000, 0x4000_0000_0000_0000, 0x3fe0_0000_0000_0000, 0xbfe0_0000_0000_0000,
        0x3ff8_0000_0000_0000, 0x4004_0000_0000_0000, 1, 0x8000_0000_0000_0001, 0x000f_ffff_ffff_ffff, 0x0010_0000_0000_0000, 0x8010_0000_0000_0000,
        0x7fef_ffff_ffff_ffff, 0xffef_ffff_ffff_ffff, 0x7ff0_0000_0000_0000, 0xfff0_0000_0000_0000, 0x7ff8_0000_0000_0000, 0xfff8_0000_0000_0000,
        0x7ff0_0000_0000_0001, 0xfff7_ffff_ffff_ffff, 0x7fff_ffff_ffff_ffff, 0x41df_ffff_ffc0_0000, 0x41e0_0000_0000_0000, 0xc1e0_0000_0000_0000,
        0xc1e0_0000_0020_0000, 0x41df_ffff_ffe0_0000, 0x43e0_0000_0000_0000, 0xc3e0_0000_0000_0000, 0x43df_ffff_ffff_ffff, 0x4330_0000_0000_0000,
        0x47ef_ffff_e000_0000, 0x47ef_ffff_f000_0000, 0x3810_0000_0000_0000, 0x36a0_0000_0000_0000, 0x3690_0000_0000_0000, 0x3ff0_0000_0000_0001,
        0x3fef_ffff_ffff_ffff, 0x41ef_ffff_ffe0_0000,
    ];

    private static readonly ushort[] s_halves =
        [0, 0x8000, 0x3c00, 0xbc00, 1, 0x8001, 0x03ff, 0x0400, 0x7bff, 0xfbff, 0x7c00, 0xfc00, 0x7e00, 0x7c01, 0xfdff, 0x7fff];

    private static readonly (ulong Significand, ushort Exponent)[] s_extended =
    [
        (0, 0), (0, 0x8000), (0x8000_0000_0000_0000, 0x3fff), (0x8000_0000_0000_0000, 0xbfff), (0xc000_0000_0000_0000, 0x3fff),
        (0x8000_0000_0000_0000, 0x4000), (0x8000_0000_0000_0000, 0x3ffe), (0x8000_0000_0000_0000, 0xbffe), (0xa000_0000_0000_0000, 0x4000),
        (1, 0), (0x7fff_ffff_ffff_ffff, 0), (0x8000_0000_0000_0000, 0), (0x8000_0000_0000_0000, 1), (1, 0x8000),
        (ulong.MaxValue, 0x7ffe), (ulong.MaxValue, 0xfffe), (0x8000_0000_0000_0000, 0x7fff), (0x8000_0000_0000_0000, 0xffff),
        (0xc000_0000_0000_0000, 0x7fff), (0xc000_0000_0000_0000, 0xffff), (0x8000_0000_0000_0001, 0x7fff), (ulong.MaxValue, 0x7fff),
        (0x4000_0000_0000_0000, 0x3fff), (0, 0x7fff), (0x4000_0000_0000_0000, 0x7fff),
        (0x8000_0000_0000_0000, 0x403e), (0x8000_0000_0000_0000, 0xc03e), (ulong.MaxValue, 0x403d), (0x8000_0000_0000_0000, 0x401e),
        (0x8000_0000_0000_0000, 0x400e), (0xffff_ff80_0000_0000, 0x407e), (0xffff_ffff_ffff_f800, 0x43fe), (0x8000_0000_0000_0000, 0x3c01),
        (0x8000_0000_0000_0000, 0x3f81), (0x8000_0000_0000_0001, 0x3fff), (ulong.MaxValue, 0x3ffe), (0xc90f_daa2_2168_c235, 0x4000),
        (0xde0b_6b3a_763f_ffff, 0x403a), (0xde0b_6b3a_7640_0000, 0x403a),
    ];

    public static ulong Integer(CaseRandom random) => random.Below(8) switch
    {
        0 or 1 => random.Pick<ulong>(s_integers),
        2 => random.Pick<ulong>(s_integers) + (ulong)(random.Below(5) - 2),
        3 => 1ul << random.Below(64),
        4 => (1ul << random.Below(64)) - 1,
        5 => random.Next() >> random.Below(64),
        6 => (ulong)((long)random.Next() >> random.Below(64)),
        _ => random.Next(),
    };

    public static ulong Double(CaseRandom random) => random.Below(6) switch
    {
        0 or 1 => random.Pick<ulong>(s_doubles),
        2 => BitConverter.DoubleToUInt64Bits((long)Integer(random)),
        3 => BitConverter.DoubleToUInt64Bits(random.Below(2000) / 8.0 - 125),
        4 => (random.Next() & 0x800f_ffff_ffff_ffff) | ((ulong)(1023 - 40 + random.Below(80)) << 52),
        _ => random.Next(),
    };

    public static uint Single(CaseRandom random) => random.Below(6) switch
    {
        0 or 1 => random.Pick<uint>(s_singles),
        2 => BitConverter.SingleToUInt32Bits((int)Integer(random)),
        3 => BitConverter.SingleToUInt32Bits(random.Below(2000) / 8.0f - 125),
        4 => ((uint)random.Next() & 0x807f_ffff) | ((uint)(127 - 30 + random.Below(60)) << 23),
        _ => (uint)random.Next(),
    };

    /// <summary>Writes a 10-byte x87 value; 6 bytes after it become 0.</summary>
    public static void Extended(CaseRandom random, byte* target)
    {
        (ulong significand, ushort exponent) = random.Below(8) switch
        {
            0 or 1 or 2 => random.Pick<(ulong, ushort)>(s_extended),
            3 => FromDouble(BitConverter.DoubleToUInt64Bits(random.Below(2000) / 8.0 - 125)),
            4 => (random.Next() | (1ul << 63), (ushort)(16383 - 70 + random.Below(140) + (random.Below(2) << 15))),
            5 => (random.Next(), (ushort)random.Next()),
            6 => ((random.Next() | (1ul << 63)) & (ulong.MaxValue << random.Below(64)), (ushort)(16383 - 8 + random.Below(76) + (random.Below(2) << 15))),
            _ => (random.Next() | (1ul << 63), (ushort)random.Next()),
        };
        *(ulong*)target = significand;
        *(ulong*)(target + 8) = exponent;
    }

    /// <summary>Fills memory with lanes of one kind.</summary>
    public static void Fill(CaseRandom random, LaneKind kind, byte* target, int length)
    {
        switch (kind)
        {
            case LaneKind.Single:
                for (int i = 0; i + 4 <= length; i += 4)
                {
                    Unsafe.WriteUnaligned(target + i, Single(random));
                }

                break;
            case LaneKind.Double:
                for (int i = 0; i + 8 <= length; i += 8)
                {
                    Unsafe.WriteUnaligned(target + i, Double(random));
                }

                break;
            case LaneKind.Half:
                for (int i = 0; i + 2 <= length; i += 2)
                {
                    Unsafe.WriteUnaligned(target + i, random.Percent(50) ? random.Pick<ushort>(s_halves) : (ushort)random.Next());
                }

                break;
            case LaneKind.Extended:
                for (int i = 0; i + 16 <= length; i += 16)
                {
                    Extended(random, target + i);
                }

                break;
            case LaneKind.Integer:
                FillIntegers(random, target, length);
                break;
        }
    }

    private static void FillIntegers(CaseRandom random, byte* target, int length)
    {
        int width = 1 << random.Below(4);
        for (int i = 0; i + width <= length; i += width)
        {
            ulong value = Integer(random);
            switch (width)
            {
                case 1: target[i] = (byte)value; break;
                case 2: Unsafe.WriteUnaligned(target + i, (ushort)value); break;
                case 4: Unsafe.WriteUnaligned(target + i, (uint)value); break;
                default: Unsafe.WriteUnaligned(target + i, value); break;
            }
        }
    }

    private static (ulong, ushort) FromDouble(ulong bits)
    {
        if ((bits << 1) == 0)
        {
            return (0, (ushort)(bits >> 48));
        }

        ushort exponent = (ushort)(((bits >> 52) & 0x7ff) - 1023 + 16383 + ((bits >> 63) << 15));
        return ((1ul << 63) | (bits << 11), exponent);
    }
}
