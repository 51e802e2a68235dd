using Iced.Intel;
using Jitvmm.Translator.Regions;

namespace Jitvmm.Translator.Passes;

/// <summary>How control goes between the blocks of a region, by their positions in it. A return may go to every return site there is.</summary>
public sealed class RegionGraph
{
    private readonly Dictionary<ulong, int> _indexes = [];
    private readonly int[][] _successors;
    private readonly bool[] _mayLeave;

    public RegionGraph(IReadOnlyList<RegionBlock> blocks)
    {
        for (int i = 0; i < blocks.Count; i++)
        {
            _indexes[blocks[i].Address] = i;
        }

        int[] sites = [.. blocks.Where(static block => block.ReturnSite != 0).Select(block => _indexes.GetValueOrDefault(block.ReturnSite, -1)).Where(static site => site >= 0)];
        _successors = new int[blocks.Count][];
        _mayLeave = new bool[blocks.Count];
        for (int i = 0; i < blocks.Count; i++)
        {
            RegionBlock block = blocks[i];
            int[] direct = [.. block.Successors.Select(address => _indexes.GetValueOrDefault(address, -1)).Where(static index => index >= 0)];
            _mayLeave[i] = direct.Length < block.Successors.Count || block.Successors.Count == 0;
            _successors[i] = block.Instructions[^1].FlowControl == FlowControl.Return ? [.. direct, .. sites] : direct;
        }
    }

    public int IndexOf(ulong address) => _indexes[address];

    public IReadOnlyList<int> SuccessorsOf(int index) => _successors[index];

    /// <summary>Whether control may go from a block's end to where the region has no block.</summary>
    public bool MayLeave(int index) => _mayLeave[index];
}
