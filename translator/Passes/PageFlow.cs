using Jitvmm.Runtime.CodeCache;
using Jitvmm.Runtime.Memory;
using Jitvmm.Translator.Regions;

namespace Jitvmm.Translator.Passes;

/// <summary>
/// Which pages of a machine guest's code are known, at each block's start, to be where they were when the region was made: those that every path
/// from an entry went through. Their mapping stands while the region runs, since only tier 0 changes what the TLB has.
/// </summary>
public sealed class PageFlow
{
    /// <summary>Most pages a region may have.</summary>
    public const int MaxPages = 64;

    private readonly IReadOnlyList<RegionBlock> _blocks;
    private readonly List<(ulong Linear, ulong Physical)> _pages = [];

    /// <summary>As sets of bits, positions in <see cref="_pages"/>.</summary>
    private readonly ulong[] _own;
    private readonly ulong[] _known;

    /// <summary>Analyses blocks whose entries are numbered.</summary>
    /// <param name="blocks">Of one region.</param>
    /// <param name="graph">How control goes between them.</param>
    /// <param name="isMachine">Whether code is in pages at all: to a process it is where it is.</param>
    public PageFlow(IReadOnlyList<RegionBlock> blocks, RegionGraph graph, bool isMachine)
    {
        Graph = graph;
        _blocks = blocks;
        _own = new ulong[blocks.Count];
        _known = new ulong[blocks.Count];
        for (int i = 0; i < blocks.Count; i++)
        {
            _own[i] = isMachine ? PagesOf(blocks[i].Source.Location) : 0;
        }

        FindKnown();
    }

    private RegionGraph Graph { get; }

    /// <summary>Pages that must be looked at on the way from one block of the region to another.</summary>
    public IEnumerable<(ulong Linear, ulong Physical)> Unknown(ulong from, ulong to)
    {
        ulong unknown = UnknownSet(from, to);
        for (int page = 0; unknown >> page != 0; page++)
        {
            if ((unknown >> page & 1) != 0)
            {
                yield return _pages[page];
            }
        }
    }

    /// <summary>Whether there are any such.</summary>
    public bool IsUnknown(ulong from, ulong to) => UnknownSet(from, to) != 0;

    private ulong UnknownSet(ulong from, ulong to) => _own[Graph.IndexOf(to)] & ~_known[Graph.IndexOf(from)];

    private ulong PagesOf(in CodeLocation location)
    {
        ulong linear = location.Address & SoftTlb.PageMask;
        ulong pages = Enter(linear, location.Physical & SoftTlb.PageMask);
        return location.NextPage == 0 ? pages : pages | Enter(linear + GuestPages.PageSize, location.NextPage);
    }

    private ulong Enter(ulong linear, ulong physical)
    {
        int index = _pages.FindIndex(page => page.Linear == linear);
        if (index < 0)
        {
            index = _pages.Count;
            _pages.Add((linear, physical));
        }

        return 1ul << index;
    }

    /// <summary>The largest solution: a block knows what all that lead to it know, and an entry nothing but its own pages.</summary>
    private void FindKnown()
    {
        for (int i = 0; i < _blocks.Count; i++)
        {
            _known[i] = _blocks[i].Entry >= 0 ? _own[i] : ulong.MaxValue;
        }

        bool changed = true;
        while (changed)
        {
            changed = false;
            for (int i = 0; i < _blocks.Count; i++)
            {
                foreach (int successor in Graph.SuccessorsOf(i))
                {
                    ulong known = _known[successor] & (_known[i] | _own[successor]);
                    changed |= known != _known[successor];
                    _known[successor] = known;
                }
            }
        }
    }
}
