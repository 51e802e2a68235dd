using Jitvmm.Linux.Files;
using Jitvmm.Linux.Mappings;
using Jitvmm.Runtime.Host;
using Jitvmm.Runtime.Memory;

namespace Jitvmm.Linux.Syscalls;

/// <summary>Memory: mmap and its family.</summary>
internal static unsafe class MemoryCalls
{
    private const int ProtMask = 7;
    private const int ProtGrows = 0x3000000;
    private const int MapTypeMask = 0xf;
    private const int AdviseDontNeed = 4;
    private const int AdviseFree = 8;
    private const int AdviseRemove = 9;
    private const int AdviseDontNeedLocked = 24;
    private const int AdvisePoisonFirst = 100;
    private const int AdvisePoisonLast = 101;
    private const ulong PageMask = AddressSpace.PageSize - 1;

    public static void Register(SyscallTable table)
    {
        table.Add(9, "mmap", "puPMfx", &Mmap);
        table.Add(10, "mprotect", "puP", &Mprotect);
        table.Add(11, "munmap", "pu", &Munmap);
        table.Add(12, "brk", "p", &Brk);
        table.Add(25, "mremap", "puuxp", &Mremap);
        table.Add(26, "msync", "pux", &Msync);
        table.Add(27, "mincore", "pup", &Mincore);
        table.Add(28, "madvise", "puV", &Madvise);
        table.Add(149, "mlock", "pu", &Mlock);
        table.Add(150, "munlock", "pu", &Munlock);
        table.Add(151, "mlockall", "x", &MlockAll);
        table.Add(152, "munlockall", "", &MunlockAll);
        table.Add(324, "membarrier", "dxd", &Membarrier);
        table.Add(325, "mlock2", "pux", &Mlock2);
    }

    private static long Mmap(GuestThread thread, in SyscallArgs args)
    {
        int protection = args.Int2;
        int flags = args.Int3;
        int type = flags & MapTypeMask;
        if ((flags & MemoryMap.MapHugeTlb) != 0 || type is 0 or > MemoryMap.MapSharedValidate || (protection & ~(ProtMask | ProtGrows)) != 0)
        {
            // The kernel without huge pages set aside has no memory for MAP_HUGETLB; programs try it and go on.
            return (flags & MemoryMap.MapHugeTlb) != 0 ? -Errno.ENOMEM : -Errno.EINVAL;
        }

        if (type != MemoryMap.MapPrivate)
        {
            thread.Process.Engine.ShareMemory();
        }

        PageAccess access = MemoryMap.AccessOf(protection);
        if ((flags & MemoryMap.MapAnonymous) != 0)
        {
            if (type == MemoryMap.MapSharedValidate)
            {
                return -Errno.EINVAL;
            }

            return thread.Process.Map.Map(args.A0, args.A1, access, flags, -1, args.A5 & ~PageMask, null);
        }

        OpenFile? file = thread.Process.Files.Table.Acquire(args.Int4);
        if (file == null)
        {
            return -Errno.EBADF;
        }

        long result = MapFile(thread.Process, in args, access, flags, file);
        file.Release();
        return result;
    }

    private static long MapFile(LinuxProcess process, in SyscallArgs args, PageAccess access, int flags, OpenFile file)
    {
        if (HostFile.Stat(file.HostFd, out HostStat stat) != 0)
        {
            return -Errno.EBADF;
        }

        MappedFile identity = MappedFile.Of(file.HostFd, stat.Device, stat.Inode, process.Files.View.Describe(file));
        return process.Map.Map(args.A0, args.A1, access, flags, file.HostFd, args.A5, identity);
    }

    private static long Mprotect(GuestThread thread, in SyscallArgs args)
    {
        int protection = args.Int2;
        if ((protection & ~(ProtMask | ProtGrows)) != 0 || (protection & ProtGrows) == ProtGrows)
        {
            return -Errno.EINVAL;
        }

        return thread.Process.Map.Protect(args.A0, args.A1, MemoryMap.AccessOf(protection));
    }

    private static long Munmap(GuestThread thread, in SyscallArgs args) => thread.Process.Map.Unmap(args.A0, args.A1);

    private static long Brk(GuestThread thread, in SyscallArgs args) => (long)thread.Process.Map.SetBreak(args.A0);

