using Jitvmm.Devices.Pci;
using Jitvmm.Devices.State;
using Jitvmm.Runtime.Memory;

namespace Jitvmm.Devices.Virtio;

/// <summary>
/// A split virtqueue (Virtual I/O Device 1.2, 2.7), with indirect descriptors and event indices. Its owner holds <see cref="Lock"/> while using it.
/// </summary>
/// <remarks>
/// The rings are checked to be RAM when the queue is enabled, and RAM stays; every index and length read from them is checked when it is read. A guest that breaks the rules
/// gets <see cref="IsBroken"/>, which its device turns into DEVICE_NEEDS_RESET.
/// </remarks>
public sealed unsafe class VirtQueue
{
    private const ushort HasNext = 1;
    private const ushort WriteOnly = 2;
    private const ushort IsTable = 4;
    private const ushort NoInterrupt = 1;
    private const uint DescriptorSize = 16;

    private readonly PhysicalMemory _memory;
    private byte* _descriptorTable;
    private byte* _available;
    private byte* _used;
    private ushort _nextAvailable;
    private ushort _nextUsed;
    private ushort _signalledUsed;
    private bool _hasSignalled;

    internal VirtQueue(PhysicalMemory memory, ushort maximumSize)
    {
        _memory = memory;
        MaximumSize = maximumSize;
        Size = maximumSize;
        Chain = new VirtChain(memory);
    }

    /// <summary>Held while the queue is used; a leaf but for interrupt controllers.</summary>
    internal Lock Lock { get; } = new();

    internal VirtChain Chain { get; }

    public ushort MaximumSize { get; }

    /// <summary>What the driver set, before it enables the queue.</summary>
    public ushort Size { get; set; }

    public ulong DescriptorAddress { get; set; }

    public ulong AvailableAddress { get; set; }

    public ulong UsedAddress { get; set; }

    public ushort Vector { get; set; } = MsixTable.None;

    public bool IsEnabled { get; private set; }

    /// <summary>Counts the resets.</summary>
    internal int Generation { get; private set; }

    /// <summary>Counts the chains taken.</summary>
    internal ushort Position => _nextAvailable;

    /// <summary>The guest broke the queue's rules.</summary>
    public bool IsBroken { get; private set; }

    /// <summary>VIRTIO_F_EVENT_IDX was negotiated.</summary>
    internal bool UsesEventIndex { get; set; }

    /// <summary>Back to what it is after a reset.</summary>
    internal void Reset()
    {
        Generation++;
        Size = MaximumSize;
        DescriptorAddress = AvailableAddress = UsedAddress = 0;
        Vector = MsixTable.None;
        IsEnabled = IsBroken = false;
        UsesEventIndex = false;
        _nextAvailable = _nextUsed = _signalledUsed = 0;
        _hasSignalled = false;
    }

    /// <summary>The driver enables the queue. Rings that are not in RAM break it.</summary>
    internal void Enable()
    {
        if (IsEnabled)
        {
            return;
        }

        IsEnabled = true;
        _hasSignalled = false;
        bool isPowerOf2 = Size != 0 && (Size & (Size - 1)) == 0 && Size <= MaximumSize;
        IsBroken = !isPowerOf2
            || ((DescriptorAddress & 15) | (AvailableAddress & 1) | (UsedAddress & 3)) != 0
            || !_memory.Allows(DescriptorAddress, DescriptorSize * Size, PageAccess.Read)
            || !_memory.Allows(AvailableAddress, 6u + 2u * Size, PageAccess.Read)
            || !_memory.Allows(UsedAddress, 6u + 8u * Size, PageAccess.Write);
        if (!IsBroken)
        {
            _descriptorTable = _memory.HostBase + DescriptorAddress;
            _available = _memory.HostBase + AvailableAddress;
            _used = _memory.HostBase + UsedAddress;
        }
    }

    /// <summary>Takes the next chain into <see cref="Chain"/>. False when there is none, or the queue is broken.</summary>
    internal bool TryPop()
    {
        if (!IsEnabled || IsBroken)
        {
            return false;
        }

        ushort available = Volatile.Read(ref *(ushort*)(_available + 2));
        if (available == _nextAvailable)
        {
            return false;
        }

        if ((ushort)(available - _nextAvailable) > Size)
        {
            return Break();
        }

        ushort head = *(ushort*)(_available + 4 + 2 * (_nextAvailable & (Size - 1)));
        if (head >= Size || !TryFollow(head))
        {
            return Break();
        }

        _nextAvailable++;
        return true;
    }

    /// <summary>Puts the last chain back, to be taken again.</summary>
    internal void Unpop() => _nextAvailable--;

