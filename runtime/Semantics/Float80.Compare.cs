using System.Runtime.CompilerServices;

namespace Jitvmm.Runtime.Semantics;

public readonly partial struct Float80
{
    /// <summary>
    /// Condition codes of a comparison: 0 greater, C0 less, C3 equal, all three unordered (SDM vol. 1, table 8-6).
    /// A quiet one (FUCOM's kind) does not call a quiet NaN invalid.
    /// </summary>
    public static uint Compare(Float80 a, Float80 b, bool isQuiet, ref X87Context context)
    {
        if (!a.IsNormal || !b.IsNormal)
        {
            if (a.IsUnsupported || b.IsUnsupported || a.IsNaN || b.IsNaN)
            {
                bool isQuietNaN = !a.IsUnsupported && !b.IsUnsupported && !a.IsSignalingNaN && !b.IsSignalingNaN;
                if (!isQuiet || !isQuietNaN)
                {
                    context.Flags |= X87Context.Invalid;
                }

                return X87Context.C0 | X87Context.C2 | X87Context.C3;
            }

            NoteDenormals(a, b, ref context);
            if (a.IsZero && b.IsZero)
            {
                return X87Context.C3;
            }
        }

        if (a.Sign != b.Sign)
        {
            return a.IsNegative ? X87Context.C0 : 0;
        }

        int order = CompareMagnitudes(a, b);
        return order == 0 ? X87Context.C3 : (order < 0) != a.IsNegative ? X87Context.C0 : 0;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static int CompareMagnitudes(Float80 a, Float80 b)
    {
        // A pseudo-denormal's exponent reads as 1.
        int aExponent = Math.Max(a.Exponent, 1);
        int bExponent = Math.Max(b.Exponent, 1);
        return aExponent != bExponent ? aExponent.CompareTo(bExponent) : a.Significand.CompareTo(b.Significand);
    }

    /// <summary>FXAM's class in C3, C2 and C0; the sign goes to C1 (SDM vol. 1, table 8-7). An empty register is the caller's to tell.</summary>
    public static uint Examine(Float80 a)
    {
        uint sign = a.IsNegative ? X87Context.C1 : 0;
        if (a.IsUnsupported)
        {
            return sign;
        }

        if (a.Exponent == MaxExponent)
        {
            return sign | X87Context.C0 | (a.Significand == IntegerBit ? X87Context.C2 : 0);
        }

        return sign | (a.IsZero ? X87Context.C3 : a.Exponent == 0 ? X87Context.C3 | X87Context.C2 : X87Context.C2);
    }
}
