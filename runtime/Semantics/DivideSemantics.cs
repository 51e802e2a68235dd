using System.Runtime.CompilerServices;

namespace Jitvmm.Runtime.Semantics;

/// <summary>Division of a double-width dividend (SDM vol. 2A, DIV and IDIV). The divisor is extended to 64 bits; quotients were checked to fit.</summary>
public static class DivideSemantics
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool Faults(ulong dividend, ulong divisor, int width) => divisor == 0 || (dividend >> width) >= divisor;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool FaultsSigned(long dividend, long divisor, int width)
    {
        if (divisor == 0 || (dividend == long.MinValue && divisor == -1))
        {
            return true;
        }

        long quotient = dividend / divisor;
        return (quotient << (64 - width)) >> (64 - width) != quotient;
    }

    public static ulong Quotient(ulong dividend, ulong divisor) => dividend / divisor;

    public static ulong Remainder(ulong dividend, ulong divisor) => dividend % divisor;

    public static long QuotientSigned(long dividend, long divisor) => dividend / divisor;

    public static long RemainderSigned(long dividend, long divisor) => dividend % divisor;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool Faults128(ulong high, ulong low, ulong divisor) => high >= divisor;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool Faults128Signed(long high, long low, long divisor)
    {
        // The usual case, a dividend made by CQO: only 0 and the one overflow fault.
        if (high == low >> 63)
        {
            return divisor == 0 || (divisor == -1 && low == long.MinValue);
        }

        return FaultsWideSigned(high, low, divisor);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ulong Quotient128(ulong high, ulong low, ulong divisor) => high == 0 ? low / divisor : QuotientWide(high, low, divisor);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static long Quotient128Signed(long high, long low, long divisor) => high == low >> 63 ? low / divisor : QuotientWideSigned(high, low, divisor);

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static bool FaultsWideSigned(long high, long low, long divisor)
    {
        if (divisor == 0)
        {
            return true;
        }

        Int128 quotient = new Int128((ulong)high, (ulong)low) / divisor;
        return quotient < long.MinValue || quotient > long.MaxValue;
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static ulong QuotientWide(ulong high, ulong low, ulong divisor) => (ulong)(new UInt128(high, low) / divisor);

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static long QuotientWideSigned(long high, long low, long divisor) => (long)(new Int128((ulong)high, (ulong)low) / divisor);
}
