using System.Runtime.CompilerServices;
using Jitvmm.Linux.Files;

namespace Jitvmm.Linux.Syscalls;

/// <summary>System calls that change or read what an inode carries: mode, owner, times, length, extended attributes.</summary>
internal static unsafe class AttributeCalls
{
    private const int MaximumAttributeName = 256;
    private const ulong MaximumAttributeSize = 65536;
    private const uint Permissions = 0xfff;

    public static void Register(SyscallTable table)
    {
        table.Add(90, "chmod", "so", &ChangeMode);
        table.Add(91, "fchmod", "fo", &ChangeModeOf);
        table.Add(268, "fchmodat", "fso", &ChangeModeAt);
        table.Add(452, "fchmodat2", "fsox", &ChangeModeWithFlags);
        table.Add(92, "chown", "sdd", &ChangeOwner);
        table.Add(93, "fchown", "fdd", &ChangeOwnerOf);
        table.Add(94, "lchown", "sdd", &ChangeOwnerOfLink);
        table.Add(260, "fchownat", "fsddA", &ChangeOwnerAt);
        table.Add(132, "utime", "sp", &SetTimesInSeconds);
        table.Add(235, "utimes", "sp", &SetTimesInMicroseconds);
        table.Add(261, "futimesat", "fsp", &SetTimesInMicrosecondsAt);
        table.Add(280, "utimensat", "fspA", &SetTimes);
        table.Add(76, "truncate", "sd", &Truncate);
        table.Add(77, "ftruncate", "fd", &TruncateDescriptor);
        table.Add(285, "fallocate", "fxdd", &Allocate);
        table.Add(188, "setxattr", "sspux", &SetAttribute);
        table.Add(189, "lsetxattr", "sspux", &SetAttributeOfLink);
        table.Add(190, "fsetxattr", "fspux", &SetAttributeOf);
        table.Add(191, "getxattr", "sspu", &GetAttribute);
        table.Add(192, "lgetxattr", "sspu", &GetAttributeOfLink);
        table.Add(193, "fgetxattr", "fspu", &GetAttributeOf);
        table.Add(194, "listxattr", "spu", &ListAttributes);
        table.Add(195, "llistxattr", "spu", &ListAttributesOfLink);
        table.Add(196, "flistxattr", "fpu", &ListAttributesOf);
        table.Add(197, "removexattr", "ss", &RemoveAttribute);
        table.Add(198, "lremovexattr", "ss", &RemoveAttributeOfLink);
        table.Add(199, "fremovexattr", "fs", &RemoveAttributeOf);
    }

    private static long ChangeMode(GuestThread thread, in SyscallArgs args) => ChangeMode(thread, OpenFlags.AtFdCwd, args.A0, (uint)args.A1, 0);

    private static long ChangeModeAt(GuestThread thread, in SyscallArgs args) => ChangeMode(thread, args.Int0, args.A1, (uint)args.A2, 0);

    private static long ChangeModeWithFlags(GuestThread thread, in SyscallArgs args) =>
        (args.Int3 & ~(OpenFlags.AtSymlinkNoFollow | OpenFlags.AtEmptyPath)) != 0
            ? -Errno.EINVAL
            : ChangeMode(thread, args.Int0, args.A1, (uint)args.A2, args.Int3);

    private static long ChangeMode(GuestThread thread, int directory, ulong path, uint mode, int flags)
    {
        long error = LocateForChange(thread, directory, path, flags, out Located located);
        if (error < 0)
        {
            return error;
        }

        if (located.Stat(thread.Files, out HostStat stat) == 0 && stat.Type == HostStat.TypeLink)
        {
            error = -Errno.EOPNOTSUPP;
        }
        else
        {
            byte* name = stackalloc byte[32];
            HostFile.DescriptorPath(located.Fd, name);
            error = HostSyscall.Raw(90, (ulong)name, mode & Permissions);
        }

        located.Dispose();
        return error;
    }

    private static long ChangeModeOf(GuestThread thread, in SyscallArgs args) => OnDescriptor(thread, args.Int0, 91, (uint)args.A1 & Permissions, 0);

