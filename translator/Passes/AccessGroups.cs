using Jitvmm.Runtime.Memory;
using Jitvmm.Translator.Ir;
using Jitvmm.Translator.Regions;

namespace Jitvmm.Translator.Passes;

/// <summary>Places whose permissions are looked at together: bytes [From, To) from a root, or from address 0 when <see cref="IsFixed"/>.</summary>
/// <param name="Root">As in <see cref="AddressRoots"/>.</param>
/// <param name="IsFixed">Where the accesses are is known when the block is translated, to the page.</param>
/// <param name="From">Distance of the first byte.</param>
/// <param name="To">Distance past the last byte.</param>
/// <param name="Write">Whether one of them writes.</param>
public sealed record AccessGroup(int Root, bool IsFixed, long From, long To, bool Write);

/// <summary>
/// Gathers the accesses of a block that are near to each other. Looking at the whole before the first of them is as precise as looking at each: who is refused leaves for tier 0,
/// which does one instruction after the other.
/// </summary>
public sealed class AccessGroups
{
    /// <summary>So that a group touches at most two pages.</summary>
    private const long MaxSpan = (long)GuestPages.PageSize;

    /// <summary>Tables of more pages are looked at where they are read.</summary>
    private const long MaxFixedSpan = 3 * (long)GuestPages.PageSize;

    private const long MaxDistance = 1L << 40;

    private readonly Dictionary<int, AccessGroup> _groups = [];
    private readonly AddressRoots _roots;
    private readonly ValueBounds _bounds;

    public AccessGroups(RegionBlock block, AddressRoots roots)
    {
        _roots = roots;
        _bounds = new ValueBounds(block.Code);
        var near = new Dictionary<int, List<(long From, long To, bool Write, int Index)>>();
        for (int i = 0; i < block.Code.Length; i++)
        {
            ref readonly IrInstruction op = ref block.Code[i];
            if (block.Used[i] == 0 || op.Opcode is not (IrOpcode.Load or IrOpcode.Store or IrOpcode.Pointer))
            {
                continue;
            }

            int bytes = op.Opcode == IrOpcode.Pointer ? (int)op.Immediate : op.Width / 8;
            bool write = op.Opcode == IrOpcode.Store || op.IsModifyingLoad || (op.Opcode == IrOpcode.Pointer && op.Width != 0);
            if (FixedRange(block.Code, op.A) is (long first, long last))
            {
                _groups[i] = new AccessGroup(-1, true, first, last + bytes, write);
                continue;
            }

            (int root, long distance) = roots.Of(op.A);
            if (!near.TryGetValue(root, out List<(long, long, bool, int)>? places))
            {
                near[root] = places = [];
            }

            places.Add((distance, unchecked(distance + bytes), write, i));
        }

        foreach ((int root, List<(long From, long To, bool Write, int Index)> places) in near)
        {
            Gather(root, places);
        }
    }

    /// <summary>The group of a load, store or pointer, by its index in the block.</summary>
    public AccessGroup Of(int access) => _groups[access];

    /// <summary>The first and the last address an access can have, where both are inside the window and near each other.</summary>
    private (long First, long Last)? FixedRange(IrInstruction[] code, int address)
    {
        (int root, long distance) = _roots.Of(address);
        if (root < 0)
        {
            return null;
        }

        ulong most = _bounds.Most(root);
        if (code[root].Opcode == IrOpcode.Constant)
        {
            long exact = unchecked((long)most + distance);
            return exact is >= 0 and < (long)AddressSpace.Limit ? (exact, exact) : null;
        }

        return distance is > 0 and < (long)AddressSpace.Limit && most < (ulong)MaxFixedSpan && distance + (long)most < (long)AddressSpace.Limit
            ? (distance, distance + (long)most)
            : null;
    }

    private void Gather(int root, List<(long From, long To, bool Write, int Index)> places)
    {
        places.Sort((a, b) => a.From.CompareTo(b.From));
        for (int i = 0; i < places.Count;)
        {
            (long from, long to, bool write, int _) = places[i];
            int end = i + 1;
            while (end < places.Count && from > -MaxDistance && places[end].From < MaxDistance && places[end].To - from <= MaxSpan)
            {
                to = Math.Max(to, places[end].To);
                write |= places[end].Write;
                end++;
            }

            var group = new AccessGroup(root, false, from, to, write);
            for (; i < end; i++)
            {
                _groups[places[i].Index] = group;
            }
        }
    }
}
