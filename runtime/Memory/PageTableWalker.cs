using Jitvmm.Runtime.Cpu;

namespace Jitvmm.Runtime.Memory;

/// <summary>What an access wants of a page.</summary>
[Flags]
public enum PageWalk
{
    Read = 0,
    Write = 1,
    Fetch = 2,

    /// <summary>With user privilege (CPL 3).</summary>
    User = 4,

    /// <summary>A supervisor access to which SMAP does not apply: AC is set.</summary>
    OverridesSmap = 8,

    /// <summary>Look only: no accessed or dirty bits, no error code kept (LAR-like probes, debuggers).</summary>
    Silent = 16,
}

/// <summary>Where a linear page is, and what may be done with it.</summary>
public struct PageMapping
{
    /// <summary>Physical address of the byte asked for.</summary>
    public ulong Physical;

    /// <summary>Linear bytes the leaf entry maps: 4 KiB, 2 MiB, 4 MiB or 1 GiB.</summary>
    public ulong Size;

    public bool IsGlobal;

    /// <summary>A write by the same privilege would succeed without changing the entry.</summary>
    public bool IsWritableNow;

    /// <summary>Error code of the page fault, when there is one.</summary>
    public uint ErrorCode;
}

/// <summary>Linear to physical (SDM vol. 3A, chapter 4): no paging, 32-bit, PAE and 4-level.</summary>
public static unsafe class PageTableWalker
{
    public const ulong Present = 1;
    public const ulong Writable = 2;
    public const ulong UserAccess = 4;
    public const ulong Accessed = 0x20;
    public const ulong Dirty = 0x40;
    public const ulong Large = 0x80;
    public const ulong Global = 0x100;
    public const ulong NoExecute = 1ul << 63;

    private const int Pointers = 4;
    private const ulong AddressMask = (PhysicalMemory.Limit - 1) & ~0xffful;

    /// <summary>Physical-address bits a processor with fewer of them reserves.</summary>
    private const ulong ReservedAddress = ((1ul << 52) - 1) & ~(PhysicalMemory.Limit - 1);

    /// <summary>What 4-level paging leaves to software and PAE reserves (SDM vol. 3A, tables 4-9 to 4-11).</summary>
    private const ulong ReservedByPae = 0x7fful << 52;

    /// <summary>Reserved in PAE's page-directory-pointer entries (SDM vol. 3A, table 4-8).</summary>
    private const ulong ReservedInPointer = (~0ul << PhysicalMemory.AddressBits) | 0x1e6;

    /// <summary>Finds the page of a linear address. False: page fault with <see cref="PageMapping.ErrorCode"/>.</summary>
    public static bool TryWalk(CpuState* cpu, ulong linear, PageWalk walk, out PageMapping mapping)
    {
        mapping = default;
        if ((cpu->System.Cr0 & Cr0.Paging) == 0)
        {
            mapping.Physical = (uint)linear;
            mapping.Size = 1ul << 30;
            mapping.IsWritableNow = true;
            return true;
        }

        if ((cpu->System.Cr4 & Cr4.PhysicalAddressExtension) == 0)
        {
            return TryWalk32(cpu, (uint)linear, walk, ref mapping);
        }

        ulong table;
        ulong rights = Writable | UserAccess;
        bool noExecute = false;
        int shift = 30;
        if (CpuMode.IsLong(cpu))
        {
            table = cpu->System.Cr3 & AddressMask;
            for (shift = 39; shift > 30; shift -= 9)
            {
                if (!TryStep(cpu, linear, walk, shift, ref table, ref rights, ref noExecute, ref mapping, out _))
                {
                    return false;
                }
            }
        }
        else
        {
            linear = (uint)linear;
            if (!TryPointer(cpu, (uint)linear, walk, out table, ref mapping))
            {
                return false;
            }

            shift = 21;
        }

        for (; ; shift -= 9)
        {
            if (!TryStep(cpu, linear, walk, shift, ref table, ref rights, ref noExecute, ref mapping, out bool isLeaf))
            {
                return false;
            }

            if (isLeaf)
            {
                return true;
            }
        }
    }