    private static long ChangeOwner(GuestThread thread, in SyscallArgs args) => ChangeOwner(thread, OpenFlags.AtFdCwd, args.A0, args.A1, args.A2, 0);

    private static long ChangeOwnerOfLink(GuestThread thread, in SyscallArgs args) =>
        ChangeOwner(thread, OpenFlags.AtFdCwd, args.A0, args.A1, args.A2, OpenFlags.AtSymlinkNoFollow);

    private static long ChangeOwnerAt(GuestThread thread, in SyscallArgs args) =>
        (args.Int4 & ~(OpenFlags.AtSymlinkNoFollow | OpenFlags.AtEmptyPath)) != 0
            ? -Errno.EINVAL
            : ChangeOwner(thread, args.Int0, args.A1, args.A2, args.A3, args.Int4);

    private static long ChangeOwner(GuestThread thread, int directory, ulong path, ulong user, ulong group, int flags)
    {
        long error = LocateForChange(thread, directory, path, flags, out Located located);
        if (error < 0)
        {
            return error;
        }

        byte empty = 0;
        error = HostSyscall.Raw(260, (ulong)located.Fd, (ulong)(&empty), user, group, OpenFlags.AtEmptyPath);
        located.Dispose();
        return error;
    }

    private static long ChangeOwnerOf(GuestThread thread, in SyscallArgs args) => OnDescriptor(thread, args.Int0, 93, args.A1, args.A2);

    /// <summary>A change through a descriptor, by a host call that takes it first.</summary>
    private static long OnDescriptor(GuestThread thread, int fd, long number, ulong a1, ulong a2, ulong a3 = 0, ulong a4 = 0)
    {
        OpenFile? file = thread.Acquire(fd);
        if (file == null)
        {
            return -Errno.EBADF;
        }

        Located located = new(file);
        long error = located.CheckChange();
        error = error < 0 ? error : HostSyscall.Raw(number, (ulong)located.Fd, a1, a2, a3, a4);
        located.Dispose();
        return error;
    }

    /// <summary>Finds a file whose inode is to change, and checks that it may.</summary>
    private static long LocateForChange(GuestThread thread, int directory, ulong path, int flags, out Located located)
    {
        int error = thread.Locate(directory, path, flags, (flags & OpenFlags.AtSymlinkNoFollow) == 0, out located);
        if (error == 0)
        {
            error = located.CheckChange();
            if (error < 0)
            {
                located.Dispose();
            }
        }

        return error;
    }

    private static long SetTimesInSeconds(GuestThread thread, in SyscallArgs args)
    {
        if (args.A1 == 0)
        {
            return SetTimes(thread, OpenFlags.AtFdCwd, args.A0, null, 0);
        }

        long* given = stackalloc long[2];
        if (!thread.TryReadBytes(args.A1, new Span<byte>(given, 16)))
        {
            return -Errno.EFAULT;
        }

        long* times = stackalloc long[4] { given[0], 0, given[1], 0 };
        return SetTimes(thread, OpenFlags.AtFdCwd, args.A0, times, 0);
    }

    private static long SetTimesInMicroseconds(GuestThread thread, in SyscallArgs args) => SetTimesInMicroseconds(thread, OpenFlags.AtFdCwd, args.A0, args.A1);

    private static long SetTimesInMicrosecondsAt(GuestThread thread, in SyscallArgs args) => SetTimesInMicroseconds(thread, args.Int0, args.A1, args.A2);

    private static long SetTimesInMicroseconds(GuestThread thread, int directory, ulong path, ulong address)
    {
        if (address == 0)
        {
            return SetTimes(thread, directory, path, null, 0);
        }

        long* times = stackalloc long[4];
        if (!thread.TryReadBytes(address, new Span<byte>(times, 32)))
        {
            return -Errno.EFAULT;
        }

        if ((ulong)times[1] >= 1_000_000 || (ulong)times[3] >= 1_000_000)
        {
            return -Errno.EINVAL;
        }

        times[1] *= 1000;
        times[3] *= 1000;
        return SetTimes(thread, directory, path, times, 0);
    }

