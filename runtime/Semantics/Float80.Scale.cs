namespace Jitvmm.Runtime.Semantics;

public readonly partial struct Float80
{
    /// <summary><c>a · 2^trunc(scale)</c> (FSCALE).</summary>
    public static Float80 Scale(Float80 a, Float80 scale, ref X87Context context)
    {
        if (TryPropagateNaN(a, scale, ref context, out Float80 nan))
        {
            return nan;
        }

        if (scale.IsInfinity && (scale.IsNegative ? a.IsInfinity : a.IsZero))
        {
            return context.RaiseInvalid();
        }

        NoteDenormals(a, scale, ref context);
        if (scale.IsInfinity)
        {
            return scale.IsNegative ? SignedZero(a.Sign) : Infinity(a.Sign);
        }

        if (a.IsZero || a.IsInfinity)
        {
            return a;
        }

        // 2^17 covers every finite exponent difference; what lies beyond over- or underflows all the same.
        int shift = scale.Exponent - Bias;
        int count = shift < 0 ? 0 : shift >= 17 ? 1 << 17 : (int)(scale.Significand >> (63 - shift));
        int exponent = a.Normalize(out ulong significand);
        return RoundExtended(a.Sign, exponent + (scale.IsNegative ? -count : count), significand, 0, ref context);
    }

    /// <summary>Splits into exponent and significand, the sign on the latter (FXTRACT).</summary>
    public static Float80 Extract(Float80 a, out Float80 exponent, ref X87Context context)
    {
        if (TryPropagateNaN(a, ref context, out exponent))
        {
            return exponent;
        }

        if (a.IsInfinity)
        {
            exponent = Infinity(0);
            return a;
        }

        if (a.IsZero)
        {
            context.Flags |= X87Context.ZeroDivide;
            exponent = Infinity(SignBit);
            return a;
        }

        NoteDenormal(a, ref context);
        exponent = FromInt64(a.Normalize(out ulong significand) - Bias);
        return new Float80(a.Sign, Bias, significand);
    }
}
