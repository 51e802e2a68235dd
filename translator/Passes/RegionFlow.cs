using Jitvmm.Translator.Regions;

namespace Jitvmm.Translator.Passes;

/// <summary>What is known at each block's start of a region, whichever way control came there.</summary>
public sealed class RegionFlow
{
    /// <summary>Analyses blocks whose IR is final and whose entries are numbered.</summary>
    /// <param name="blocks">Of one region.</param>
    /// <param name="isMachine">Whether the guest is a machine.</param>
    public RegionFlow(IReadOnlyList<RegionBlock> blocks, bool isMachine)
    {
        Graph = new RegionGraph(blocks);
        Pages = new PageFlow(blocks, Graph, isMachine);
        Nans = new NanFlow(blocks, Graph);
    }

    /// <summary>How control goes between the blocks.</summary>
    public RegionGraph Graph { get; }

    /// <summary>Which pages of code are where they were.</summary>
    public PageFlow Pages { get; }

    /// <summary>Which registers have no NaNs whose order matters.</summary>
    public NanFlow Nans { get; }

    /// <summary>Whether something is looked at on the way from one block to another: the region may be left there.</summary>
    public bool MayLeaveBetween(ulong from, ulong to) => Pages.IsUnknown(from, to) || !Nans.Unseen(from, to).IsEmpty;
}
