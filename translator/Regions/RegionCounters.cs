using System.Runtime.InteropServices;

namespace Jitvmm.Translator.Regions;

/// <summary>What is counted at a place of a region.</summary>
public enum RegionEvent : byte
{
    /// <summary>A block was entered.</summary>
    Block,

    /// <summary>A direct branch, call or fall-through left the region.</summary>
    Branch,

    /// <summary>A computed jump or call, or a return to none of the region's own calls.</summary>
    Indirect,

    /// <summary>A memory access that compiled code does not make: a miss of the soft TLB, a page without the right, an address outside the window, a page that holds code.</summary>
    Access,

    /// <summary>An operand that the instruction's fast path does not take: a fault, or what is rare.</summary>
    Operand,

    /// <summary>An instruction that only tier 0 executes.</summary>
    TierZero,

    /// <summary>A loop's head saw the exit request.</summary>
    Safepoint,

    /// <summary>Control went into a page that was not found where the region was made from.</summary>
    Page,

    /// <summary><c>syscall</c>.</summary>
    SystemCall,
}

/// <summary>
/// Counters of one region, in memory of their own that its code increments. Only recording makes them. Vcpus that run a region at once lose counts to each other.
/// </summary>
public sealed unsafe class RegionCounters : IDisposable
{
    private const int SlabCounters = 256;

    private readonly List<(RegionEvent Event, ulong Address)> _places = [];
    private readonly List<nint> _slabs = [];

    /// <summary>How many there are.</summary>
    public int Count => _places.Count;

    /// <summary>What a counter counts, and the guest address of where: of a block, its start; of a way out, where guest code goes on.</summary>
    public (RegionEvent Event, ulong Address) this[int index] => _places[index];

    /// <summary>What it stands at.</summary>
    public ulong Read(int index) => Volatile.Read(ref *Place(index));

    /// <summary>Makes a counter; the host address to increment.</summary>
    internal nint Add(RegionEvent what, ulong address)
    {
        if (_places.Count == _slabs.Count * SlabCounters)
        {
            _slabs.Add((nint)NativeMemory.AllocZeroed(SlabCounters, sizeof(ulong)));
        }

        _places.Add((what, address));
        return (nint)Place(_places.Count - 1);
    }

    /// <summary>Call when no vCPU can be inside the region any more.</summary>
    public void Dispose()
    {
        foreach (nint slab in _slabs)
        {
            NativeMemory.Free((void*)slab);
        }

        _slabs.Clear();
        _places.Clear();
    }

    private ulong* Place(int index) => (ulong*)_slabs[index / SlabCounters] + (index % SlabCounters);
}
