using System.Runtime.CompilerServices;
using Jitvmm.Linux.Files;

namespace Jitvmm.Linux.Syscalls;

/// <summary>System calls that make, remove and rename names. The host gets a directory of the view and one component.</summary>
internal static unsafe class NameCalls
{
    public static void Register(SyscallTable table)
    {
        table.Add(83, "mkdir", "so", &MakeDirectory);
        table.Add(258, "mkdirat", "fso", &MakeDirectoryAt);
        table.Add(133, "mknod", "sox", &MakeNode);
        table.Add(259, "mknodat", "fsox", &MakeNodeAt);
        table.Add(84, "rmdir", "s", &RemoveDirectory);
        table.Add(87, "unlink", "s", &Unlink);
        table.Add(263, "unlinkat", "fsA", &UnlinkAt);
        table.Add(82, "rename", "ss", &Rename);
        table.Add(264, "renameat", "fsfs", &RenameAt);
        table.Add(316, "renameat2", "fsfsx", &RenameWithFlags);
        table.Add(86, "link", "ss", &Link);
        table.Add(265, "linkat", "fsfsA", &LinkAt);
        table.Add(88, "symlink", "ss", &SymbolicLink);
        table.Add(266, "symlinkat", "sfs", &SymbolicLinkAt);
    }

    private static long MakeDirectory(GuestThread thread, in SyscallArgs args) => Make(thread, OpenFlags.AtFdCwd, args.A0, 258, (uint)args.A1 & 0x3ff);

    private static long MakeDirectoryAt(GuestThread thread, in SyscallArgs args) => Make(thread, args.Int0, args.A1, 258, (uint)args.A2 & 0x3ff);

    private static long MakeNode(GuestThread thread, in SyscallArgs args) => MakeNode(thread, OpenFlags.AtFdCwd, args.A0, (uint)args.A1);

    private static long MakeNodeAt(GuestThread thread, in SyscallArgs args) => MakeNode(thread, args.Int0, args.A1, (uint)args.A2);

    private static long MakeNode(GuestThread thread, int directory, ulong path, uint mode) => (mode & HostStat.TypeMask) switch
    {
        0 or HostStat.TypeRegular or HostStat.TypeFifo or HostStat.TypeSocket => Make(thread, directory, path, 259, mode),
        HostStat.TypeCharacter or HostStat.TypeBlock => -Errno.EPERM,
        HostStat.TypeDirectory => -Errno.EPERM,
        _ => -Errno.EINVAL,
    };

    /// <summary>mkdirat or mknodat.</summary>
    [SkipLocalsInit]
    private static long Make(GuestThread thread, int directory, ulong path, long number, uint mode)
    {
        DirectoryEntry entry = new(stackalloc byte[DirectoryEntry.BufferSize]);
        long error = FindNew(thread, directory, path, ref entry, isDirectory: number == 258);
        if (error == 0)
        {
            fixed (byte* name = entry.Name)
            {
                error = HostSyscall.Raw(number, (ulong)entry.Fd, (ulong)name, mode);
            }
        }

        entry.Dispose();
        return error;
    }

    /// <summary>Finds where a new name goes, and whether it may: the checks in the kernel's order (filename_create).</summary>
    private static long FindNew(GuestThread thread, int directory, ulong path, scoped ref DirectoryEntry entry, bool isDirectory)
    {
        int error = thread.FindEntry(directory, path, ref entry);
        if (error < 0)
        {
            return error;
        }

        if (!entry.IsName || entry.IsBusy)
        {
            return -Errno.EEXIST;
        }

        if (entry.Mount!.Tree == null && Exists(ref entry))
        {
            return -Errno.EEXIST;
        }

        return entry.HasTrailingSlash && !isDirectory ? -Errno.ENOENT : entry.CheckChange();
    }

    private static bool Exists(ref DirectoryEntry entry)
    {
        HostStat stat;
        fixed (byte* name = entry.Name)
        {
            return HostSyscall.Raw(262, (ulong)entry.Fd, (ulong)name, (ulong)&stat, OpenFlags.AtSymlinkNoFollow) == 0;
        }
    }

