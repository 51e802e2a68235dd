using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using Jitvmm.Runtime.Cpu;
using Jitvmm.Runtime.Execution;
using Jitvmm.Runtime.Memory;

namespace Jitvmm.Runtime.Semantics;

/// <summary>
/// F16C's conversions between half and single precision (SDM vol. 1, 14.4), which .NET has no intrinsics for.
/// They set MXCSR's flags themselves, and raise what is not masked.
/// </summary>
public static unsafe class HalfFloat
{
    private const uint Invalid = 0x01;
    private const uint Denormal = 0x02;
    private const uint Overflow = 0x08;
    private const uint Underflow = 0x10;
    private const uint Precision = 0x20;
    private const uint DenormalsAreZeros = 0x40;
    private const int MaskShift = 7;

    private const uint RoundNearest = 0;
    private const uint RoundDown = 1;
    private const uint RoundUp = 2;

    /// <summary>Four halves as singles. Denormal halves are exact and never treated as zeros.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    public static Vector128<float> ToSingles(CpuState* cpu, ulong halves)
    {
        uint flags = 0;
        Vector128<uint> result = Vector128.Create(
            ToSingle((uint)halves & 0xffff, ref flags),
            ToSingle((uint)(halves >> 16) & 0xffff, ref flags),
            ToSingle((uint)(halves >> 32) & 0xffff, ref flags),
            ToSingle((uint)(halves >> 48), ref flags));
        Report(cpu, flags);
        return result.AsSingle();
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    public static Vector256<float> ToSingles256(CpuState* cpu, Vector128<ulong> halves)
    {
        // Both halves of the operand are looked at before an exception leaves.
        uint flags = 0;
        Span<uint> singles = stackalloc uint[8];
        for (int i = 0; i < 8; i++)
        {
            singles[i] = ToSingle(halves.AsUInt16()[i], ref flags);
        }

        Report(cpu, flags);
        return Vector256.Create<uint>(singles).AsSingle();
    }

    /// <summary>Four singles as halves, rounded as the control byte says: its bits 1–0, or MXCSR when bit 2 is set.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    public static ulong FromSingles(CpuState* cpu, Vector128<float> singles, int control)
    {
        uint flags = 0;
        ulong result = FromSingles(cpu, singles, control, ref flags);
        Report(cpu, flags);
        return result;
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    public static Vector128<ulong> FromSingles(CpuState* cpu, Vector256<float> singles, int control)
    {
        uint flags = 0;
        ulong low = FromSingles(cpu, singles.GetLower(), control, ref flags);
        ulong high = FromSingles(cpu, singles.GetUpper(), control, ref flags);
        Report(cpu, flags);
        return Vector128.Create(low, high);
    }

    private static ulong FromSingles(CpuState* cpu, Vector128<float> singles, int control, ref uint flags)
    {
        uint mxcsr = cpu->Mxcsr;
        uint rounding = (control & 4) != 0 ? (mxcsr >> 13) & 3 : (uint)control & 3;
        ulong result = 0;
        for (int i = 0; i < 4; i++)
        {
            result |= (ulong)FromSingle(singles.AsUInt32()[i], rounding, mxcsr, ref flags) << (16 * i);
        }

        return result;
    }

    private static uint ToSingle(uint half, ref uint flags)
    {
        uint sign = (half & 0x8000) << 16;
        uint exponent = (half >> 10) & 0x1f;
        uint fraction = half & 0x3ff;
        if (exponent == 0x1f)
        {
            flags |= fraction != 0 && (fraction & 0x200) == 0 ? Invalid : 0;
            return sign | 0x7f80_0000 | (fraction != 0 ? (fraction << 13) | 0x0040_0000 : 0);
        }

        if (exponent != 0)
        {
            return sign | ((exponent + 112) << 23) | (fraction << 13);
        }

        if (fraction == 0)
        {
            return sign;
        }

        int shift = System.Numerics.BitOperations.LeadingZeroCount(fraction) - 21;
        return sign | ((uint)(113 - shift) << 23) | ((fraction << (shift + 13)) & 0x007f_ffff);
    }

    private static uint FromSingle(uint single, uint rounding, uint mxcsr, ref uint flags)
    {
        uint sign = (single >> 16) & 0x8000;
        int exponent = (int)(single >> 23) & 0xff;
        uint fraction = single & 0x007f_ffff;
        if (exponent == 0xff)
        {
            flags |= fraction != 0 && (fraction & 0x0040_0000) == 0 ? Invalid : 0;
            return sign | 0x7c00 | (fraction != 0 ? 0x200 | (fraction >> 13) : 0);
        }

        if (exponent == 0)
        {
            if (fraction == 0 || (mxcsr & DenormalsAreZeros) != 0)
            {
                return sign;
            }

            flags |= Denormal;
        }

        return RoundFinite(sign, exponent - 127, exponent == 0 ? fraction : fraction | 0x0080_0000, rounding, mxcsr, ref flags);
    }

    /// <summary>Rounds significand · 2^(exponent − 23) to half precision.</summary>
    private static uint RoundFinite(uint sign, int exponent, uint significand, uint rounding, uint mxcsr, ref uint flags)
    {
        const int MinExponent = -14;
        const int MaxExponent = 15;
        const int Dropped = 13;
        bool isNormal = exponent >= MinExponent;
        int shift = isNormal ? Dropped : Math.Min(Dropped + MinExponent - exponent, 31);
        (uint rounded, bool exact) = Shift(significand, shift, sign != 0, rounding);
        if (!isNormal)
        {
            // Tininess is detected after rounding (SDM vol. 1, 4.9.1.5), as if the exponent had no bound.
            bool tiny = exponent < MinExponent - 1 || Shift(significand, Dropped, sign != 0, rounding).Value < 0x800;
            bool unmasked = ((mxcsr >> MaskShift) & Underflow) == 0;
            flags |= tiny && (!exact || unmasked) ? Underflow : 0;
            flags |= exact ? 0 : Precision;
            return sign | rounded;
        }

        uint half = ((uint)(exponent - MinExponent) << 10) + rounded;
        if (exponent > MaxExponent || half >= 0x7c00)
        {
            flags |= Overflow | Precision;
            bool toInfinity = rounding == RoundNearest || rounding == (sign != 0 ? RoundDown : RoundUp);
            return sign | (toInfinity ? 0x7c00u : 0x7bffu);
        }

        flags |= exact ? 0 : Precision;
        return sign | half;
    }

    private static (uint Value, bool Exact) Shift(uint significand, int count, bool negative, uint rounding)
    {
        uint kept = significand >> count;
        uint rest = significand & ((1u << count) - 1);
        uint half = 1u << (count - 1);
        bool up = rounding == RoundNearest
            ? rest > half || (rest == half && (kept & 1) != 0)
            : rest != 0 && rounding == (negative ? RoundDown : RoundUp);
        return (kept + (up ? 1u : 0), rest == 0);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Report(CpuState* cpu, uint flags)
    {
        if ((flags & ~(cpu->Mxcsr >> MaskShift)) != 0)
        {
            RaiseUnmasked(cpu, flags);
        }

        cpu->Mxcsr |= flags;
    }

    private static void RaiseUnmasked(CpuState* cpu, uint flags)
    {
        cpu->Mxcsr |= FloatExceptions.Reported(flags, cpu->Mxcsr);
        GuestAccess.Raise(ExceptionVector.SimdFloatingPoint);
    }
}
