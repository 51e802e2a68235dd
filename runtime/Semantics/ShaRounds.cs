using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Jitvmm.Runtime.Semantics;

/// <summary>The SHA instructions (FIPS 180-4; SDM vol. 1, 12.14), which .NET has no intrinsics for. Element 3 is the most significant word, A.</summary>
public static class ShaRounds
{
    /// <summary>SHA1RNDS4: four rounds with function and constant <paramref name="function"/>.</summary>
    public static Vector128<uint> Sha1Rounds4(Vector128<uint> state, Vector128<uint> words, int function)
    {
        uint a = state[3];
        uint b = state[2];
        uint c = state[1];
        uint d = state[0];

        // E is already added to the first word.
        uint e = 0;
        for (int i = 3; i >= 0; i--)
        {
            (uint mixed, uint constant) = (function & 3) switch
            {
                0 => ((b & c) ^ (~b & d), 0x5a82_7999u),
                1 => (b ^ c ^ d, 0x6ed9_eba1u),
                2 => ((b & c) ^ (b & d) ^ (c & d), 0x8f1b_bcdcu),
                _ => (b ^ c ^ d, 0xca62_c1d6u),
            };
            uint next = mixed + uint.RotateLeft(a, 5) + words[i] + e + constant;
            e = d;
            d = c;
            c = uint.RotateLeft(b, 30);
            b = a;
            a = next;
        }

        return Vector128.Create(d, c, b, a);
    }

    /// <summary>SHA1NEXTE: E after four rounds, added to the next word.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    public static Vector128<uint> Sha1NextE(Vector128<uint> state, Vector128<uint> words) =>
        words + Vector128.Create(0, 0, 0, uint.RotateLeft(state[3], 30));

    /// <summary>SHA1MSG1: W(t−16) ⊕ W(t−14).</summary>
    public static Vector128<uint> Sha1Message1(Vector128<uint> a, Vector128<uint> b) =>
        a ^ Vector128.Create(b[2], b[3], a[0], a[1]);

    /// <summary>SHA1MSG2: the last two terms of the schedule and its rotation.</summary>
    public static Vector128<uint> Sha1Message2(Vector128<uint> a, Vector128<uint> b)
    {
        uint first = uint.RotateLeft(a[3] ^ b[2], 1);
        return Vector128.Create(uint.RotateLeft(a[0] ^ first, 1), uint.RotateLeft(a[1] ^ b[0], 1), uint.RotateLeft(a[2] ^ b[1], 1), first);
    }

    /// <summary>SHA256RNDS2: two rounds; <paramref name="state"/> is C, D, G, H, <paramref name="other"/> A, B, E, F.</summary>
    public static Vector128<uint> Sha256Rounds2(Vector128<uint> state, Vector128<uint> other, Vector128<uint> words)
    {
        uint a = other[3];
        uint b = other[2];
        uint e = other[1];
        uint f = other[0];
        uint c = state[3];
        uint d = state[2];
        uint g = state[1];
        uint h = state[0];
        for (int i = 0; i < 2; i++)
        {
            uint choice = (e & f) ^ (~e & g);
            uint sum = uint.RotateRight(e, 6) ^ uint.RotateRight(e, 11) ^ uint.RotateRight(e, 25);
            uint first = choice + sum + words[i] + h;
            uint majority = (a & b) ^ (a & c) ^ (b & c);
            uint second = majority + (uint.RotateRight(a, 2) ^ uint.RotateRight(a, 13) ^ uint.RotateRight(a, 22));
            h = g;
            g = f;
            f = e;
            e = first + d;
            d = c;
            c = b;
            b = a;
            a = first + second;
        }

        return Vector128.Create(f, e, b, a);
    }

    /// <summary>SHA256MSG1: W(t−16) + σ0(W(t−15)).</summary>
    public static Vector128<uint> Sha256Message1(Vector128<uint> a, Vector128<uint> b)
    {
        Vector128<uint> next = Vector128.Create(a[1], a[2], a[3], b[0]);
        return a + (Rotate(next, 7) ^ Rotate(next, 18) ^ (next >> 3));
    }

    /// <summary>SHA256MSG2: adds σ1 of the two words before each.</summary>
    public static Vector128<uint> Sha256Message2(Vector128<uint> a, Vector128<uint> b)
    {
        uint w16 = a[0] + Sigma1(b[2]);
        uint w17 = a[1] + Sigma1(b[3]);
        return Vector128.Create(w16, w17, a[2] + Sigma1(w16), a[3] + Sigma1(w17));
    }

    private static Vector128<uint> Rotate(Vector128<uint> value, int count) => (value >> count) | (value << (32 - count));

    private static uint Sigma1(uint word) => uint.RotateRight(word, 17) ^ uint.RotateRight(word, 19) ^ (word >> 10);
}
