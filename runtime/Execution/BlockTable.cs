using System.Runtime.InteropServices;
using Jitvmm.Runtime.CodeCache;
using Jitvmm.Runtime.Memory;

namespace Jitvmm.Runtime.Execution;

/// <summary>
/// The blocks a vCPU of a machine guest looked up, by physical address: what is known here outlives the TLB flushes that empty the jump
/// caches. Owned by the vCPU's thread; <see cref="Forget"/> may be called by others.
/// </summary>
internal sealed unsafe class BlockTable : IDisposable
{
    /// <summary>A booted Linux runs some ten thousand blocks again and again. A set has two entries.</summary>
    private const int Sets = 16384;
    private const int Size = 2 * Sets;

    private int _latest;
    private Entry* _entries = (Entry*)NativeMemory.AllocZeroed(Size, (nuint)sizeof(Entry));

    /// <summary>The head of the block at a location; null when it is not known here.</summary>
    /// <param name="location">Where it begins.</param>
    /// <param name="nextPage">The second page it was made of, or 0: the caller sees to it that the page still follows the first.</param>
    public TbOp* Find(in CodeLocation location, out ulong nextPage)
    {
        Entry* entry = SetOf(location.Address);
        ulong place = PlaceOf(location);
        if (entry->Address != location.Address || entry->Place != place)
        {
            entry++;
        }

        nextPage = entry->NextPage;
        return entry->Address == location.Address && entry->Place == place ? entry->Head : null;
    }

    public void Add(TranslationBlock block)
    {
        Entry* entry = PlaceFor(block);
        entry->Address = block.Address;
        entry->Place = PlaceOf(block.Location);
        entry->NextPage = block.Location.NextPage;
        entry->Head = block.Ops;
    }

    /// <summary>The block became stale. Any thread.</summary>
    public void Forget(ulong address, TbOp* head)
    {
        Entry* set = SetOf(address);
        for (int i = 0; i < 2; i++)
        {
            if (set[i].Head == head)
            {
                set[i].Head = null;
            }
        }
    }

    public void Clear() => NativeMemory.Clear(_entries, (nuint)(Size * sizeof(Entry)));

    public void Dispose()
    {
        NativeMemory.Free(_entries);
        _entries = null;
    }

    private Entry* SetOf(ulong address) => _entries + (2 * ((address ^ (address >> GuestPages.PageShift)) & (Sets - 1)));

    /// <summary>Entries never move, since others forget them where they are. Of two that are in use, one and then the other goes.</summary>
    private Entry* PlaceFor(TranslationBlock block)
    {
        Entry* set = SetOf(block.Address);
        for (int i = 0; i < 2; i++)
        {
            if (set[i].Head == null || (set[i].Address == block.Address && set[i].Place == PlaceOf(block.Location)))
            {
                return set + i;
            }
        }

        _latest ^= 1;
        return set + _latest;
    }

    /// <summary>The rest of the physical address is that of the linear one, and modes are smaller than a page.</summary>
    private static ulong PlaceOf(in CodeLocation location) => (location.Physical & SoftTlb.PageMask) | (ulong)location.Mode;

    [StructLayout(LayoutKind.Sequential)]
    private struct Entry
    {
        public ulong Address;
        public ulong Place;
        public ulong NextPage;
        public TbOp* Head;
    }
}
