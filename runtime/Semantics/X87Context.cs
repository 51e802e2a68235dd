using System.Runtime.CompilerServices;

namespace Jitvmm.Runtime.Semantics;

/// <summary>What one x87 operation reads from the control word and reports to the status word.</summary>
/// <param name="control">The control word (SDM vol. 1, 8.1.5).</param>
public struct X87Context(uint control)
{
    public const uint Invalid = 0x01;
    public const uint Denormal = 0x02;
    public const uint ZeroDivide = 0x04;
    public const uint Overflow = 0x08;
    public const uint Underflow = 0x10;
    public const uint Precision = 0x20;
    public const uint StackFault = 0x40;
    public const uint ErrorSummary = 0x80;
    public const uint C0 = 0x100;
    public const uint C1 = 0x200;
    public const uint C2 = 0x400;
    public const uint C3 = 0x4000;
    public const uint Busy = 0x8000;
    public const uint ConditionCodes = C0 | C1 | C2 | C3;

    /// <summary>The six exceptions, in both the control word's masks and the status word's flags.</summary>
    public const uint Exceptions = 0x3f;

    /// <summary>Exceptions found before computing: unmasked, they leave operands and destination alone.</summary>
    public const uint PreComputation = Invalid | Denormal | ZeroDivide;

    internal const uint RoundNearest = 0;
    internal const uint RoundDown = 1;
    internal const uint RoundUp = 2;
    internal const uint RoundTowardZero = 3;

    public readonly uint Control = control;

    /// <summary>Status word bits: exceptions that occurred, C1 when a result was rounded away from zero, and other condition codes.</summary>
    public uint Flags;

    internal readonly uint Rounding => (Control >> 10) & 3;

    /// <summary>Bits of significand that + − × ÷ √ keep; the reserved encoding 01 acts as 64.</summary>
    internal readonly int PrecisionBits => ((Control >> 8) & 3) switch
    {
        0 => 24,
        2 => 53,
        _ => 64,
    };

    internal readonly bool HasFullPrecision
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => (Control & 0x100) != 0;
    }

    /// <summary>True when any of <paramref name="exceptions"/> traps.</summary>
    internal readonly bool IsUnmasked(uint exceptions) => (exceptions & ~Control) != 0;

    /// <summary>Whether to add one unit to a truncated magnitude whose discarded part is <paramref name="fraction"/> / 2^64.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal readonly bool RoundsAway(uint sign, bool isOdd, ulong fraction)
    {
        uint rounding = Rounding;
        if (rounding == RoundNearest)
        {
            return fraction > Float80.IntegerBit || (fraction == Float80.IntegerBit && isOdd);
        }

        return fraction != 0 && rounding == (sign != 0 ? RoundDown : RoundUp);
    }

    /// <summary>The masked response to an invalid operation.</summary>
    internal Float80 RaiseInvalid()
    {
        Flags |= Invalid;
        return Float80.Indefinite;
    }
}