    /// <summary>Loads PAE's four pointers from the table at a CR3. False, and nothing loaded: one that is present has reserved bits set (SDM vol. 3A, 4.4.1).</summary>
    public static bool TryLoadPointers(CpuState* cpu, ulong cr3)
    {
        ulong* entries = stackalloc ulong[Pointers];
        for (int i = 0; i < Pointers; i++)
        {
            ulong* entry = Entry(cpu, (cr3 & 0xffffffe0) + (8 * (uint)i));
            entries[i] = entry == null ? 0 : Volatile.Read(ref *entry);
            if ((entries[i] & Present) != 0 && (entries[i] & ReservedInPointer) != 0)
            {
                return false;
            }
        }

        for (int i = 0; i < Pointers; i++)
        {
            cpu->System.PagePointers[i] = entries[i];
        }

        return true;
    }

    /// <summary>PAE's four pointers carry no rights, only presence.</summary>
    private static bool TryPointer(CpuState* cpu, uint linear, PageWalk walk, out ulong table, ref PageMapping mapping)
    {
        ulong pointer = cpu->System.PagePointers[linear >> 30];
        table = pointer & AddressMask;
        return (pointer & Present) != 0 || Fault(cpu, walk, 0, ref mapping);
    }

    /// <summary>One level: to the next table, or to the page when the entry is a leaf.</summary>
    private static bool TryStep(
        CpuState* cpu, ulong linear, PageWalk walk, int shift, ref ulong table, ref ulong rights, ref bool noExecute, ref PageMapping mapping, out bool isLeaf)
    {
        isLeaf = false;
        ulong* place = Entry(cpu, table + (((linear >> shift) & 0x1ff) * 8));
        if (place == null)
        {
            return Fault(cpu, walk, 0, ref mapping);
        }

        ulong entry = Volatile.Read(ref *place);
        if ((entry & Present) == 0)
        {
            return Fault(cpu, walk, 0, ref mapping);
        }

        bool isLarge = (entry & Large) != 0 && (shift is 21 or 30);
        ulong reserved = ReservedAddress | ((cpu->System.Efer & Efer.NoExecuteEnable) == 0 ? NoExecute : 0);
        reserved |= CpuMode.IsLong(cpu) ? 0 : ReservedByPae;
        if (isLarge)
        {
            reserved |= ((1ul << shift) - 1) & ~0x1ffful;
        }
        else if (shift == 39)
        {
            reserved |= Large;
        }

        if ((entry & reserved) != 0)
        {
            return Fault(cpu, walk, 1 | 8, ref mapping);
        }

        rights &= entry;
        noExecute |= (entry & NoExecute) != 0;
        isLeaf = isLarge || shift == 12;
        if (!isLeaf)
        {
            MarkAccessed(place, entry, walk);
            table = entry & AddressMask;
            return true;
        }

        if (!Allows(cpu, rights, noExecute, walk))
        {
            return Fault(cpu, walk, 1, ref mapping);
        }

        Complete(cpu, place, entry, rights, walk, 1ul << shift, linear, ref mapping);
        return true;
    }

    private static bool TryWalk32(CpuState* cpu, uint linear, PageWalk walk, ref PageMapping mapping)
    {
        uint* place = (uint*)Entry(cpu, (cpu->System.Cr3 & 0xfffff000) + ((linear >> 22) * 4));
        if (place == null || (*place & Present) == 0)
        {
            return Fault(cpu, walk, 0, ref mapping);
        }

        uint entry = *place;
        ulong rights = entry & (Writable | UserAccess);
        bool isLarge = (entry & Large) != 0 && (cpu->System.Cr4 & Cr4.PageSizeExtensions) != 0;
        ulong frame = 0;
        uint* directory = null;
        if (isLarge)
        {
            if ((entry & (1u << 21)) != 0)
            {
                return Fault(cpu, walk, 1 | 8, ref mapping);
            }

            // PSE-36: bits 20–13 are bits 39–32 of the address.
            frame = (entry & 0xffc00000) | ((ulong)(entry & 0x1fe000) << 19);
        }
        else
        {
            directory = place;
            place = (uint*)Entry(cpu, (entry & 0xfffff000) + (((linear >> 12) & 0x3ff) * 4));
            if (place == null || (*place & Present) == 0)
            {
                return Fault(cpu, walk, 0, ref mapping);
            }

            entry = *place;
            rights &= entry;
            frame = entry & 0xfffff000;
        }

        if (!Allows(cpu, rights, false, walk))
        {
            return Fault(cpu, walk, 1, ref mapping);
        }

        if (directory != null)
        {
            // A walk that faults marks nothing.
            MarkAccessed32(directory, *directory, walk, 0);
        }

        ulong dirty = (walk & (PageWalk.Write | PageWalk.Silent)) == PageWalk.Write ? Dirty : 0;
        MarkAccessed32(place, entry, walk, dirty);
        mapping.Size = isLarge ? 1ul << 22 : 1ul << 12;
        mapping.Physical = frame | (linear & (mapping.Size - 1));
        mapping.IsGlobal = (entry & Global) != 0 && (cpu->System.Cr4 & Cr4.PageGlobal) != 0;
        mapping.IsWritableNow = ((entry | dirty) & Dirty) != 0 && Allows(cpu, rights, false, (walk & ~PageWalk.Fetch) | PageWalk.Write);
        return true;
    }