    private static long Mremap(GuestThread thread, in SyscallArgs args) =>
        thread.Process.Map.Remap(args.A0, args.A1, args.A2, args.Int3, args.A4);

    private static long Msync(GuestThread thread, in SyscallArgs args)
    {
        long error = CheckRange(thread, args.A0, args.A1);
        return error < 0 ? error : HostSyscall.Blocking(thread, 26, thread.HostPointer(args.A0), args.A1, args.A2);
    }

    private static long Mincore(GuestThread thread, in SyscallArgs args)
    {
        long error = CheckRange(thread, args.A0, args.A1);
        ulong pages = (args.A1 + PageMask) >> AddressSpace.PageShift;
        if (error < 0)
        {
            return error;
        }

        thread.BeforeKernelWrite(args.A2, pages);
        return HostSyscall.Raw(27, thread.HostPointer(args.A0), args.A1, thread.HostPointer(args.A2, pages));
    }

    private static long Madvise(GuestThread thread, in SyscallArgs args)
    {
        int advice = args.Int2;
        if (advice is AdvisePoisonFirst or AdvisePoisonLast)
        {
            return -Errno.EPERM;
        }

        ulong length = (args.A1 + PageMask) & ~PageMask;
        if ((args.A0 & PageMask) != 0 || length < args.A1)
        {
            return -Errno.EINVAL;
        }

        if (!AddressSpace.InWindow(args.A0, length))
        {
            return -Errno.ENOMEM;
        }

        long result = HostSyscall.Blocking(thread, 28, (ulong)thread.Memory.HostBase + args.A0, length, (ulong)advice);
        if (advice is AdviseDontNeed or AdviseFree or AdviseRemove or AdviseDontNeedLocked)
        {
            thread.Memory.InvalidateCode(args.A0, length);
        }

        return result == 0 && !thread.Process.Map.IsMapped(args.A0, length) ? -Errno.ENOMEM : result;
    }

    private static long Mlock(GuestThread thread, in SyscallArgs args) => Lock(thread, 149, args.A0, args.A1, 0);

    private static long Munlock(GuestThread thread, in SyscallArgs args) => Lock(thread, 150, args.A0, args.A1, 0);

    private static long Mlock2(GuestThread thread, in SyscallArgs args) => Lock(thread, 325, args.A0, args.A1, args.A2);

    private static long Lock(GuestThread thread, long call, ulong address, ulong length, ulong flags)
    {
        ulong start = address & ~PageMask;
        length += address & PageMask;
        if (!thread.Process.Map.IsMapped(start, length))
        {
            return -Errno.ENOMEM;
        }

        return HostSyscall.Raw(call, (ulong)thread.Memory.HostBase + start, length, flags);
    }

    /// <summary>Locks what is mapped now; MCL_FUTURE has no meaning the VMM could give it without locking itself too.</summary>
    private static long MlockAll(GuestThread thread, in SyscallArgs args)
    {
        const int Current = 1;
        const int OnFault = 4;
        int flags = args.Int0;
        if (flags is 0 or OnFault or > 7)
        {
            return -Errno.EINVAL;
        }

        if ((flags & Current) == 0)
        {
            return 0;
        }

        foreach (Vma area in thread.Process.Map.Snapshot())
        {
            if (area.Access != PageAccess.None)
            {
                long result = HostSyscall.Raw(325, (ulong)thread.Memory.HostBase + area.Start, area.Length, (flags & OnFault) != 0 ? 1ul : 0);
                if (result is -Errno.EPERM or -Errno.ENOMEM)
                {
                    return result;
                }
            }
        }

        return 0;
    }

    private static long MunlockAll(GuestThread thread, in SyscallArgs args)
    {
        foreach (Vma area in thread.Process.Map.Snapshot())
        {
            HostSyscall.Raw(150, (ulong)thread.Memory.HostBase + area.Start, area.Length);
        }

        return 0;
    }

    private static long Membarrier(GuestThread thread, in SyscallArgs args) => HostSyscall.Blocking(thread, 324, args.A0, args.A1, args.A2);

    private static long CheckRange(GuestThread thread, ulong address, ulong length)
    {
        ulong size = (length + PageMask) & ~PageMask;
        if ((address & PageMask) != 0)
        {
            return -Errno.EINVAL;
        }

        return size >= length && thread.Process.Map.IsMapped(address, size) ? 0 : -Errno.ENOMEM;
    }
}
