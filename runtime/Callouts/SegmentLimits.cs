using Jitvmm.Runtime.Cpu;

namespace Jitvmm.Runtime.Callouts;

/// <summary>Limit and type checks of legacy segments (SDM vol. 3A, 5.3 and 5.5).</summary>
internal static unsafe class SegmentLimits
{
    /// <summary>Whether an instruction may make an access through a segment register. A null segment is not present.</summary>
    public static bool Allows(CpuState* cpu, SegmentIndex segment, ulong offset, int bytes, bool write)
    {
        int attributes = cpu->System.Attributes[(int)segment];
        if (!CpuMode.HasRealSegments(cpu))
        {
            bool isCode = (attributes & SegmentAttributes.Code) != 0;
            bool isOpen = (attributes & SegmentAttributes.ReadableOrWritable) != 0 ? !(write && isCode) : !(write || isCode);
            if (!isOpen || (attributes & SegmentAttributes.Present) == 0)
            {
                return false;
            }
        }

        return Contains(cpu->System.Limits[(int)segment], attributes, offset, bytes);
    }

    /// <summary>Whether all bytes of an access lie in the segment.</summary>
    public static bool Contains(uint limit, int attributes, ulong offset, int bytes)
    {
        ulong last = offset + (uint)bytes - 1;
        const int ExpandDown = SegmentAttributes.CodeOrData | SegmentAttributes.ConformingOrExpandDown;
        if ((attributes & (ExpandDown | SegmentAttributes.Code)) != ExpandDown)
        {
            return last <= limit;
        }

        ulong top = (attributes & SegmentAttributes.Big) != 0 ? uint.MaxValue : ushort.MaxValue;
        return offset > limit && last <= top;
    }
}
