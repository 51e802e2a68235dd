using Jitvmm.Runtime.Cpu;

namespace Jitvmm.Runtime.Callouts;

/// <summary>
/// The memory type range registers (SDM vol. 3A, 11.11). They hold what is written; memory types have no effect, because guest memory is always coherent.
/// </summary>
internal static unsafe class MemoryTypeRanges
{
    /// <summary>Eight variable ranges, fixed ranges, write combining.</summary>
    public const ulong Capabilities = VariableCount | (1 << 8) | (1 << 10);

    private const uint VariableCount = 8;
    private const uint FirstVariable = 0x200;
    private const uint DefaultType = 0x2ff;
    private const ulong DefaultTypeBits = 0xcff;
    private const ulong AddressBits = ((1ul << Memory.PhysicalMemory.AddressBits) - 1) & ~0xffful;
    private const ulong Valid = 1ul << 11;

    public static bool TryRead(CpuState* cpu, uint index, out ulong value)
    {
        if (index == DefaultType)
        {
            value = cpu->System.MtrrDefault;
            return true;
        }

        if (index - FirstVariable < 2 * VariableCount)
        {
            value = cpu->System.MtrrVariable[index - FirstVariable];
            return true;
        }

        int range = FixedRange(index);
        value = range >= 0 ? cpu->System.MtrrFixed[range] : 0;
        return range >= 0;
    }

    public static bool TryWrite(CpuState* cpu, uint index, ulong value)
    {
        if (index == DefaultType)
        {
            cpu->System.MtrrDefault = value & DefaultTypeBits;
            return (value & ~DefaultTypeBits) == 0 && IsType(value & 0xff);
        }

        if (index - FirstVariable < 2 * VariableCount)
        {
            bool isMask = (index & 1) != 0;
            ulong allowed = AddressBits | (isMask ? Valid : 0xff);
            if ((value & ~allowed) != 0 || (!isMask && !IsType(value & 0xff)))
            {
                return false;
            }

            cpu->System.MtrrVariable[index - FirstVariable] = value;
            return true;
        }

        return TryWriteFixed(cpu, FixedRange(index), value);
    }

    private static bool TryWriteFixed(CpuState* cpu, int range, ulong value)
    {
        if (range < 0)
        {
            return false;
        }

        for (int part = 0; part < 64; part += 8)
        {
            if (!IsType(value >> part & 0xff))
            {
                return false;
            }
        }

        cpu->System.MtrrFixed[range] = value;
        return true;
    }

    private static bool IsType(ulong type) => type is 0 or 1 or 4 or 5 or 6;

    private static int FixedRange(uint index) => index switch
    {
        0x250 => 0,
        0x258 or 0x259 => (int)(index - 0x258) + 1,
        >= 0x268 and <= 0x26f => (int)(index - 0x268) + 3,
        _ => -1,
    };
}