    private static long RemoveDirectory(GuestThread thread, in SyscallArgs args) => Remove(thread, OpenFlags.AtFdCwd, args.A0, OpenFlags.AtRemoveDir);

    private static long Unlink(GuestThread thread, in SyscallArgs args) => Remove(thread, OpenFlags.AtFdCwd, args.A0, 0);

    private static long UnlinkAt(GuestThread thread, in SyscallArgs args) =>
        (args.Int2 & ~OpenFlags.AtRemoveDir) != 0 ? -Errno.EINVAL : Remove(thread, args.Int0, args.A1, args.Int2);

    [SkipLocalsInit]
    private static long Remove(GuestThread thread, int directory, ulong path, int flags)
    {
        DirectoryEntry entry = new(stackalloc byte[DirectoryEntry.BufferSize]);
        long error = thread.FindEntry(directory, path, ref entry);
        if (error == 0)
        {
            bool isDirectory = flags != 0;
            error = entry switch
            {
                { IsRoot: true } => isDirectory ? -Errno.EBUSY : -Errno.EISDIR,
                { IsDot: true } => isDirectory ? -Errno.EINVAL : -Errno.EISDIR,
                { IsDotDot: true } => isDirectory ? -Errno.ENOTEMPTY : -Errno.EISDIR,
                _ => CheckOld(ref entry),
            };
            error = error == 0 && entry.HasTrailingSlash && !isDirectory ? NotAFile(ref entry) : error;
        }

        if (error == 0)
        {
            fixed (byte* name = entry.Name)
            {
                error = HostSyscall.Raw(263, (ulong)entry.Fd, (ulong)name, (ulong)flags);
            }
        }

        entry.Dispose();
        return error;
    }

    /// <summary>Whether an existing name may be removed: ENOENT comes before EROFS.</summary>
    private static int CheckOld(ref DirectoryEntry entry)
    {
        if (entry.IsBusy)
        {
            return -Errno.EBUSY;
        }

        if (entry.Mount!.Tree != null)
        {
            return -Errno.EPERM;
        }

        int error = entry.CheckChange();
        return error < 0 && !Exists(ref entry) ? -Errno.ENOENT : error;
    }

    private static int NotAFile(ref DirectoryEntry entry)
    {
        HostStat stat;
        fixed (byte* name = entry.Name)
        {
            long error = HostSyscall.Raw(262, (ulong)entry.Fd, (ulong)name, (ulong)&stat, OpenFlags.AtSymlinkNoFollow);
            return error < 0 ? (int)error : stat.Type == HostStat.TypeDirectory ? -Errno.EISDIR : -Errno.ENOTDIR;
        }
    }

    private static long Rename(GuestThread thread, in SyscallArgs args) =>
        Rename(thread, OpenFlags.AtFdCwd, args.A0, OpenFlags.AtFdCwd, args.A1, 0);

    private static long RenameAt(GuestThread thread, in SyscallArgs args) => Rename(thread, args.Int0, args.A1, args.Int2, args.A3, 0);

    private static long RenameWithFlags(GuestThread thread, in SyscallArgs args) =>
        Rename(thread, args.Int0, args.A1, args.Int2, args.A3, (uint)args.A4);

    [SkipLocalsInit]
    private static long Rename(GuestThread thread, int oldDirectory, ulong oldPath, int newDirectory, ulong newPath, uint flags)
    {
        const uint NoReplace = 1;
        const uint Exchange = 2;
        if ((flags & ~(NoReplace | Exchange)) != 0)
        {
            // RENAME_WHITEOUT makes a device node.
            return -Errno.EINVAL;
        }

        DirectoryEntry from = new(stackalloc byte[DirectoryEntry.BufferSize]);
        DirectoryEntry to = new(stackalloc byte[DirectoryEntry.BufferSize]);
        long error = thread.FindEntry(oldDirectory, oldPath, ref from);
        if (error == 0)
        {
            error = thread.FindEntry(newDirectory, newPath, ref to);
        }

        if (error == 0)
        {
            error = CheckRename(ref from, ref to, flags);
        }

        if (error == 0)
        {
            fixed (byte* oldName = from.Name)
            fixed (byte* newName = to.Name)
            {
                error = HostSyscall.Raw(316, (ulong)from.Fd, (ulong)oldName, (ulong)to.Fd, (ulong)newName, flags);
            }
        }

        from.Dispose();
        to.Dispose();
        return error;
    }