    private static void Complete(
        CpuState* cpu, ulong* place, ulong entry, ulong rights, PageWalk walk, ulong size, ulong linear, ref PageMapping mapping)
    {
        ulong set = Accessed | ((walk & PageWalk.Write) != 0 ? Dirty : 0);
        if ((walk & PageWalk.Silent) == 0)
        {
            SetBits(place, entry, set);
            entry |= set;
        }

        mapping.Size = size;
        mapping.Physical = (entry & AddressMask & ~(size - 1)) | (linear & (size - 1));
        mapping.IsGlobal = (entry & Global) != 0 && (cpu->System.Cr4 & Cr4.PageGlobal) != 0;
        mapping.IsWritableNow = (entry & Dirty) != 0 && Allows(cpu, rights, false, (walk & ~PageWalk.Fetch) | PageWalk.Write);
    }

    /// <summary>SDM vol. 3A, 4.6: what the combined rights of all levels allow.</summary>
    private static bool Allows(CpuState* cpu, ulong rights, bool noExecute, PageWalk walk)
    {
        if ((walk & PageWalk.Fetch) != 0 && noExecute)
        {
            return false;
        }

        bool isUserPage = (rights & UserAccess) != 0;
        if ((walk & PageWalk.User) != 0)
        {
            return isUserPage && ((walk & PageWalk.Write) == 0 || (rights & Writable) != 0);
        }

        if (isUserPage)
        {
            if ((walk & PageWalk.Fetch) != 0)
            {
                return (cpu->System.Cr4 & Cr4.SupervisorExecutionPrevention) == 0;
            }

            if ((cpu->System.Cr4 & Cr4.SupervisorAccessPrevention) != 0 && (walk & PageWalk.OverridesSmap) == 0)
            {
                return false;
            }
        }

        return (walk & PageWalk.Write) == 0 || (rights & Writable) != 0 || (cpu->System.Cr0 & Cr0.WriteProtect) == 0;
    }

    /// <summary>SDM vol. 3A, 4.7: bit 4 says "fetch" only where something can forbid fetching.</summary>
    private static bool Fault(CpuState* cpu, PageWalk walk, uint cause, ref PageMapping mapping)
    {
        uint code = cause;
        code |= (walk & PageWalk.Write) != 0 ? GuestAccess.ErrorWrite : 0;
        code |= (walk & PageWalk.User) != 0 ? GuestAccess.ErrorUser : 0;
        bool reportsFetch = (cpu->System.Cr4 & Cr4.SupervisorExecutionPrevention) != 0
            || ((cpu->System.Cr4 & Cr4.PhysicalAddressExtension) != 0 && (cpu->System.Efer & Efer.NoExecuteEnable) != 0);
        code |= (walk & PageWalk.Fetch) != 0 && reportsFetch ? GuestAccess.ErrorFetch : 0;
        mapping.ErrorCode = code;
        return false;
    }

    /// <summary>Host address of a table entry; null where no RAM is.</summary>
    private static ulong* Entry(CpuState* cpu, ulong physical) =>
        cpu->Pages[physical >> GuestPages.PageShift] != 0 ? (ulong*)(cpu->System.PhysicalBase + physical) : null;

    private static void MarkAccessed(ulong* place, ulong entry, PageWalk walk)
    {
        if ((walk & PageWalk.Silent) == 0)
        {
            SetBits(place, entry, Accessed);
        }
    }

    /// <summary>Other CPUs walk and change the same tables: bits are only ever added, atomically.</summary>
    private static void SetBits(ulong* place, ulong entry, ulong bits)
    {
        if ((entry & bits) != bits)
        {
            Interlocked.Or(ref *place, bits);
        }
    }

    private static void MarkAccessed32(uint* place, uint entry, PageWalk walk, ulong more)
    {
        uint bits = (uint)(Accessed | more);
        if ((walk & PageWalk.Silent) == 0 && (entry & bits) != bits)
        {
            Interlocked.Or(ref *place, bits);
        }
    }
}
