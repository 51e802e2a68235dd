using System.Diagnostics.CodeAnalysis;
using Jitvmm.Runtime.Host;

namespace Jitvmm.Runtime.Memory;

/// <summary>A device that answers at guest physical addresses. Any vCPU's thread; must not throw.</summary>
public interface IMemoryDevice
{
    /// <summary>Reads 1, 2, 4 or 8 bytes at an offset from the start of its range.</summary>
    ulong Read(ulong offset, int bytes);

    void Write(ulong offset, int bytes, ulong value);
}

/// <summary>
/// The physical address space of a machine guest: RAM and ROM in one host reservation, devices beside them.
/// </summary>
/// <remarks>
/// Ranges may be added and removed while vCPUs run (PCI BARs move), under <see cref="GuestPages.Gate"/>. RAM and ROM are laid out before the first vCPU runs, but for
/// single pages that are added later, and stay.
/// </remarks>
public sealed unsafe class PhysicalMemory : GuestPages
{
    /// <summary>Guest physical addresses have 40 bits (CPUID 80000008h says so).</summary>
    public const int AddressBits = 40;

    public const ulong Limit = 1ul << AddressBits;

    private DeviceRange[] _devices = [];
    private long _deviceAccesses;

    public PhysicalMemory()
        : base(Limit, 0)
    {
    }

    /// <summary>Raised, under the gate, after device ranges changed: soft TLBs hold none of them, but the walker's caches may.</summary>
    public Action? MapChanged { get; set; }

    /// <summary>Bytes of RAM.</summary>
    public ulong RamSize { get; private set; }

    /// <summary>Makes [address, address + length) RAM, zeroed; both are multiples of the page size.</summary>
    public void AddRam(ulong address, ulong length)
    {
        HostMemory.Commit(HostBase + address, length);
        SetAccess(address, length, PageAccess.Read | PageAccess.Write | PageAccess.Execute);
        RamSize += length;
    }

    /// <summary>Makes a page RAM, zeroed, where nothing is. Any thread, while vCPUs run: they remember nothing of addresses that are no memory. False: it is no page's, or not free.</summary>
    public bool TryAddPage(ulong address)
    {
        lock (Gate)
        {
            bool isFree = address % PageSize == 0 && address < Limit && !IsMemory(address) && !TryFindDevice(address, out _);
            if (isFree)
            {
                try
                {
                    AddRam(address, PageSize);
                }
                catch (InsufficientMemoryException)
                {
                    return false;
                }
            }

            return isFree;
        }
    }

    /// <summary>Makes whole pages read-only memory with these first bytes.</summary>
    public void AddRom(ulong address, ReadOnlySpan<byte> content)
    {
        ulong length = ((ulong)content.Length + PageSize - 1) & ~(PageSize - 1);
        HostMemory.Commit(HostBase + address, length);
        content.CopyTo(new Span<byte>(HostBase + address, content.Length));
        SetAccess(address, length, PageAccess.Read | PageAccess.Execute);
    }

    /// <summary>Lets a device answer at a range; the newest range wins where two overlap. RAM below it stays hidden only if the range is not RAM.</summary>
    public void AddDevice(ulong address, ulong length, IMemoryDevice device)
    {
        lock (Gate)
        {
            Volatile.Write(ref _devices, [new DeviceRange(address, length, device), .. _devices]);
            MapChanged?.Invoke();
        }
    }

    public void RemoveDevice(ulong address, IMemoryDevice device)
    {
        lock (Gate)
        {
            Volatile.Write(ref _devices, Array.FindAll(_devices, range => range.Address != address || range.Device != device));
            MapChanged?.Invoke();
        }
    }

    /// <summary>How often a device in the address space was read or written.</summary>
    public long DeviceAccesses => Volatile.Read(ref _deviceAccesses);

    /// <summary>Whether the page at an address is RAM or ROM.</summary>
    public bool IsMemory(ulong address) => AccessOf(address) != PageAccess.None;

    /// <summary>One access of 1 to 8 bytes to whatever is there, as a bus sees it. Nothing answers with ones.</summary>
    public ulong ReadBus(ulong address, int bytes)
    {
        if (TryFindDevice(address, out DeviceRange range))
        {
            _ = Interlocked.Increment(ref _deviceAccesses);
            return range.Device.Read(address - range.Address, bytes);
        }

        ulong value = ulong.MaxValue;
        Read(address, new Span<byte>(&value, bytes));
        return bytes == 8 ? value : value & ((1ul << (8 * bytes)) - 1);
    }

    /// <summary>The writing counterpart; ROM and nothing ignore it.</summary>
    public void WriteBus(ulong address, int bytes, ulong value)
    {
        if (TryFindDevice(address, out DeviceRange range))
        {
            _ = Interlocked.Increment(ref _deviceAccesses);
            range.Device.Write(address - range.Address, bytes, value);
            return;
        }

        Write(address, new ReadOnlySpan<byte>(&value, bytes));
    }

    /// <summary>Copies out of RAM or ROM. False, with the rest of the buffer as it was, when some byte is not there.</summary>
    public bool Read(ulong address, Span<byte> buffer)
    {
        if (!TryGetSpan(address, (ulong)buffer.Length, PageAccess.Read, out Span<byte> source))
        {
            return false;
        }

        source.CopyTo(buffer);
        return true;
    }

    /// <summary>Copies into RAM and throws translations of it away. False, with nothing written, when some byte is not RAM.</summary>
    /// <param name="address">Physical.</param>
    /// <param name="bytes">What to write.</param>
    /// <param name="writer">Guest address of the instruction whose store it is; 0 when a device or the VMM writes.</param>
    public bool Write(ulong address, ReadOnlySpan<byte> bytes, ulong writer = 0)
    {
        if (!TryGetSpan(address, (ulong)bytes.Length, PageAccess.Write, out Span<byte> target))
        {
            return false;
        }

        bytes.CopyTo(target);
        InvalidateCode(address, (ulong)bytes.Length, writer);
        return true;
    }

    /// <summary>
    /// The bytes themselves, for transfers without a copy: all of them RAM (or ROM, to read). At most 2 GiB. Whoever wrote through the span calls
    /// <see cref="GuestPages.InvalidateCode"/>. The guest may change them at any time.
    /// </summary>
    public bool TryGetSpan(ulong address, ulong length, PageAccess access, out Span<byte> span)
    {
        if (length > int.MaxValue || !Allows(address, length, access))
        {
            span = default;
            return false;
        }

        span = new Span<byte>(HostBase + address, (int)length);
        return true;
    }

    private bool TryFindDevice(ulong address, [MaybeNullWhen(false)] out DeviceRange found)
    {
        foreach (DeviceRange range in Volatile.Read(ref _devices))
        {
            if (address - range.Address < range.Length)
            {
                found = range;
                return true;
            }
        }

        found = default;
        return false;
    }

    private readonly record struct DeviceRange(ulong Address, ulong Length, IMemoryDevice Device);
}
