using System.Runtime.CompilerServices;
using Jitvmm.Runtime.Cpu;

namespace Jitvmm.Runtime.Semantics;

// Everything that pushes: loads, integer and decimal loads, constants.
public static unsafe partial class X87
{
    public static void FldM32(CpuState* cpu, uint source)
    {
        if ((source >> 23 & 0xff) - 1 < 0xfe)
        {
            Push(cpu, Float80.FromSingleBits(source));
            return;
        }

        LoadSpecial(cpu, Float80.FromSingleBits(source), Float80.IsDenormalSingle(source));
    }

    public static void FldM64(CpuState* cpu, ulong source)
    {
        if ((source >> 52 & 0x7ff) - 1 < 0x7fe)
        {
            Push(cpu, Float80.FromDoubleBits(source));
            return;
        }

        LoadSpecial(cpu, Float80.FromDoubleBits(source), Float80.IsDenormalDouble(source));
    }

    /// <summary>FLD m80: ten bytes, copied whatever they encode.</summary>
    public static void FldM80(CpuState* cpu, byte* source) => Push(cpu, ReadExtended(source));

    /// <summary>FLD ST(i).</summary>
    public static void FldSt(CpuState* cpu, int source)
    {
        if (!IsEmpty(cpu, source))
        {
            Push(cpu, Read(cpu, source));
        }
        else if (Report(cpu, StackUnderflow, X87Context.C1))
        {
            PushUnchecked(cpu, Float80.Indefinite);
        }
    }

    public static void FildM16(CpuState* cpu, short source) => Push(cpu, Float80.FromInt64(source));

    public static void FildM32(CpuState* cpu, int source) => Push(cpu, Float80.FromInt64(source));

    public static void FildM64(CpuState* cpu, long source) => Push(cpu, Float80.FromInt64(source));

    /// <summary>FBLD: ten bytes of packed decimal.</summary>
    public static void Fbld(CpuState* cpu, byte* source) => Push(cpu, Float80.FromPackedBcd(source));

    public static void Fld1(CpuState* cpu) => Push(cpu, Float80.One);

    public static void Fldz(CpuState* cpu) => Push(cpu, Float80.Zero);

    // The irrational constants are rounded by the rounding control from a longer internal form (SDM vol. 1, 8.3.8):
    // truncated here, with whether the nearest 64-bit significand is the next one up.
    public static void Fldl2t(CpuState* cpu) => PushConstant(cpu, 0x4000, 0xd49a784bcd1b8afe, nearestIsUp: false);

    public static void Fldl2e(CpuState* cpu) => PushConstant(cpu, 0x3fff, 0xb8aa3b295c17f0bb, nearestIsUp: true);

    public static void Fldpi(CpuState* cpu) => PushConstant(cpu, 0x4000, 0xc90fdaa22168c234, nearestIsUp: true);

    public static void Fldlg2(CpuState* cpu) => PushConstant(cpu, 0x3ffd, 0x9a209a84fbcff798, nearestIsUp: true);

    public static void Fldln2(CpuState* cpu) => PushConstant(cpu, 0x3ffe, 0xb17217f7d1cf79ab, nearestIsUp: true);

    private static void PushConstant(CpuState* cpu, uint exponent, ulong truncated, bool nearestIsUp)
    {
        uint rounding = ((uint)cpu->X87.ControlWord >> 10) & 3;
        bool up = rounding == X87Context.RoundUp || (rounding == X87Context.RoundNearest && nearestIsUp);
        Push(cpu, new Float80(exponent, truncated + (up ? 1ul : 0)));
    }

    private static void LoadSpecial(CpuState* cpu, Float80 value, bool isDenormal)
    {
        if (!IsEmpty(cpu, -1))
        {
            Overflow(cpu);
            return;
        }

        X87Context context = new(cpu->X87.ControlWord);
        if (Float80.TryPropagateNaN(value, ref context, out Float80 quiet))
        {
            value = quiet;
        }

        context.Flags |= isDenormal ? X87Context.Denormal : 0;

        // This processor family delivers a loaded denormal even when its exception is unmasked.
        if (Report(cpu, in context) || isDenormal)
        {
            PushUnchecked(cpu, value);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Float80 ReadExtended(byte* source) =>
        new(Unsafe.ReadUnaligned<ushort>(source + 8), Unsafe.ReadUnaligned<ulong>(source));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void WriteExtended(byte* destination, Float80 value)
    {
        Unsafe.WriteUnaligned(destination, value.Significand);
        Unsafe.WriteUnaligned(destination + 8, value.SignExponent);
    }
}