    /// <summary>Returns a chain to the driver with how many bytes were written to it.</summary>
    internal void Push(ushort head, uint written)
    {
        if (!IsEnabled || IsBroken)
        {
            return;
        }

        ulong entry = 4ul + 8ul * (ulong)(_nextUsed & (Size - 1));
        *(uint*)(_used + entry) = head;
        *(uint*)(_used + entry + 4) = written;
        _nextUsed++;
        Volatile.Write(ref *(ushort*)(_used + 2), _nextUsed);
        _memory.InvalidateCode(UsedAddress, 4);
        _memory.InvalidateCode(UsedAddress + entry, 8);
    }

    /// <summary>Whether the driver wants an interrupt for what was pushed since the last one.</summary>
    internal bool TakeInterrupt()
    {
        if (!IsEnabled || IsBroken)
        {
            return false;
        }

        // The used index must be visible before the driver's wish is read: it does the opposite.
        Interlocked.MemoryBarrier();
        if (!UsesEventIndex)
        {
            bool pushed = _nextUsed != _signalledUsed;
            _signalledUsed = _nextUsed;
            return pushed && (Volatile.Read(ref *(ushort*)_available) & NoInterrupt) == 0;
        }

        ushort wish = Volatile.Read(ref *(ushort*)(_available + 4 + 2 * Size));
        ushort from = _signalledUsed;
        bool any = _nextUsed != from;
        bool crossed = any && (!_hasSignalled || (ushort)(_nextUsed - wish - 1) < (ushort)(_nextUsed - from));
        _signalledUsed = _nextUsed;
        _hasSignalled |= any;
        return crossed;
    }

    /// <summary>Asks for a notification when the driver adds the next chain. True when one is there already.</summary>
    internal bool RequestNotification()
    {
        if (!IsEnabled || IsBroken)
        {
            return false;
        }

        if (UsesEventIndex)
        {
            ulong at = 4ul + 8ul * Size;
            Volatile.Write(ref *(ushort*)(_used + at), _nextAvailable);
            _memory.InvalidateCode(UsedAddress + at, 2);
            Interlocked.MemoryBarrier();
        }

        return Volatile.Read(ref *(ushort*)(_available + 2)) != _nextAvailable;
    }

    internal void Save(StateWriter writer)
    {
        writer.UInt16(Size);
        writer.UInt64(DescriptorAddress);
        writer.UInt64(AvailableAddress);
        writer.UInt64(UsedAddress);
        writer.UInt16(Vector);
        writer.Bool(IsEnabled);
        writer.Bool(IsBroken);
        writer.Bool(UsesEventIndex);
        writer.UInt16(_nextAvailable);
        writer.UInt16(_nextUsed);
        writer.UInt16(_signalledUsed);
        writer.Bool(_hasSignalled);
    }

    internal void Restore(StateReader reader)
    {
        Reset();
        Size = reader.UInt16();
        DescriptorAddress = reader.UInt64();
        AvailableAddress = reader.UInt64();
        UsedAddress = reader.UInt64();
        Vector = reader.UInt16();
        if (reader.Bool())
        {
            Enable();
        }

        IsBroken |= reader.Bool();
        UsesEventIndex = reader.Bool();
        _nextAvailable = reader.UInt16();
        _nextUsed = reader.UInt16();
        _signalledUsed = reader.UInt16();
        _hasSignalled = reader.Bool();
    }

    private bool Break()
    {
        IsBroken = true;
        return false;
    }

    /// <summary>Collects the chain that starts at a descriptor.</summary>
    private bool TryFollow(ushort head)
    {
        Chain.Begin(head);
        byte* table = _descriptorTable;
        uint count = Size;
        uint index = head;
        bool isIndirect = false;

        // Each step takes a descriptor of the table; a longer walk is a loop.
        for (uint steps = 0; steps < count; steps++)
        {
            // Each field is read once: the guest may change it at any time.
            byte* descriptor = table + DescriptorSize * index;
            ulong address = Volatile.Read(ref *(ulong*)descriptor);
            uint length = Volatile.Read(ref *(uint*)(descriptor + 8));
            ushort flags = Volatile.Read(ref *(ushort*)(descriptor + 12));
            if ((flags & IsTable) != 0)
            {
                uint entries = length / DescriptorSize;
                bool isAllowed = !isIndirect && (flags & HasNext) == 0 && entries != 0 && entries <= VirtChain.MaximumBuffers
                    && length % DescriptorSize == 0 && _memory.Allows(address, length, PageAccess.Read);
                if (!isAllowed)
                {
                    return false;
                }

                isIndirect = true;
                table = _memory.HostBase + address;
                (count, index, steps) = (entries, 0, uint.MaxValue);
                continue;
            }

            if (!Chain.TryAdd(address, length, (flags & WriteOnly) != 0))
            {
                return false;
            }

            if ((flags & HasNext) == 0)
            {
                return true;
            }

            index = Volatile.Read(ref *(ushort*)(descriptor + 14));
            if (index >= count)
            {
                return false;
            }
        }

        return false;
    }
}
