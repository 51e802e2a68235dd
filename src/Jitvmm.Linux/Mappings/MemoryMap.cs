using Jitvmm.Runtime.Host;
using Jitvmm.Runtime.Memory;

namespace Jitvmm.Linux.Mappings;

/// <summary>
/// The mappings of a guest process: mmap, munmap, mprotect, mremap, brk and what /proc shows of them.
/// Addresses are the guest's; results are values or negated <see cref="Errno"/>s as the system calls return them.
/// </summary>
/// <remarks>
/// Every guest page is a host page at <c>HostBase + address</c>, so the host kernel does the paging; this
/// class decides where things go, and keeps the window reserved where nothing is. Host pages are never
/// executable. All changes happen under <see cref="GuestPages.Gate"/>.
/// </remarks>
public sealed unsafe partial class MemoryMap
{
    internal const int MapShared = 1;
    internal const int MapPrivate = 2;
    internal const int MapSharedValidate = 3;
    internal const int MapFixed = 0x10;
    internal const int MapAnonymous = 0x20;
    internal const int Map32Bit = 0x40;
    internal const int MapGrowsDown = 0x100;
    internal const int MapLocked = 0x2000;
    internal const int MapNoReserve = 0x4000;
    internal const int MapPopulate = 0x8000;
    internal const int MapHugeTlb = 0x40000;
    internal const int MapFixedNoReplace = 0x100000;

    private const ulong PageMask = AddressSpace.PageSize - 1;

    /// <summary>Most that may be accessible in one mapping: each TiB takes 256 MiB of page bytes.</summary>
    private const ulong MaxAccessible = 4ul << 40;

    /// <summary>Hosts with less memory do not exist; spares smaller requests a system call.</summary>
    private const ulong SmallestOvercommit = 256ul << 20;

    private const long SysInfo = 99;
    private const long SysMmap = 9;
    private const long SysMprotect = 10;
    private const long SysMremap = 25;

    private readonly AddressSpace _memory;
    private readonly VmaList _areas = new();
    private ulong _breakStart;
    private ulong _break;

    internal MemoryMap(AddressSpace memory, ulong limit)
    {
        _memory = memory;
        memory.AliasesOf = AliasesOf;
        Limit = limit;
    }

    /// <summary>Bytes of own memory the guest may map; 0 = no limit.</summary>
    public ulong Limit { get; }

    /// <summary>RLIMIT_AS and RLIMIT_DATA as the guest set them; all ones = none.</summary>
    internal ulong AddressSpaceLimit { get; set; } = ulong.MaxValue;

    internal ulong DataLimit { get; set; } = ulong.MaxValue;

    /// <summary>The mappings at this moment, by address: what /proc/self/maps lists.</summary>
    public Vma[] Snapshot()
    {
        lock (_memory.Gate)
        {
            Vma[] result = new Vma[_areas.Count];
            for (int i = 0; i < result.Length; i++)
            {
                result[i] = _areas[i].Slice(_areas[i].Start, _areas[i].End);
            }

            return result;
        }
    }

    /// <summary>The mapping an address is in, or null.</summary>
    public Vma? Find(ulong address)
    {
        lock (_memory.Gate)
        {
            Vma? area = _areas.Find(address);
            return area?.Slice(area.Start, area.End);
        }
    }

    /// <summary>Bytes mapped (VmSize).</summary>
    public ulong TotalBytes
    {
        get
        {
            lock (_memory.Gate)
            {
                return _areas.Total;
            }
        }
    }

    /// <summary>Bytes of writable own memory mapped (VmData).</summary>
    public ulong ChargedBytes
    {
        get
        {
            lock (_memory.Gate)
            {
                return _areas.Charged;
            }
        }
    }

    /// <summary>Unmaps everything: the address space of a program that is about to be replaced.</summary>
    internal void Clear()
    {
        lock (_memory.Gate)
        {
            for (int i = 0; i < _areas.Count; i++)
            {
                Vma area = _areas[i];
                _memory.InvalidateCode(area.Start, area.Length);
                _ = ReserveHost(area.Start, area.Length);
                _memory.SetAccess(area.Start, area.Length, PageAccess.None);
            }

            _areas.Clear();
            _breakStart = 0;
            _break = 0;
        }
    }

