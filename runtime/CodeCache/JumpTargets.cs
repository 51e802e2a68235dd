using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Jitvmm.Runtime.CodeCache;

/// <summary>
/// Where a computed jump or call of tier 0 went: up to sixteen of its targets, in the record behind its own. Two that fall into the same pair push
/// the oldest out.
/// </summary>
/// <remarks>Only the lower halves are kept; the upper one is that of the jump. Threads that write at once lose targets, nothing else.</remarks>
[StructLayout(LayoutKind.Sequential)]
public unsafe struct JumpTargets
{
    private const int Slots = TbOp.Size / sizeof(uint);
    private const uint Multiplier = 0x9e37_79b1;

    private fixed uint _low[Slots];

    /// <summary>Of the jump with this record.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static JumpTargets* Of(TbOp* jump) => (JumpTargets*)(jump + 1);

    /// <summary>The jump goes there now.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Note(ulong target)
    {
        int slot = (int)((uint)target * Multiplier >> 28) & ~1;
        if (_low[slot] != (uint)target)
        {
            _low[slot + 1] = _low[slot];
            _low[slot] = (uint)target;
        }
    }

    /// <summary>Targets seen, without duplicates; some may never have been any.</summary>
    /// <param name="jump">Address of the jump.</param>
    public SortedSet<ulong> Seen(ulong jump)
    {
        SortedSet<ulong> seen = [];
        for (int i = 0; i < Slots; i++)
        {
            if (_low[i] != 0)
            {
                seen.Add((jump & ~(ulong)uint.MaxValue) | _low[i]);
            }
        }

        return seen;
    }
}