    private static int CheckRename(ref DirectoryEntry from, ref DirectoryEntry to, uint flags)
    {
        if (!ReferenceEquals(from.Mount, to.Mount))
        {
            return -Errno.EXDEV;
        }

        if (!from.IsName || !to.IsName)
        {
            return (flags & 1) != 0 && !to.IsName ? -Errno.EEXIST : -Errno.EBUSY;
        }

        int error = CheckOld(ref from);
        if (error < 0)
        {
            return error;
        }

        if (to.IsBusy)
        {
            return -Errno.EBUSY;
        }

        // Slashes after either name say that it is a directory, which only the old name can prove.
        return from.HasTrailingSlash || to.HasTrailingSlash ? OnlyDirectory(ref from) : 0;
    }

    private static int OnlyDirectory(ref DirectoryEntry entry)
    {
        int error = NotAFile(ref entry);
        return error == -Errno.EISDIR ? 0 : error;
    }

    private static long Link(GuestThread thread, in SyscallArgs args) =>
        Link(thread, OpenFlags.AtFdCwd, args.A0, OpenFlags.AtFdCwd, args.A1, 0);

    private static long LinkAt(GuestThread thread, in SyscallArgs args) => Link(thread, args.Int0, args.A1, args.Int2, args.A3, args.Int4);

    [SkipLocalsInit]
    private static long Link(GuestThread thread, int oldDirectory, ulong oldPath, int newDirectory, ulong newPath, int flags)
    {
        if ((flags & ~(OpenFlags.AtSymlinkFollow | OpenFlags.AtEmptyPath)) != 0)
        {
            return -Errno.EINVAL;
        }

        long error = thread.Locate(oldDirectory, oldPath, flags, (flags & OpenFlags.AtSymlinkFollow) != 0, out Located old);
        if (error < 0)
        {
            return error;
        }

        DirectoryEntry entry = new(stackalloc byte[DirectoryEntry.BufferSize]);
        error = FindNew(thread, newDirectory, newPath, ref entry, isDirectory: false);
        if (error == 0)
        {
            // A link in a writable place to a file of a read-only one would make it writable.
            error = old.Node != null || !ReferenceEquals(old.Mount, entry.Mount) ? -Errno.EXDEV : 0;
        }

        if (error == 0)
        {
            byte* source = stackalloc byte[32];
            HostFile.DescriptorPath(old.Fd, source);
            fixed (byte* name = entry.Name)
            {
                error = HostSyscall.Raw(265, unchecked((ulong)OpenFlags.AtFdCwd), (ulong)source, (ulong)entry.Fd, (ulong)name, OpenFlags.AtSymlinkFollow);
            }
        }

        old.Dispose();
        entry.Dispose();
        return error;
    }

    private static long SymbolicLink(GuestThread thread, in SyscallArgs args) => SymbolicLink(thread, args.A0, OpenFlags.AtFdCwd, args.A1);

    private static long SymbolicLinkAt(GuestThread thread, in SyscallArgs args) => SymbolicLink(thread, args.A0, args.Int1, args.A2);

    [SkipLocalsInit]
    private static long SymbolicLink(GuestThread thread, ulong targetAddress, int directory, ulong path)
    {
        Span<byte> target = stackalloc byte[GuestThread.PathMax];
        int length = thread.TryReadString(targetAddress, target);
        if (length <= 0)
        {
            return length == 0 ? -Errno.ENOENT : length;
        }

        DirectoryEntry entry = new(stackalloc byte[DirectoryEntry.BufferSize]);
        long error = FindNew(thread, directory, path, ref entry, isDirectory: false);
        if (error == 0)
        {
            fixed (byte* text = target)
            fixed (byte* name = entry.Name)
            {
                error = HostSyscall.Raw(266, (ulong)text, (ulong)entry.Fd, (ulong)name);
            }
        }

        entry.Dispose();
        return error;
    }
}