    /// <summary>mmap(2).</summary>
    /// <param name="address">Wanted address, or 0.</param>
    /// <param name="length">Bytes.</param>
    /// <param name="access">Permissions.</param>
    /// <param name="flags">MAP_*.</param>
    /// <param name="hostFd">The file, opened on the host; -1 for anonymous memory.</param>
    /// <param name="offset">File offset.</param>
    /// <param name="file">What to call the mapping.</param>
    public long Map(ulong address, ulong length, PageAccess access, int flags, int hostFd, ulong offset, MappedFile? file)
    {
        if (length == 0 || (offset & PageMask) != 0)
        {
            return -Errno.EINVAL;
        }

        ulong size = (length + PageMask) & ~PageMask;
        if (size < length || size > AddressSpace.Limit)
        {
            return -Errno.ENOMEM;
        }

        if (offset + size < offset)
        {
            return -Errno.EOVERFLOW;
        }

        if (access != PageAccess.None && (size > MaxAccessible || IsObviousOvercommit(size, access, flags)))
        {
            return -Errno.ENOMEM;
        }

        lock (_memory.Gate)
        {
            long place = Place(address, size, flags);
            if (place < 0)
            {
                return place;
            }

            ulong start = (ulong)place;
            VmaFlags kind = FlagsOf(flags, hostFd);
            Vma area = new(start, start + size, access, kind, file, hostFd < 0 && (kind & VmaFlags.Shared) == 0 ? 0 : offset);
            if (!MayCharge(area, start, start + size))
            {
                return -Errno.ENOMEM;
            }

            _memory.InvalidateCode(start, size);
            long result = MapHost(start, size, access, flags, hostFd, offset);
            if (result < 0)
            {
                return result;
            }

            _areas.Remove(start, start + size);
            RetranslateAliases(area);
            _areas.Add(area);
            _memory.SetAccess(start, size, PageBytes(access));
            return (long)start;
        }
    }

    /// <summary>munmap(2).</summary>
    public long Unmap(ulong address, ulong length)
    {
        ulong size = (length + PageMask) & ~PageMask;
        if ((address & PageMask) != 0 || size == 0 || !AddressSpace.InWindow(address, size))
        {
            return -Errno.EINVAL;
        }

        lock (_memory.Gate)
        {
            return UnmapLocked(address, size);
        }
    }

    /// <summary>mprotect(2).</summary>
    public long Protect(ulong address, ulong length, PageAccess access)
    {
        ulong size = (length + PageMask) & ~PageMask;
        if ((address & PageMask) != 0)
        {
            return -Errno.EINVAL;
        }

        if (size == 0)
        {
            return size < length ? -Errno.ENOMEM : 0;
        }

        if (!AddressSpace.InWindow(address, size) || (access != PageAccess.None && size > MaxAccessible))
        {
            return -Errno.ENOMEM;
        }

        lock (_memory.Gate)
        {
            // The kernel changes what is mapped before the first hole, then reports it.
            ulong end = CoveredEnd(address, address + size);
            if (end > address)
            {
                if ((access & PageAccess.Write) != 0 && !MayCharge(null, address, end))
                {
                    return -Errno.ENOMEM;
                }

                _memory.InvalidateCode(address, end - address);
                long result = HostCalls.Raw(SysMprotect, Host(address), end - address, (ulong)HostProtection(access));
                if (result < 0)
                {
                    return result;
                }

                _areas.Protect(address, end, access);
                _memory.SetAccess(address, end - address, PageBytes(access));
            }

            return end == address + size ? 0 : -Errno.ENOMEM;
        }
    }

    /// <summary>Whether every page of a range is mapped, for calls that only name memory (msync, mlock, mincore).</summary>
    public bool IsMapped(ulong address, ulong length)
    {
        if (!AddressSpace.InWindow(address, length))
        {
            return false;
        }

        lock (_memory.Gate)
        {
            return _areas.IsCovered(address & ~PageMask, (address + length + PageMask) & ~PageMask);
        }
    }

    /// <summary>The permissions of PROT_* bits.</summary>
    internal static PageAccess AccessOf(int protection) => (PageAccess)(protection & 7);

    private static VmaFlags FlagsOf(int flags, int hostFd)
    {
        VmaFlags kind = (flags & 3) == MapPrivate ? VmaFlags.None : VmaFlags.Shared;
        kind |= (flags & MapGrowsDown) != 0 ? VmaFlags.GrowsDown : VmaFlags.None;
        kind |= (flags & MapNoReserve) != 0 ? VmaFlags.NoReserve : VmaFlags.None;
        kind |= hostFd < 0 ? VmaFlags.Anonymous : VmaFlags.None;
        return kind;
    }

    /// <summary>What the engine may assume of pages: on x86 whatever is writable or executable is readable.</summary>
    private static PageAccess PageBytes(PageAccess access) => access == PageAccess.None ? access : access | PageAccess.Read;

    private static int HostProtection(PageAccess access) =>
        access == PageAccess.None ? 0 : 1 | (int)(access & PageAccess.Write);

