using Jitvmm.Runtime.Memory;

namespace Jitvmm.Runtime.Paravirt.Hyperv;

/// <summary>What all processors of a guest share: its identity, the hypercall page, the reference clock. Its lock is held while memory's gate is taken, never the other way round.</summary>
internal sealed unsafe class HypervPartition(HypercallPage page)
{
    private const ulong Enabled = 1;

    /// <summary>Of the hypercall page: where it is does not change any more.</summary>
    private const ulong Locked = 2;

    private const ulong AddressMask = ~(GuestPages.PageSize - 1);

    // The reference TSC page (TLFS 12.7.2): a sequence, 0 while the page tells nothing and never all ones, scale and offset.
    private const int ScaleOffset = 8;
    private const int OffsetOffset = 16;
    private const ulong TicksPerSecond = 10_000_000;

    private readonly Lock _lock = new();
    private readonly List<HypervCpu> _processors = [];
    private readonly HashSet<uint> _moved = [];
    private SharedRecord? _referencePage;

    /// <summary>What the hypercall page does: VMCALL, RET.</summary>
    public static ReadOnlySpan<byte> PageCode => [0x0f, 0x01, 0xc1, 0xc3];

    /// <summary>In order of their indices. All are there before the first runs.</summary>
    public IReadOnlyList<HypervCpu> Processors => _processors;

    /// <summary>HV_X64_MSR_GUEST_OS_ID; 0 before the guest says who it is, and has no hypercalls.</summary>
    public ulong GuestId { get; private set; }

    /// <summary>HV_X64_MSR_HYPERCALL.</summary>
    public ulong Hypercall { get; private set; }

    /// <summary>HV_X64_MSR_REFERENCE_TSC.</summary>
    public ulong ReferenceTsc { get; private set; }

    public HypervCpu Add(HypervCpu processor)
    {
        _processors.Add(processor);
        return processor;
    }

    /// <summary>Time in units of 100 ns, as the reference TSC page has guests compute it.</summary>
    public static ulong ReferenceTime(IParavirtualHost host) => (ulong)(((UInt128)host.TimeStamp * Scale(host.TimeStampFrequency)) >> 64);

    /// <summary>Without an identity the hypercall page goes too (TLFS 3.13).</summary>
    public void WriteGuestId(PhysicalMemory memory, ulong value)
    {
        lock (_lock)
        {
            GuestId = value;
            if (value == 0 && (Hypercall & Enabled) != 0)
            {
                Hypercall &= ~Enabled;
                page.Move(memory, null);
            }
        }
    }

    /// <summary>Places the hypercall page, and writes into it what it does, for guests that read it. False: it is locked elsewhere, or not in RAM.</summary>
    public bool TryWriteHypercall(PhysicalMemory memory, ulong value)
    {
        lock (_lock)
        {
            if (GuestId == 0)
            {
                return true;
            }

            return (Hypercall & Locked) == 0 && TryPlacePage(memory, value, true);
        }
    }

    /// <summary>Places the reference TSC page and fills it. One that is not in RAM is ignored.</summary>
    public void WriteReferenceTsc(IParavirtualHost host, ulong value)
    {
        lock (_lock)
        {
            PlaceReferencePage(host.Memory, value);
            FillReferencePage(host);
        }
    }

    /// <summary>A processor's time-stamp counter is machine time, or is not: the page is for all of them, and tells nothing while one differs.</summary>
    public void SetMoved(IParavirtualHost host, bool isMoved)
    {
        lock (_lock)
        {
            if (isMoved ? _moved.Add(host.Index) : _moved.Remove(host.Index))
            {
                FillReferencePage(host);
            }
        }
    }

    public bool IsMoved(uint index)
    {
        lock (_lock)
        {
            return _moved.Contains(index);
        }
    }

    /// <summary>Puts registers back into a machine whose memory is what it was: nothing is written there. False: they are no registers.</summary>
    public bool TryRestore(IParavirtualHost host, ulong guestId, ulong hypercall, ulong referenceTsc, bool isMoved)
    {
        lock (_lock)
        {
            GuestId = guestId;
            PlaceReferencePage(host.Memory, referenceTsc);
            _ = isMoved ? _moved.Add(host.Index) : _moved.Remove(host.Index);
            return (guestId != 0 || (hypercall & Enabled) == 0) && TryPlacePage(host.Memory, hypercall, false);
        }
    }

    private bool TryPlacePage(PhysicalMemory memory, ulong value, bool writes)
    {
        bool isEnabled = (value & Enabled) != 0;
        ulong address = value & AddressMask;
        if (isEnabled && !memory.Allows(address, GuestPages.PageSize, PageAccess.Read | PageAccess.Write))
        {
            return false;
        }

        Hypercall = value;
        page.Move(memory, isEnabled ? address : null);
        return !isEnabled || !writes || memory.Write(address, page.Code);
    }

    private void PlaceReferencePage(PhysicalMemory memory, ulong value)
    {
        ReferenceTsc = value;
        _referencePage ??= new SharedRecord(memory, (int)GuestPages.PageSize);
        _referencePage.Remove();
        if ((value & Enabled) != 0)
        {
            _ = _referencePage.TryPlace(value & AddressMask);
        }
    }

    private void FillReferencePage(IParavirtualHost host)
    {
        if (_referencePage is not { IsPlaced: true })
        {
            return;
        }

        byte* bytes = _referencePage.Writable();
        uint* sequence = (uint*)bytes;
        uint next = *sequence >= uint.MaxValue - 1 ? 1 : *sequence + 1;
        Volatile.Write(ref *sequence, 0);
        Interlocked.MemoryBarrier();
        *(ulong*)(bytes + ScaleOffset) = Scale(host.TimeStampFrequency);
        *(ulong*)(bytes + OffsetOffset) = 0;
        Volatile.Write(ref *sequence, _moved.Count == 0 ? next : 0);
        _referencePage.Written();
    }

    /// <summary>Units of 100 ns in 2⁶⁴ ticks.</summary>
    private static ulong Scale(uint frequency) => (ulong)UInt128.Min(((UInt128)TicksPerSecond << 64) / frequency, ulong.MaxValue);
}
