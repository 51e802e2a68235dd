using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Jitvmm.Runtime.Semantics;

/// <summary>The AES instructions (FIPS 197; SDM vol. 1, 12.13), in software where the host has none.</summary>
public static class AesRound
{
    /// <summary>Bytes of a state column-wise: where ShiftRows takes byte i from, and InvShiftRows.</summary>
    private static ReadOnlySpan<byte> RowShift => [0, 5, 10, 15, 4, 9, 14, 3, 8, 13, 2, 7, 12, 1, 6, 11];

    private static ReadOnlySpan<byte> InverseRowShift => [0, 13, 10, 7, 4, 1, 14, 11, 8, 5, 2, 15, 12, 9, 6, 3];

    private static ReadOnlySpan<byte> Substitution =>
    [
        0x63, 0x7c, 0x77, 0x7b, 0xf2, 0x6b, 0x6f, 0xc5, 0x30, 0x01, 0x67, 0x2b, 0xfe, 0xd7, 0xab, 0x76,
        0xca, 0x82, 0xc9, 0x7d, 0xfa, 0x59, 0x47, 0xf0, 0xad, 0xd4, 0xa2, 0xaf, 0x9c, 0xa4, 0x72, 0xc0,
        0xb7, 0xfd, 0x93, 0x26, 0x36, 0x3f, 0xf7, 0xcc, 0x34, 0xa5, 0xe5, 0xf1, 0x71, 0xd8, 0x31, 0x15,
        0x04, 0xc7, 0x23, 0xc3, 0x18, 0x96, 0x05, 0x9a, 0x07, 0x12, 0x80, 0xe2, 0xeb, 0x27, 0xb2, 0x75,
        0x09, 0x83, 0x2c, 0x1a, 0x1b, 0x6e, 0x5a, 0xa0, 0x52, 0x3b, 0xd6, 0xb3, 0x29, 0xe3, 0x2f, 0x84,
        0x53, 0xd1, 0x00, 0xed, 0x20, 0xfc, 0xb1, 0x5b, 0x6a, 0xcb, 0xbe, 0x39, 0x4a, 0x4c, 0x58, 0xcf,
        0xd0, 0xef, 0xaa, 0xfb, 0x43, 0x4d, 0x33, 0x85, 0x45, 0xf9, 0x02, 0x7f, 0x50, 0x3c, 0x9f, 0xa8,
        0x51, 0xa3, 0x40, 0x8f, 0x92, 0x9d, 0x38, 0xf5, 0xbc, 0xb6, 0xda, 0x21, 0x10, 0xff, 0xf3, 0xd2,
        0xcd, 0x0c, 0x13, 0xec, 0x5f, 0x97, 0x44, 0x17, 0xc4, 0xa7, 0x7e, 0x3d, 0x64, 0x5d, 0x19, 0x73,
        0x60, 0x81, 0x4f, 0xdc, 0x22, 0x2a, 0x90, 0x88, 0x46, 0xee, 0xb8, 0x14, 0xde, 0x5e, 0x0b, 0xdb,
        0xe0, 0x32, 0x3a, 0x0a, 0x49, 0x06, 0x24, 0x5c, 0xc2, 0xd3, 0xac, 0x62, 0x91, 0x95, 0xe4, 0x79,
        0xe7, 0xc8, 0x37, 0x6d, 0x8d, 0xd5, 0x4e, 0xa9, 0x6c, 0x56, 0xf4, 0xea, 0x65, 0x7a, 0xae, 0x08,
        0xba, 0x78, 0x25, 0x2e, 0x1c, 0xa6, 0xb4, 0xc6, 0xe8, 0xdd, 0x74, 0x1f, 0x4b, 0xbd, 0x8b, 0x8a,
        0x70, 0x3e, 0xb5, 0x66, 0x48, 0x03, 0xf6, 0x0e, 0x61, 0x35, 0x57, 0xb9, 0x86, 0xc1, 0x1d, 0x9e,
        0xe1, 0xf8, 0x98, 0x11, 0x69, 0xd9, 0x8e, 0x94, 0x9b, 0x1e, 0x87, 0xe9, 0xce, 0x55, 0x28, 0xdf,
        0x8c, 0xa1, 0x89, 0x0d, 0xbf, 0xe6, 0x42, 0x68, 0x41, 0x99, 0x2d, 0x0f, 0xb0, 0x54, 0xbb, 0x16,
    ];

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<byte> Encrypt(Vector128<byte> state, Vector128<byte> key) =>
        Aes.IsSupported ? Aes.Encrypt(state, key) : MixColumns(ShiftAndSubstitute(state), 0x03010102) ^ key;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<byte> EncryptLast(Vector128<byte> state, Vector128<byte> key) =>
        Aes.IsSupported ? Aes.EncryptLast(state, key) : ShiftAndSubstitute(state) ^ key;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<byte> Decrypt(Vector128<byte> state, Vector128<byte> key) =>
        Aes.IsSupported ? Aes.Decrypt(state, key) : MixColumns(InverseShiftAndSubstitute(state), 0x0b0d090e) ^ key;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<byte> DecryptLast(Vector128<byte> state, Vector128<byte> key) =>
        Aes.IsSupported ? Aes.DecryptLast(state, key) : InverseShiftAndSubstitute(state) ^ key;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<byte> InverseMixColumns(Vector128<byte> state) =>
        Aes.IsSupported ? Aes.InverseMixColumns(state) : MixColumns(state, 0x0b0d090e);

