using System.Runtime.CompilerServices;

namespace Jitvmm.Runtime.Semantics;

/// <summary>
/// A double-extended-precision number exactly as an x87 register holds it: an explicit integer bit, 15 bits of
/// exponent, a sign (SDM vol. 1, 4.2.2). Every operation on it reports to an <see cref="X87Context"/> and is bit-exact.
/// </summary>
/// <remarks>
/// Encodings with exponent 0 and the integer bit set are pseudo-denormals (valid, exponent read as 1); encodings with
/// a nonzero exponent and a clear integer bit are unsupported (SDM vol. 1, 8.2.2) and make arithmetic invalid.
/// </remarks>
public readonly partial struct Float80 : IEquatable<Float80>
{
    internal const uint SignBit = 0x8000;
    internal const int MaxExponent = 0x7fff;
    internal const int Bias = 16383;
    internal const ulong IntegerBit = 1ul << 63;
    internal const ulong QuietBit = 1ul << 62;

    /// <summary>What an over- or underflowing result's exponent is wrapped by when its exception is unmasked (SDM vol. 1, 8.5.4).</summary>
    internal const int UnmaskedWrap = 24576;

    public readonly ulong Significand;

    // PERF: two whole words travel in two CPU registers; with a 16-bit field here every call went through memory.
    private readonly ulong _signExponent;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public Float80(uint signExponent, ulong significand)
    {
        Significand = significand;
        _signExponent = (ushort)signExponent;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal Float80(uint sign, int exponent, ulong significand)
    {
        Significand = significand;
        _signExponent = sign | (uint)exponent;
    }

    /// <summary>The QNaN that masked invalid operations return.</summary>
    public static Float80 Indefinite => new(0xffff, 0xc000000000000000);

    public static Float80 Zero => default;

    public static Float80 One => new(Bias, IntegerBit);

    /// <summary>The sign in bit 15, the biased exponent below it.</summary>
    public ushort SignExponent => (ushort)_signExponent;

    internal uint Sign => SignExponent & SignBit;

    internal int Exponent => SignExponent & MaxExponent;

    public bool IsNegative => (SignExponent & SignBit) != 0;

    public bool IsZero => (SignExponent & MaxExponent) == 0 && Significand == 0;

    public bool IsInfinity => (SignExponent & MaxExponent) == MaxExponent && Significand == IntegerBit;

    /// <summary>Quiet or signaling; pseudo-NaNs are <see cref="IsUnsupported"/> instead.</summary>
    public bool IsNaN => (SignExponent & MaxExponent) == MaxExponent && Significand > IntegerBit;

    public bool IsSignalingNaN => IsNaN && (Significand & QuietBit) == 0;

    /// <summary>Pseudo-denormals included, as the denormal-operand exception counts them.</summary>
    public bool IsDenormal => (SignExponent & MaxExponent) == 0 && Significand != 0;

    /// <summary>Pseudo-NaN, pseudo-infinity or unnormal.</summary>
    public bool IsUnsupported => (SignExponent & MaxExponent) != 0 && (long)Significand >= 0;

    /// <summary>An ordinary number: nonzero exponent below the maximum, integer bit set.</summary>
    internal bool IsNormal
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => (uint)((SignExponent & MaxExponent) - 1) < MaxExponent - 1 && (long)Significand < 0;
    }

    public static bool operator ==(Float80 left, Float80 right) => left.Equals(right);

    public static bool operator !=(Float80 left, Float80 right) => !left.Equals(right);

    /// <summary>Same encoding; numeric comparison is <see cref="Compare"/>.</summary>
    public bool Equals(Float80 other) => Significand == other.Significand && SignExponent == other.SignExponent;

    public override bool Equals(object? obj) => obj is Float80 other && Equals(other);

    public override int GetHashCode() => HashCode.Combine(Significand, SignExponent);

    public override string ToString() => $"{SignExponent:x4}:{Significand:x16}";

    internal static Float80 Infinity(uint sign) => new(sign, MaxExponent, IntegerBit);

    internal static Float80 SignedZero(uint sign) => new(sign, 0ul);

    internal Float80 Negated() => new(SignExponent ^ SignBit, Significand);

    /// <summary>Exponent and significand with the integer bit set; the value must not be zero, and not unsupported.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal int Normalize(out ulong significand)
    {
        int exponent = SignExponent & MaxExponent;
        significand = Significand;
        if (exponent != 0)
        {
            return exponent;
        }

        int shift = System.Numerics.BitOperations.LeadingZeroCount(significand);
        significand <<= shift;
        return 1 - shift;
    }
}
