using Jitvmm.Runtime.Memory;

namespace Jitvmm.Linux.Mappings;

/// <summary>The mappings of one address space, sorted and disjoint. The caller holds the address space's gate.</summary>
internal sealed class VmaList
{
    private readonly List<Vma> _areas = [];

    // Top-down searches start below addresses already known to have no hole of the wanted size.
    private ulong _searchFrom;
    private ulong _largestSkipped;

    public int Count => _areas.Count;

    public Vma this[int index] => _areas[index];

    /// <summary>Bytes the memory limit counts.</summary>
    public ulong Charged { get; private set; }

    /// <summary>Bytes mapped.</summary>
    public ulong Total { get; private set; }

    public void Clear()
    {
        _areas.Clear();
        Charged = 0;
        Total = 0;
        _searchFrom = 0;
    }

    /// <summary>Index of the first area that ends after <paramref name="address"/>.</summary>
    public int IndexAfter(ulong address)
    {
        int low = 0;
        int high = _areas.Count;
        while (low < high)
        {
            int middle = (low + high) >>> 1;
            if (_areas[middle].End <= address)
            {
                low = middle + 1;
            }
            else
            {
                high = middle;
            }
        }

        return low;
    }

    public Vma? Find(ulong address)
    {
        int index = IndexAfter(address);
        return index < _areas.Count && _areas[index].Start <= address ? _areas[index] : null;
    }

    public bool IsFree(ulong start, ulong end)
    {
        int index = IndexAfter(start);
        return index == _areas.Count || _areas[index].Start >= end;
    }

    /// <summary>Whether every page of the range is mapped.</summary>
    public bool IsCovered(ulong start, ulong end)
    {
        for (int i = IndexAfter(start); start < end; i++)
        {
            if (i >= _areas.Count || _areas[i].Start > start)
            {
                return false;
            }

            start = _areas[i].End;
        }

        return true;
    }

    /// <summary>Adds an area to a free range, merged with its neighbours where they are alike.</summary>
    public void Add(Vma area)
    {
        Account(area, 1);
        int index = IndexAfter(area.Start);
        if (index > 0 && _areas[index - 1].Continues(area))
        {
            _areas[index - 1].End = area.End;
            index--;
        }
        else
        {
            _areas.Insert(index, area);
        }

        MergeWithNext(index);
    }

    /// <summary>Forgets what is mapped in a range, splitting areas at its ends.</summary>
    public void Remove(ulong start, ulong end)
    {
        Split(start);
        Split(end);
        int first = IndexAfter(start);
        int last = first;
        while (last < _areas.Count && _areas[last].Start < end)
        {
            Account(_areas[last], -1);
            last++;
        }

        _areas.RemoveRange(first, last - first);
        if (end > _searchFrom)
        {
            _searchFrom = 0;
        }
    }

    /// <summary>Changes the permissions of the mapped parts of a range.</summary>
    public void Protect(ulong start, ulong end, PageAccess access)
    {
        Split(start);
        Split(end);
        int first = IndexAfter(start);
        int index = first;
        for (; index < _areas.Count && _areas[index].Start < end; index++)
        {
            Account(_areas[index], -1);
            _areas[index].Access = access;
            Account(_areas[index], 1);
        }

        for (int i = Math.Min(index, _areas.Count - 1); i >= Math.Max(first - 1, 0); i--)
        {
            MergeWithNext(i);
        }
    }

    /// <summary>The highest free range of <paramref name="length"/> bytes in [floor, ceiling); 0 when there is none.</summary>
    public ulong FindFree(ulong length, ulong floor, ulong ceiling)
    {
        bool remember = ceiling == LinuxLayout.MapCeiling;
        ulong top = ceiling;
        if (remember)
        {
            if (_searchFrom != 0 && length > _largestSkipped)
            {
                top = Math.Min(_searchFrom, ceiling);
            }
            else
            {
                _largestSkipped = 0;
            }
        }

        for (int i = IndexAfter(top) - 1; ; i--)
        {
            // An area that straddles the ceiling leaves nothing above it.
            if (i + 1 < _areas.Count && _areas[i + 1].Start < top)
            {
                top = _areas[i + 1].Start;
            }

            ulong bottom = i >= 0 ? Math.Max(_areas[i].End, floor) : floor;
            if (top > bottom && top - bottom >= length)
            {
                if (remember)
                {
                    _searchFrom = top;
                }

                return top - length;
            }

            if (i < 0 || _areas[i].End <= floor)
            {
                return 0;
            }

            _largestSkipped = remember ? Math.Max(_largestSkipped, top > bottom ? top - bottom : 0) : _largestSkipped;
            top = _areas[i].Start;
        }
    }

    private void Split(ulong address)
    {
        int index = IndexAfter(address);
        if (index < _areas.Count && _areas[index].Start < address)
        {
            Vma area = _areas[index];
            Vma upper = area.Slice(address, area.End);
            area.End = address;
            _areas.Insert(index + 1, upper);
        }
    }

    private void MergeWithNext(int index)
    {
        if (index >= 0 && index + 1 < _areas.Count && _areas[index].Continues(_areas[index + 1]))
        {
            _areas[index].End = _areas[index + 1].End;
            _areas.RemoveAt(index + 1);
        }
    }

    private void Account(Vma area, int sign)
    {
        Total += (ulong)sign * area.Length;
        if (area.IsCharged)
        {
            Charged += (ulong)sign * area.Length;
        }
    }
}
