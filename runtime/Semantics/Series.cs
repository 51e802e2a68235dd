namespace Jitvmm.Runtime.Semantics;

/// <summary>Power series with 128-bit fractions for coefficients, each two words, the high one first.</summary>
internal static class Series
{
    /// <summary>π/2 times 2^127, or π times 2^126.</summary>
    internal static UInt128 Pi => new(0xc90fdaa22168c234, 0xc4c6628b80dc1cd1);

    /// <summary>ln 2 times 2^128.</summary>
    internal static UInt128 Ln2 => new(0xb17217f7d1cf79ab, 0xc9e3b39803f2f6af);

    /// <summary>2 / ln 2 times 2^126.</summary>
    internal static UInt128 TwoOverLn2 => new(0xb8aa3b295c17f0bb, 0xbe87fed0691d3e89);

    /// <summary>1/3!, 1/5!, … of <c>1 − sin(x)/x</c> in powers of x².</summary>
    internal static ReadOnlySpan<ulong> Sine =>
    [
        0x2aaaaaaaaaaaaaaa, 0xaaaaaaaaaaaaaaab,
        0x0222222222222222, 0x2222222222222222,
        0x000d00d00d00d00d, 0x00d00d00d00d00d0,
        0x00002e3bc74aad8e, 0x671f5583911ca003,
        0x0000006b99159fd5, 0x138e3f9d1f92e0df,
        0x00000000b092309d, 0x43684be51c198e92,
        0x0000000000d73f9f, 0x399dc0f88ec32b58,
        0x000000000000ca96, 0x3b81856a53593029,
        0x0000000000000097, 0xa4da340a0ab92651,
        0x0000000000000000, 0x5c6e3bdb73d5c630,
        0x0000000000000000, 0x002ec368262c7034,
        0x0000000000000000, 0x000013f3ccdd1660,
    ];

    /// <summary>1/2!, 1/4!, … of <c>1 − cos(x)</c> in powers of x².</summary>
    internal static ReadOnlySpan<ulong> Cosine =>
    [
        0x8000000000000000, 0x0000000000000000,
        0x0aaaaaaaaaaaaaaa, 0xaaaaaaaaaaaaaaab,
        0x005b05b05b05b05b, 0x05b05b05b05b05b0,
        0x0001a01a01a01a01, 0xa01a01a01a01a01a,
        0x0000049f93edde27, 0xd71cbbc05b4fa99a,
        0x00000008f76c77fc, 0x6c4bdaa26d4c3d68,
        0x000000000c9cba54, 0x603e4e905d6f8a2f,
        0x00000000000d73f9, 0xf399dc0f88ec32b6,
        0x0000000000000b41, 0x3c31dcbecbbdd802,
        0x0000000000000007, 0x950ae900808941ea,
        0x0000000000000000, 0x04338e5b6dfe14a5,
        0x0000000000000000, 0x0001f2cf01972f57,
        0x0000000000000000, 0x000000c4742fe352,
    ];

    /// <summary>1/2!, 1/3!, … of <c>(eˣ − 1)/x − 1</c> in powers of x.</summary>
    internal static ReadOnlySpan<ulong> Exponential =>
    [
        0x8000000000000000, 0x0000000000000000,
        0x2aaaaaaaaaaaaaaa, 0xaaaaaaaaaaaaaaab,
        0x0aaaaaaaaaaaaaaa, 0xaaaaaaaaaaaaaaab,
        0x0222222222222222, 0x2222222222222222,
        0x005b05b05b05b05b, 0x05b05b05b05b05b0,
        0x000d00d00d00d00d, 0x00d00d00d00d00d0,
        0x0001a01a01a01a01, 0xa01a01a01a01a01a,
        0x00002e3bc74aad8e, 0x671f5583911ca003,
        0x0000049f93edde27, 0xd71cbbc05b4fa99a,
        0x0000006b99159fd5, 0x138e3f9d1f92e0df,
        0x00000008f76c77fc, 0x6c4bdaa26d4c3d68,
        0x00000000b092309d, 0x43684be51c198e92,
        0x000000000c9cba54, 0x603e4e905d6f8a2f,
        0x0000000000d73f9f, 0x399dc0f88ec32b58,
        0x00000000000d73f9, 0xf399dc0f88ec32b6,
        0x000000000000ca96, 0x3b81856a53593029,
        0x0000000000000b41, 0x3c31dcbecbbdd802,
        0x0000000000000097, 0xa4da340a0ab92651,
        0x0000000000000007, 0x950ae900808941ea,
        0x0000000000000000, 0x5c6e3bdb73d5c630,
        0x0000000000000000, 0x04338e5b6dfe14a5,
        0x0000000000000000, 0x002ec368262c7034,
        0x0000000000000000, 0x0001f2cf01972f57,
    ];

