using System.Numerics;
using System.Reflection;
using System.Runtime.CompilerServices;

namespace Jitvmm.Runtime.Semantics;

/// <summary>Conversions between flag variables (see <see cref="Cpu.CpuState"/>) and flag bits.</summary>
public static class FlagSemantics
{
    public static readonly MethodInfo ParityMethod = typeof(FlagSemantics).GetMethod(nameof(Parity))!;

    /// <summary>1 when the low byte has an even number of bits set.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int Parity(ulong variable) => ~BitOperations.PopCount((uint)(byte)variable) & 1;

    /// <summary>The status byte LAHF and PUSHF read: SF ZF 0 AF 0 PF 1 CF, with OF at bit 11.</summary>
    public static ulong Pack(ulong carry, ulong parity, ulong adjust, ulong zero, ulong sign, ulong overflow) =>
        (carry & 1) | 2 | ((ulong)Parity(parity) << 2) | (adjust & 0x10) | (zero == 0 ? 0x40ul : 0) | ((sign >> 63) << 7) | ((overflow & 1) << 11);
}
