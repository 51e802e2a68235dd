using Jitvmm.Runtime.Cpu;

namespace Jitvmm.Runtime.Semantics;

/// <summary>Decimal adjustments (SDM vol. 2A, AAA to DAS). Flags the manual leaves undefined follow the result, as on current processors.</summary>
public static unsafe class DecimalSemantics
{
    private const ulong AdjustBit = 0x10;

    [TouchesRegisters]
    public static void AdjustAfterAdd(CpuState* cpu) => AdjustDigit(cpu, 0x106);

    [TouchesRegisters]
    public static void AdjustAfterSubtract(CpuState* cpu) => AdjustDigit(cpu, -0x106);

    /// <summary>DAA.</summary>
    [TouchesRegisters]
    public static void PackedAfterAdd(CpuState* cpu) => AdjustPacked(cpu, 1);

    /// <summary>DAS.</summary>
    [TouchesRegisters]
    public static void PackedAfterSubtract(CpuState* cpu) => AdjustPacked(cpu, -1);

    /// <summary>AAM; the divisor is not 0.</summary>
    [TouchesRegisters]
    public static void AdjustAfterMultiply(CpuState* cpu, uint divisor)
    {
        uint al = (byte)cpu->Gpr[0];
        SetAx(cpu, ((al / divisor) << 8) | (al % divisor));
        SetResultFlags(cpu);
        ClearCarries(cpu);
    }

    /// <summary>AAD.</summary>
    [TouchesRegisters]
    public static void AdjustBeforeDivide(CpuState* cpu, uint radix)
    {
        uint ax = (ushort)cpu->Gpr[0];
        SetAx(cpu, ((ax & 0xff) + ((ax >> 8) * radix)) & 0xff);
        SetResultFlags(cpu);
        ClearCarries(cpu);
    }

    private static void AdjustDigit(CpuState* cpu, int change)
    {
        uint ax = (ushort)cpu->Gpr[0];
        bool adjusts = (ax & 15) > 9 || (cpu->FlagA & AdjustBit) != 0;
        ax = adjusts ? (uint)((int)ax + change) & 0xffff : ax;
        SetAx(cpu, ax & 0xff0f);
        SetResultFlags(cpu);
        cpu->FlagA = adjusts ? AdjustBit : 0;
        cpu->FlagC = adjusts ? 1u : 0;
        cpu->FlagO = 0;
    }

    private static void AdjustPacked(CpuState* cpu, int sign)
    {
        uint al = (byte)cpu->Gpr[0];
        bool adjustsLow = (al & 15) > 9 || (cpu->FlagA & AdjustBit) != 0;
        bool adjustsHigh = al > 0x99 || (cpu->FlagC & 1) != 0;
        int change = (adjustsLow ? 6 : 0) + (adjustsHigh ? 0x60 : 0);

        // DAS also borrows when the low adjustment alone goes below zero.
        bool borrows = sign < 0 && adjustsLow && al < 6;
        cpu->Gpr[0] = (cpu->Gpr[0] & ~0xfful) | (byte)((int)al + (sign * change));
        SetResultFlags(cpu);
        cpu->FlagA = adjustsLow ? AdjustBit : 0;
        cpu->FlagC = adjustsHigh || borrows ? 1u : 0;
        cpu->FlagO = 0;
    }

    private static void SetAx(CpuState* cpu, uint ax) => cpu->Gpr[0] = (cpu->Gpr[0] & ~0xfffful) | ax;

    /// <summary>SF, ZF and PF of AL.</summary>
    private static void SetResultFlags(CpuState* cpu)
    {
        ulong al = (ulong)(long)(sbyte)cpu->Gpr[0];
        cpu->FlagZ = al;
        cpu->FlagS = al;
        cpu->FlagP = al;
    }

    private static void ClearCarries(CpuState* cpu)
    {
        cpu->FlagC = 0;
        cpu->FlagO = 0;
        cpu->FlagA = 0;
    }
}
