using Jitvmm.Runtime.Cpu;
using Jitvmm.Runtime.Execution;
using Jitvmm.Runtime.Host;

namespace Jitvmm.Runtime.Semantics;

/// <summary>MXCSR's exceptions (SDM vol. 1, 11.5).</summary>
/// <remarks>
/// The host runs with every exception masked and collects flags. A guest that unmasks one is looked after by
/// making its translations check each instruction that may set a flag: <see cref="CodeCache.CodeCache.ChecksFloatExceptions"/>.
/// </remarks>
public static unsafe class FloatExceptions
{
    /// <summary>The flags, MXCSR bits 5–0.</summary>
    public const uint Flags = 0x3f;

    /// <summary>Their masks.</summary>
    public const uint Masks = 0x1f80;

    public const int MaskShift = 7;

    /// <summary>Invalid operation, denormal operand, division by zero: found before computing.</summary>
    private const uint PreComputation = 0x07;

    private const uint Underflow = 0x10;
    private const uint FlushToZero = 0x8000;

    public static bool AreMasked(uint mxcsr) => (mxcsr & Masks) == Masks;

    public static uint Unmasked(uint flags, uint mxcsr) => flags & ~(mxcsr >> MaskShift) & Flags;

    /// <summary>The flags an instruction that raises an exception leaves set, of those it would set with all masked.</summary>
    public static uint Reported(uint flags, uint mxcsr) => (Unmasked(flags, mxcsr) & PreComputation) != 0 ? flags & PreComputation : flags;

    /// <summary>What the host's MXCSR must be for the guest's: the same, with every exception masked.</summary>
    /// <remarks>
    /// An unmasked underflow is raised for exact tiny results too (SDM vol. 1, 4.9.1.5), which the masked host flags only
    /// when it flushes them; the result itself is never used then.
    /// </remarks>
    public static uint HostMxcsr(uint guest) => guest | Masks | ((guest & (Underflow << MaskShift)) == 0 ? FlushToZero : 0);

    /// <summary>MXCSR as the guest sees it: control bits from the state, flags from both, as guest arithmetic sets the host's.</summary>
    public static uint Read(CpuState* cpu) => cpu->Mxcsr | (HostCode.StoreMxcsr() & Flags);

    public static void Write(CpuState* cpu, uint value)
    {
        cpu->Mxcsr = value;
        HostCode.LoadMxcsr(HostMxcsr(value));
        if (!AreMasked(value))
        {
            VCpu.FromState(cpu)?.CheckFloatExceptions();
        }
    }
}
