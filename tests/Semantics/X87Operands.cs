using Jitvmm.Runtime.Semantics;

namespace Jitvmm.Tests.Semantics;

/// <summary>Deterministic operands that crowd around the edges of every format.</summary>
public sealed class X87Operands(ulong seed)
{
    private static readonly int[] s_exponents =
    [
        0, 0, 1, 2, 3, 63, 64, 65, 0x3f, 0x40, 0x7ffe, 0x7ffd, 0x7fff, 0x7fff,
        0x3fff - 16445, 0x3fff - 1074, 0x3fff - 1075, 0x3fff - 1076, 0x3fff - 1022, 0x3fff - 1023, 0x3fff - 1024,
        0x3fff + 1023, 0x3fff + 1024, 0x3fff - 126, 0x3fff - 127, 0x3fff - 149, 0x3fff - 150, 0x3fff - 151,
        0x3fff + 127, 0x3fff + 128, 0x3fff - 64, 0x3fff - 63, 0x3fff - 32, 0x3fff + 15, 0x3fff + 16, 0x3fff + 14,
        0x3fff + 30, 0x3fff + 31, 0x3fff + 32, 0x3fff + 59, 0x3fff + 60, 0x3fff + 61, 0x3fff + 62, 0x3fff + 63,
        0x3fff + 64, 0x3fff, 0x3ffe, 0x3ffd, 0x4000, 0x4001, 0x4002, 0x4003, 0x6000, 0x2000, 0x1fff, 0x5fff,
    ];

    private ulong _state = seed * 0x9e3779b97f4a7c15 + 0x1234567;

    public ulong Next()
    {
        _state += 0x9e3779b97f4a7c15;
        ulong z = _state;
        z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
        z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
        return z ^ (z >> 31);
    }

    public int Below(int limit) => (int)(Next() % (ulong)limit);

    public Float80 Extended()
    {
        int exponent = Below(8) switch
        {
            0 or 1 or 2 => s_exponents[Below(s_exponents.Length)],
            3 => Below(0x8000),
            _ => 0x3fff + Below(140) - 70,
        };
        uint sign = (uint)(Next() & 0x8000);
        ulong significand = Significand() | 1ul << 63;
        if (exponent == 0 || Below(64) == 0)
        {
            significand = Below(4) == 0 ? significand : significand & ~(1ul << 63) >> Below(64);
        }

        if (exponent == 0x7fff && Below(3) == 0)
        {
            significand = 1ul << 63;
        }

        return Below(24) == 0 ? new Float80(sign, 0ul) : new Float80(sign | (uint)exponent, significand);
    }

    /// <summary>An operand that is often close to <paramref name="other"/>.</summary>
    public Float80 Near(Float80 other) => Below(6) switch
    {
        0 => new Float80(other.SignExponent, other.Significand + (ulong)Below(5) - 2),
        1 => new Float80((uint)other.SignExponent ^ 0x8000, other.Significand + (ulong)Below(5) - 2),
        2 => new Float80((uint)(other.SignExponent + Below(5) - 2) ^ (uint)(Next() & 0x8000), Significand() | 1ul << 63),
        3 => new Float80((uint)(other.SignExponent + Below(140) - 70) ^ (uint)(Next() & 0x8000), Significand() | 1ul << 63),
        _ => Extended(),
    };

    public ulong Significand()
    {
        ulong random = Next();
        switch (Below(10))
        {
            case 0:
                return 0;
            case 1:
                return ulong.MaxValue;
            case 2:
                return 1ul << Below(64);
            case 3:
                return ulong.MaxValue << Below(64);
            case 4:
                return (random & ulong.MaxValue << 11) | 0x400ul + (ulong)Below(3) - 1;
            case 5:
                return (random & ulong.MaxValue << 40) | (1ul << 39) + (ulong)Below(3) - 1;
            case 6:
                return random & ulong.MaxValue << Below(64);
            default:
                return random;
        }
    }

    public ulong Double()
    {
        ulong exponent = Below(3) switch
        {
            0 => (ulong)Below(2048),
            1 => Below(2) == 0 ? (ulong)Below(3) : 0x7fful - (ulong)Below(3),
            _ => (ulong)(1023 + Below(140) - 70),
        };
        return (Next() & 1ul << 63) | exponent << 52 | Significand() >> 1 >> 11 & (1ul << 52) - 1;
    }

    public uint Single()
    {
        uint exponent = Below(3) switch
        {
            0 => (uint)Below(256),
            1 => Below(2) == 0 ? (uint)Below(3) : 0xffu - (uint)Below(3),
            _ => (uint)(127 + Below(60) - 30),
        };
        return (uint)(Next() & 1u << 31) | exponent << 23 | (uint)(Significand() >> 40) & (1u << 23) - 1;
    }

    public ulong Integer() => Below(3) == 0 ? (ulong)Below(7) - 3 : Below(2) == 0 ? Significand() : Next();

    public unsafe void Decimal(byte* destination)
    {
        bool isValid = Below(4) != 0;
        for (int i = 0; i < 10; i++)
        {
            destination[i] = isValid ? (byte)(Below(10) << 4 | Below(10)) : (byte)Next();
        }

        destination[9] = (byte)(Next() & 0x80);
    }
}