    private static long SetTimes(GuestThread thread, in SyscallArgs args)
    {
        if ((args.Int3 & ~(OpenFlags.AtSymlinkNoFollow | OpenFlags.AtEmptyPath)) != 0)
        {
            return -Errno.EINVAL;
        }

        if (args.A2 == 0)
        {
            return SetTimes(thread, args.Int0, args.A1, null, args.Int3);
        }

        long* times = stackalloc long[4];
        return thread.TryReadBytes(args.A2, new Span<byte>(times, 32)) ? SetTimes(thread, args.Int0, args.A1, times, args.Int3) : -Errno.EFAULT;
    }

    /// <summary>utimensat; a null path address means the descriptor (futimens).</summary>
    private static long SetTimes(GuestThread thread, int directory, ulong path, long* times, int flags)
    {
        if (path == 0)
        {
            return OnDescriptor(thread, directory, 280, 0, (ulong)times);
        }

        long error = LocateForChange(thread, directory, path, flags, out Located located);
        if (error < 0)
        {
            return error;
        }

        byte empty = 0;
        error = HostSyscall.Raw(280, (ulong)located.Fd, (ulong)(&empty), (ulong)times, OpenFlags.AtEmptyPath);
        located.Dispose();
        return error;
    }

    [SkipLocalsInit]
    private static long Truncate(GuestThread thread, in SyscallArgs args)
    {
        Span<byte> path = stackalloc byte[GuestThread.PathMax];
        int length = thread.TryReadString(args.A0, path);
        if (length < 0)
        {
            return length;
        }

        OpenFile? start = thread.AcquireStart(OpenFlags.AtFdCwd, path[..length], out _);
        int error = thread.Files.Open(start, path[..length], OpenFlags.WriteOnly | OpenFlags.NonBlocking, 0, null, out OpenFile? file);
        start?.Release();
        if (error < 0)
        {
            return error;
        }

        long result = HostSyscall.Raw(77, (ulong)file!.HostFd, args.A1);
        file.Release();
        return result;
    }

    private static long TruncateDescriptor(GuestThread thread, in SyscallArgs args) => thread.BlockingOn(args.Int0, 77, args.A1);

    private static long Allocate(GuestThread thread, in SyscallArgs args) => thread.BlockingOn(args.Int0, 285, args.A1, args.A2, args.A3);

    private static long SetAttribute(GuestThread thread, in SyscallArgs args) => SetAttribute(thread, args.A0, in args, 0);

    private static long SetAttributeOfLink(GuestThread thread, in SyscallArgs args) => SetAttribute(thread, args.A0, in args, OpenFlags.AtSymlinkNoFollow);

    private static long SetAttribute(GuestThread thread, ulong path, in SyscallArgs args, int flags)
    {
        long error = LocateForChange(thread, OpenFlags.AtFdCwd, path, flags, out Located located);
        return error < 0 ? error : OnAttribute(thread, ref located, 188, in args, writesMemory: false);
    }

    private static long SetAttributeOf(GuestThread thread, in SyscallArgs args)
    {
        long error = LocateDescriptor(thread, args.Int0, isChange: true, out Located located);
        return error < 0 ? error : OnAttribute(thread, ref located, 188, in args, writesMemory: false);
    }

    private static long GetAttribute(GuestThread thread, in SyscallArgs args) => GetAttribute(thread, in args, follow: true);

    private static long GetAttributeOfLink(GuestThread thread, in SyscallArgs args) => GetAttribute(thread, in args, follow: false);

    private static long GetAttribute(GuestThread thread, in SyscallArgs args, bool follow)
    {
        int error = thread.Locate(OpenFlags.AtFdCwd, args.A0, 0, follow, out Located located);
        return error < 0 ? error : OnAttribute(thread, ref located, 191, in args, writesMemory: true);
    }

    private static long GetAttributeOf(GuestThread thread, in SyscallArgs args)
    {
        long error = LocateDescriptor(thread, args.Int0, isChange: false, out Located located);
        return error < 0 ? error : OnAttribute(thread, ref located, 191, in args, writesMemory: true);
    }