    /// <summary>1/3, 1/5, … of <c>atanh(x)/x − 1</c> and, alternating, <c>1 − atan(x)/x</c> in powers of x².</summary>
    internal static ReadOnlySpan<ulong> OddReciprocals =>
    [
        0x5555555555555555, 0x5555555555555555,
        0x3333333333333333, 0x3333333333333333,
        0x2492492492492492, 0x4924924924924925,
        0x1c71c71c71c71c71, 0xc71c71c71c71c71c,
        0x1745d1745d1745d1, 0x745d1745d1745d17,
        0x13b13b13b13b13b1, 0x3b13b13b13b13b14,
        0x1111111111111111, 0x1111111111111111,
        0x0f0f0f0f0f0f0f0f, 0x0f0f0f0f0f0f0f0f,
        0x0d79435e50d79435, 0xe50d79435e50d794,
        0x0c30c30c30c30c30, 0xc30c30c30c30c30c,
        0x0b21642c8590b216, 0x42c8590b21642c86,
        0x0a3d70a3d70a3d70, 0xa3d70a3d70a3d70a,
        0x097b425ed097b425, 0xed097b425ed097b4,
        0x08d3dcb08d3dcb08, 0xd3dcb08d3dcb08d4,
        0x0842108421084210, 0x8421084210842108,
        0x07c1f07c1f07c1f0, 0x7c1f07c1f07c1f08,
        0x0750750750750750, 0x7507507507507507,
    ];

    /// <summary>atan(i/16) for i = 0 to 16.</summary>
    internal static ReadOnlySpan<ulong> ArcTangents =>
    [
        0x0000000000000000, 0x0000000000000000,
        0x0ffaaddb967ef4e3, 0x6cb2792dc0e2e0d5,
        0x1fd5ba9aac2f6dc6, 0x5912f313e7d111df,
        0x2f72f6979cb6044d, 0x1ec2d3e207271d22,
        0x3eb6ebf25901bac5, 0x5b71e7bd7de885f9,
        0x4d89dcdc1faf2f34, 0xe2d5da4c693d7994,
        0x5bd86507937bc239, 0xc55190916e7f2242,
        0x6993bb0f308ff2db, 0x213e4af4800f389b,
        0x76b19c1586ed3da2, 0xb7f222f65e1d4682,
        0x832bf4a6d9867e2a, 0x4b6a09cb61a515c1,
        0x8f005d5ef7f59f9b, 0x5c835e1665c43748,
        0x9a2f80e671bdda20, 0x4226f8e2204ff3bd,
        0xa4bc7d1934f70924, 0x19a87f2a457dac9f,
        0xaeac4c38b4d8c080, 0x14725e2f3e52070a,
        0xb8053e2bc2319e73, 0xcb2da55210a4443d,
        0xc0ce85b8ac526640, 0x89dd62c46e92fa25,
        0xc90fdaa22168c234, 0xc4c6628b80dc1cd1,
    ];

    /// <summary><c>x·(c0 + x·(c1 + x·(c2 + …)))</c>, all as fractions of 2^128.</summary>
    internal static UInt128 Ascending(ReadOnlySpan<ulong> coefficients, UInt128 x)
    {
        UInt128 sum = UInt128.Zero;
        for (int i = coefficients.Length - 2; i >= 0; i -= 2)
        {
            sum = WideInteger.MultiplyHigh(x, new UInt128(coefficients[i], coefficients[i + 1]) + sum);
        }

        return sum;
    }

    /// <summary><c>x·(c0 − x·(c1 − x·(c2 − …)))</c>, all as fractions of 2^128.</summary>
    internal static UInt128 Alternating(ReadOnlySpan<ulong> coefficients, UInt128 x)
    {
        UInt128 sum = UInt128.Zero;
        for (int i = coefficients.Length - 2; i >= 0; i -= 2)
        {
            sum = WideInteger.MultiplyHigh(x, new UInt128(coefficients[i], coefficients[i + 1]) - sum);
        }

        return sum;
    }
}
