namespace Jitvmm.Inspector.Files;

/// <summary>Finds blocks by guest address.</summary>
public sealed class BlockIndex
{
    private readonly ulong[] _starts;
    private readonly int[] _blocks;
    private readonly uint[] _lengths;
    private readonly uint _longest;

    /// <summary>Sorts blocks by address.</summary>
    public BlockIndex(ReadOnlySpan<BlockRecord> blocks)
    {
        _starts = new ulong[blocks.Length];
        _blocks = new int[blocks.Length];
        _lengths = new uint[blocks.Length];
        for (int i = 0; i < blocks.Length; i++)
        {
            _starts[i] = blocks[i].Address;
            _blocks[i] = i;
            _longest = Math.Max(_longest, blocks[i].CodeLength);
        }

        Array.Sort(_starts, _blocks);
        for (int i = 0; i < blocks.Length; i++)
        {
            _lengths[i] = blocks[_blocks[i]].CodeLength;
        }
    }

    /// <summary>The block that starts at an address, else the one that starts nearest before it and has it inside; null when there is none. Of several at one place, the one made last.</summary>
    public int? Find(ulong address)
    {
        int? found = null;
        ulong start = 0;
        for (int i = PositionAfter(address) - 1; i >= 0 && address - _starts[i] <= _longest && (found == null || _starts[i] == start); i--)
        {
            if (Contains(i, address))
            {
                found = Math.Max(found ?? 0, _blocks[i]);
                start = _starts[i];
            }
        }

        return found;
    }

    /// <summary>All blocks that have an address inside, by their number.</summary>
    public IReadOnlyList<int> All(ulong address)
    {
        var found = new List<int>();
        for (int i = PositionAfter(address) - 1; i >= 0 && address - _starts[i] <= _longest; i--)
        {
            if (Contains(i, address))
            {
                found.Add(_blocks[i]);
            }
        }

        found.Sort();
        return found;
    }

    /// <summary>Whether a block starts in [address, address + length).</summary>
    public bool HasAny(ulong address, ulong length)
    {
        int position = address == 0 ? 0 : PositionAfter(address - 1);
        return position < _starts.Length && _starts[position] - address < length;
    }

    private bool Contains(int position, ulong address) => address == _starts[position] || address - _starts[position] < _lengths[position];

    /// <summary>Position of the first block that starts behind an address.</summary>
    private int PositionAfter(ulong address)
    {
        int low = 0;
        int high = _starts.Length;
        while (low < high)
        {
            int middle = (low + high) >>> 1;
            (low, high) = _starts[middle] <= address ? (middle + 1, high) : (low, middle);
        }

        return low;
    }
}