    /// <summary>The round constant only enters by exclusive or, so the intrinsic, which wants it constant, is given 0.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<byte> KeygenAssist(Vector128<byte> key, int constant)
    {
        Vector128<byte> words = Aes.IsSupported ? Aes.KeygenAssist(key, 0) : SubstituteOddWords(key);
        return words ^ Vector128.Create(0, constant & 0xff, 0, constant & 0xff).AsByte();
    }

    public static Vector256<byte> Encrypt(Vector256<byte> state, Vector256<byte> key) =>
        Vector256.Create(Encrypt(state.GetLower(), key.GetLower()), Encrypt(state.GetUpper(), key.GetUpper()));

    public static Vector256<byte> EncryptLast(Vector256<byte> state, Vector256<byte> key) =>
        Vector256.Create(EncryptLast(state.GetLower(), key.GetLower()), EncryptLast(state.GetUpper(), key.GetUpper()));

    public static Vector256<byte> Decrypt(Vector256<byte> state, Vector256<byte> key) =>
        Vector256.Create(Decrypt(state.GetLower(), key.GetLower()), Decrypt(state.GetUpper(), key.GetUpper()));

    public static Vector256<byte> DecryptLast(Vector256<byte> state, Vector256<byte> key) =>
        Vector256.Create(DecryptLast(state.GetLower(), key.GetLower()), DecryptLast(state.GetUpper(), key.GetUpper()));

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static Vector128<byte> ShiftAndSubstitute(Vector128<byte> state)
    {
        Vector128<byte> result = default;
        for (int i = 0; i < 16; i++)
        {
            result = result.WithElement(i, Substitution[state[RowShift[i]]]);
        }

        return result;
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static Vector128<byte> InverseShiftAndSubstitute(Vector128<byte> state)
    {
        Vector128<byte> result = default;
        for (int i = 0; i < 16; i++)
        {
            result = result.WithElement(i, (byte)Substitution.IndexOf(state[InverseRowShift[i]]));
        }

        return result;
    }

    private static Vector128<byte> SubstituteOddWords(Vector128<byte> key)
    {
        uint first = SubstituteWord(key.AsUInt32()[1]);
        uint third = SubstituteWord(key.AsUInt32()[3]);
        return Vector128.Create(first, uint.RotateRight(first, 8), third, uint.RotateRight(third, 8)).AsByte();
    }

    private static uint SubstituteWord(uint word) => Substitution[(int)(word & 0xff)] | ((uint)Substitution[(int)((word >> 8) & 0xff)] << 8)
        | ((uint)Substitution[(int)((word >> 16) & 0xff)] << 16) | ((uint)Substitution[(int)(word >> 24)] << 24);

    /// <summary>Multiplies each column by the circulant matrix whose first column is <paramref name="factors"/>, lowest byte first.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    private static Vector128<byte> MixColumns(Vector128<byte> state, uint factors)
    {
        Vector128<byte> result = default;
        for (int i = 0; i < 16; i++)
        {
            int sum = 0;
            for (int j = 0; j < 4; j++)
            {
                sum ^= Multiply(state[(i & ~3) + j], (int)(factors >> (8 * ((i - j) & 3))) & 0xff);
            }

            result = result.WithElement(i, (byte)sum);
        }

        return result;
    }

    /// <summary>In GF(2^8) modulo x^8 + x^4 + x^3 + x + 1.</summary>
    private static int Multiply(int a, int b)
    {
        int product = 0;
        for (; b != 0; b >>= 1)
        {
            product ^= (b & 1) != 0 ? a : 0;
            a = (a << 1) ^ ((a & 0x80) != 0 ? 0x11b : 0);
        }

        return product;
    }
}