    /// <summary>
    /// What the kernel refuses whatever else is mapped (Documentation/mm/overcommit-accounting.rst, mode 0): more memory of the
    /// process's own at once than the host has. The host itself is never asked: it must not account for guests' reserves.
    /// </summary>
    private static bool IsObviousOvercommit(ulong size, PageAccess access, int flags)
    {
        if (size < SmallestOvercommit || (access & PageAccess.Write) == 0 || (flags & (3 | MapNoReserve)) != MapPrivate)
        {
            return false;
        }

        // struct sysinfo: uptime, loads[3], totalram, freeram, sharedram, bufferram, totalswap, ..., mem_unit at byte 104.
        ulong* info = stackalloc ulong[14];
        return HostCalls.Raw(SysInfo, (ulong)info) == 0 && size > (info[4] + info[8]) * (uint)info[13];
    }

    private ulong Host(ulong address) => (ulong)_memory.HostBase + address;

    /// <summary>Where a mapping goes, or a negated error.</summary>
    private long Place(ulong address, ulong size, int flags)
    {
        if ((flags & (MapFixed | MapFixedNoReplace)) != 0)
        {
            if ((address & PageMask) != 0)
            {
                return -Errno.EINVAL;
            }

            if (!AddressSpace.InWindow(address, size))
            {
                return -Errno.ENOMEM;
            }

            if (address < LinuxLayout.MinAddress)
            {
                return -Errno.EPERM;
            }

            return (flags & MapFixedNoReplace) != 0 && !_areas.IsFree(address, address + size) ? -Errno.EEXIST : (long)address;
        }

        address &= ~PageMask;
        if (address >= LinuxLayout.MinAddress && AddressSpace.InWindow(address, size) && _areas.IsFree(address, address + size)
            && ((flags & Map32Bit) == 0 || address + size <= LinuxLayout.Low2GiB))
        {
            return (long)address;
        }

        ulong ceiling = (flags & Map32Bit) != 0 ? LinuxLayout.Low2GiB : LinuxLayout.MapCeiling;
        ulong found = _areas.FindFree(size, LinuxLayout.MinAddress, ceiling);
        return found == 0 ? -Errno.ENOMEM : (long)found;
    }

    private long MapHost(ulong start, ulong size, PageAccess access, int flags, int hostFd, ulong offset)
    {
        // SAFETY: [start, start + size) lies in the window, so MAP_FIXED replaces guest memory or its reservation only.
        int hostFlags = (flags & (3 | MapLocked | MapPopulate | 0x80000)) | MapFixed | MapNoReserve;
        if (hostFd < 0)
        {
            hostFlags |= MapAnonymous;
        }

        long result = HostCalls.Raw(SysMmap, Host(start), size, (ulong)HostProtection(access), (ulong)hostFlags, (ulong)(long)hostFd, offset);
        return result < 0 && result > -4096 ? result : 0;
    }

    private long ReserveHost(ulong start, ulong size) =>
        MapHost(start, size, PageAccess.None, MapPrivate, -1, 0);

    private long UnmapLocked(ulong address, ulong size)
    {
        _memory.InvalidateCode(address, size);
        long result = ReserveHost(address, size);
        if (result == 0)
        {
            _areas.Remove(address, address + size);
            _memory.SetAccess(address, size, PageAccess.None);
        }

        return result;
    }

    /// <summary>End of the mapped part that begins at <paramref name="start"/>.</summary>
    private ulong CoveredEnd(ulong start, ulong end)
    {
        for (int i = _areas.IndexAfter(start); i < _areas.Count && _areas[i].Start <= start && start < end; i++)
        {
            start = _areas[i].End;
        }

        return Math.Min(start, end);
    }

    /// <summary>Whether the limits allow a range to become <paramref name="area"/> (or, when null, writable as it is).</summary>
    private bool MayCharge(Vma? area, ulong start, ulong end)
    {
        if (Limit == 0 && AddressSpaceLimit == ulong.MaxValue && DataLimit == ulong.MaxValue)
        {
            return true;
        }

        ulong charged = _areas.Charged;
        ulong total = _areas.Total;
        for (int i = _areas.IndexAfter(start); i < _areas.Count && _areas[i].Start < end; i++)
        {
            ulong overlap = Math.Min(end, _areas[i].End) - Math.Max(start, _areas[i].Start);
            total -= overlap;
            charged -= _areas[i].IsCharged ? overlap : 0;
        }

        ulong own = area == null || area.IsCharged ? end - start : 0;
        return (Limit == 0 || own == 0 || charged + own <= Limit)
            && (own == 0 || charged + own <= DataLimit || area == null)
            && (area == null || total + (end - start) <= AddressSpaceLimit);
    }
}
