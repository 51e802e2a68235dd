namespace Jitvmm.Runtime.Semantics;

// FPATAN.
public readonly partial struct Float80
{
    /// <summary>The angle of the point (x, y), in (−π, π] (SDM vol. 2, FPATAN's table).</summary>
    public static Float80 ArcTangent(Float80 y, Float80 x, ref X87Context context)
    {
        if (TryPropagateNaN(x, y, ref context, out Float80 nan))
        {
            return nan;
        }

        NoteDenormals(x, y, ref context);
        uint sign = y.Sign;
        if (y.IsZero || (x.IsInfinity && !y.IsInfinity))
        {
            return x.IsNegative ? EighthsOfPi(8, sign, ref context) : SignedZero(sign);
        }

        if (x.IsZero || (y.IsInfinity && !x.IsInfinity))
        {
            return EighthsOfPi(4, sign, ref context);
        }

        WideFloat height = WideFloat.FromMagnitude(y);
        WideFloat width = WideFloat.FromMagnitude(x);
        if (x.IsInfinity || (height.Exponent == width.Exponent && height.Significand == width.Significand))
        {
            return EighthsOfPi(x.IsNegative ? 6 : 2, sign, ref context);
        }

        bool isSteep = height.Exponent != width.Exponent
            ? height.Exponent > width.Exponent
            : height.Significand > width.Significand;
        WideFloat angle = ArcTangentBelowOne(isSteep ? WideFloat.Divide(width, height) : WideFloat.Divide(height, width));
        if (isSteep)
        {
            UInt128 offset = angle.ToFixed(126);
            UInt128 right = Series.Pi >> 1;
            angle = WideFloat.FromFixed(x.IsNegative ? right + offset : right - offset, 126);
        }
        else if (x.IsNegative)
        {
            angle = WideFloat.FromFixed(Series.Pi - angle.ToFixed(126), 126);
        }

        return angle.Round(sign, ref context);
    }

    private static Float80 EighthsOfPi(int count, uint sign, ref X87Context context)
    {
        UInt128 eighth = Series.Pi >> 3;
        return WideFloat.FromFixed(eighth * (uint)count, 126).Round(sign, ref context);
    }

    private static WideFloat ArcTangentBelowOne(WideFloat tangent)
    {
        UInt128 fraction = tangent.Exponent < 0 ? tangent.ToFixed(128) : UInt128.MaxValue;
        int nearest = (int)((fraction >> 123) + UInt128.One) >> 1;
        if (nearest == 0)
        {
            return SmallArcTangent(tangent);
        }

        // atan t = atan c + atan((t − c) / (1 + t·c)) with c = nearest / 16.
        UInt128 unit = UInt128.One << 124;
        UInt128 product = nearest == 16 ? fraction : (fraction >> 4) * (uint)nearest;
        WideFloat denominator = WideFloat.FromFixed((UInt128.One << 127) + (product >> 1), 127);
        UInt128 table = new(Series.ArcTangents[2 * nearest], Series.ArcTangents[2 * nearest + 1]);
        bool isAbove = nearest < 16 && fraction >= unit * (uint)nearest;
        UInt128 numerator = isAbove ? fraction - unit * (uint)nearest : unit * (uint)nearest - fraction;
        if (numerator == UInt128.Zero)
        {
            return WideFloat.FromFixed(table, 128);
        }

        UInt128 correction = SmallArcTangent(WideFloat.Divide(WideFloat.FromFixed(numerator, 128), denominator)).ToFixed(128);
        return WideFloat.FromFixed(isAbove ? table + correction : table - correction, 128);
    }

    /// <summary>For a tangent of at most 1/32.</summary>
    private static WideFloat SmallArcTangent(WideFloat tangent) =>
        tangent.TimesOneMinus(Series.Alternating(Series.OddReciprocals[..20], SquareAsFraction(tangent)));
}