    private static long RemoveAttribute(GuestThread thread, in SyscallArgs args) => RemoveAttribute(thread, in args, 0);

    private static long RemoveAttributeOfLink(GuestThread thread, in SyscallArgs args) => RemoveAttribute(thread, in args, OpenFlags.AtSymlinkNoFollow);

    private static long RemoveAttribute(GuestThread thread, in SyscallArgs args, int flags)
    {
        long error = LocateForChange(thread, OpenFlags.AtFdCwd, args.A0, flags, out Located located);
        return error < 0 ? error : OnAttribute(thread, ref located, 197, in args, writesMemory: false);
    }

    private static long RemoveAttributeOf(GuestThread thread, in SyscallArgs args)
    {
        long error = LocateDescriptor(thread, args.Int0, isChange: true, out Located located);
        return error < 0 ? error : OnAttribute(thread, ref located, 197, in args, writesMemory: false);
    }

    private static long LocateDescriptor(GuestThread thread, int fd, bool isChange, out Located located)
    {
        OpenFile? file = thread.Acquire(fd);
        if (file == null || file.Kind == FileKind.PathOnly)
        {
            file?.Release();
            located = default;
            return -Errno.EBADF;
        }

        located = new Located(file);
        int error = isChange ? located.CheckChange() : 0;
        if (error < 0)
        {
            located.Dispose();
        }

        return error;
    }

    /// <summary>setxattr, getxattr or removexattr on the inode itself: (file, name, value, size, flags). Disposes the file.</summary>
    private static long OnAttribute(GuestThread thread, ref Located located, long number, in SyscallArgs args, bool writesMemory)
    {
        Span<byte> name = stackalloc byte[MaximumAttributeName];
        int length = thread.TryReadString(args.A1, name);
        ulong size = Math.Min(args.A3, MaximumAttributeSize);
        long result = length == -Errno.ENAMETOOLONG || length == 0 ? -Errno.ERANGE
            : length < 0 ? length
            : located.Node != null ? -Errno.EOPNOTSUPP
            : number == 188 && args.A3 > MaximumAttributeSize ? -Errno.E2BIG
            : 0;
        if (result == 0)
        {
            byte* path = stackalloc byte[32];
            HostFile.DescriptorPath(located.Fd, path);
            ulong value = number == 197 || size == 0 ? 0 : writesMemory ? thread.TargetPointer(args.A2, size) : thread.SourcePointer(args.A2, size);
            fixed (byte* text = name)
            {
                result = HostSyscall.Raw(number, (ulong)path, (ulong)text, value, number == 197 ? 0 : size, number == 188 ? args.A4 : 0);
            }
        }

        located.Dispose();
        return result;
    }

    private static long ListAttributes(GuestThread thread, in SyscallArgs args) => ListAttributes(thread, in args, follow: true);

    private static long ListAttributesOfLink(GuestThread thread, in SyscallArgs args) => ListAttributes(thread, in args, follow: false);

    private static long ListAttributes(GuestThread thread, in SyscallArgs args, bool follow)
    {
        int error = thread.Locate(OpenFlags.AtFdCwd, args.A0, 0, follow, out Located located);
        return error < 0 ? error : ListAttributes(thread, ref located, args.A1, args.A2);
    }

    private static long ListAttributesOf(GuestThread thread, in SyscallArgs args)
    {
        long error = LocateDescriptor(thread, args.Int0, isChange: false, out Located located);
        return error < 0 ? error : ListAttributes(thread, ref located, args.A1, args.A2);
    }

    private static long ListAttributes(GuestThread thread, ref Located located, ulong address, ulong size)
    {
        long result = 0;
        if (located.Node == null)
        {
            size = Math.Min(size, MaximumAttributeSize);
            byte* path = stackalloc byte[32];
            HostFile.DescriptorPath(located.Fd, path);
            result = HostSyscall.Raw(194, (ulong)path, size == 0 ? 0 : thread.TargetPointer(address, size), size);
        }

        located.Dispose();
        return result;
    }
}
