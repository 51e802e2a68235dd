using System.Numerics;

namespace Jitvmm.Runtime.Semantics;

public readonly partial struct Float80
{
    /// <summary>
    /// The remainder of <c>a / b</c>: truncating (FPREM) or to nearest (FPREM1). Condition codes tell the quotient's low bits:
    /// C0 bit 2, C3 bit 1, C1 bit 0; or C2, that the exponents were 64 or more apart and only part was done.
    /// </summary>
    public static Float80 Remainder(Float80 a, Float80 b, bool isNearest, ref X87Context context)
    {
        if (TryPropagateNaN(a, b, ref context, out Float80 nan))
        {
            return nan;
        }

        if (a.IsInfinity || b.IsZero)
        {
            return context.RaiseInvalid();
        }

        NoteDenormals(a, b, ref context);
        if (a.IsZero)
        {
            return a;
        }

        int exponent = a.Normalize(out ulong significand);
        if (b.IsInfinity)
        {
            return RoundExtended(a.Sign, exponent, significand, 0, ref context);
        }

        int divisorExponent = b.Normalize(out ulong divisor);
        int distance = exponent - divisorExponent;
        if (distance >= 64)
        {
            // Hardware leaves 32 to 63 of the exponent difference (SDM vol. 2, FPREM: "N is between 32 and 63").
            int kept = 32 + (distance & 31);
            WideInteger.DivRem(significand >> (64 - kept), significand << kept, divisor, out ulong partial);
            context.Flags |= X87Context.C2;
            return PackRemainder(a.Sign, divisorExponent + distance - kept, partial, ref context);
        }

        uint sign = a.Sign;
        ulong quotient = 0;
        if (distance >= 0)
        {
            ulong high = distance == 0 ? 0 : significand >> (64 - distance);
            quotient = WideInteger.DivRem(high, significand << distance, divisor, out significand);
            exponent = divisorExponent;
        }

        if (isNearest && distance >= -1 && RoundsQuotientUp(significand, divisor, distance, quotient))
        {
            // Below the divisor by one binade, the remainder is b − a in units half as large.
            significand = (distance < 0 ? divisor << 1 : divisor) - significand;
            sign ^= SignBit;
            quotient++;
        }

        context.Flags |= (quotient & 4) != 0 ? X87Context.C0 : 0;
        context.Flags |= (quotient & 2) != 0 ? X87Context.C3 : 0;
        context.Flags |= (quotient & 1) != 0 ? X87Context.C1 : 0;
        return significand == 0 ? SignedZero(a.Sign) : PackRemainder(sign, exponent, significand, ref context);
    }

    private static bool RoundsQuotientUp(ulong rest, ulong divisor, int distance, ulong quotient)
    {
        if (distance < 0)
        {
            return rest > divisor;
        }

        ulong other = divisor - rest;
        return rest > other || (rest == other && (quotient & 1) != 0);
    }

    private static Float80 PackRemainder(uint sign, int exponent, ulong significand, ref X87Context context)
    {
        if (significand == 0)
        {
            return SignedZero(sign);
        }

        int shift = BitOperations.LeadingZeroCount(significand);
        return RoundExtended(sign, exponent - shift, significand << shift, 0, ref context);
    }
}
