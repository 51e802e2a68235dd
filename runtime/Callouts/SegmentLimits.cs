using Jitvmm.Runtime.Cpu;

namespace Jitvmm.Runtime.Callouts;

/// <summary>Limit checks of legacy segments (SDM vol. 3A, 5.3).</summary>
internal static class SegmentLimits
{
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
