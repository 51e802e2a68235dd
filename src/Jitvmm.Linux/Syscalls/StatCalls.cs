using Jitvmm.Linux.Files;

namespace Jitvmm.Linux.Syscalls;

/// <summary>System calls that tell about files without changing them.</summary>
internal static unsafe class StatCalls
{
    private const int StatxSize = 256;
    private const int StatfsSize = 120;

    public static void Register(SyscallTable table)
    {
        table.Add(4, "stat", "sp", &Stat);
        table.Add(5, "fstat", "fp", &StatDescriptor);
        table.Add(6, "lstat", "sp", &StatLink);
        table.Add(262, "newfstatat", "fspA", &StatAt);
        table.Add(332, "statx", "fsAxp", &StatExtended);
        table.Add(21, "access", "sR", &Access);
        table.Add(269, "faccessat", "fsR", &AccessAt);
        table.Add(439, "faccessat2", "fsRA", &AccessWithFlags);
        table.Add(89, "readlink", "spu", &ReadLink);
        table.Add(267, "readlinkat", "fspu", &ReadLinkAt);
        table.Add(137, "statfs", "sp", &StatFileSystem);
        table.Add(138, "fstatfs", "fp", &StatFileSystemOf);
    }

    private static long Stat(GuestThread thread, in SyscallArgs args) => Stat(thread, OpenFlags.AtFdCwd, args.A0, args.A1, 0);

    private static long StatLink(GuestThread thread, in SyscallArgs args) => Stat(thread, OpenFlags.AtFdCwd, args.A0, args.A1, OpenFlags.AtSymlinkNoFollow);

    private static long StatAt(GuestThread thread, in SyscallArgs args)
    {
        const int Known = OpenFlags.AtSymlinkNoFollow | OpenFlags.AtNoAutomount | OpenFlags.AtEmptyPath;
        return (args.Int3 & ~Known) != 0 ? -Errno.EINVAL : Stat(thread, args.Int0, args.A1, args.A2, args.Int3);
    }

    private static long StatDescriptor(GuestThread thread, in SyscallArgs args)
    {
        OpenFile? file = thread.Acquire(args.Int0);
        if (file == null)
        {
            return -Errno.EBADF;
        }

        Located located = new(file);
        long result = WriteStat(thread, ref located, args.A1);
        located.Dispose();
        return result;
    }

    private static long Stat(GuestThread thread, int directory, ulong path, ulong target, int flags)
    {
        int error = thread.Locate(directory, path, flags, (flags & OpenFlags.AtSymlinkNoFollow) == 0, out Located located);
        if (error < 0)
        {
            return error;
        }

        long result = WriteStat(thread, ref located, target);
        located.Dispose();
        return result;
    }

    private static long WriteStat(GuestThread thread, ref Located located, ulong target)
    {
        int error = located.Stat(thread.Files, out HostStat stat);
        return error < 0 ? error : thread.TryWrite(target, stat) ? 0 : -Errno.EFAULT;
    }

    private static long StatExtended(GuestThread thread, in SyscallArgs args)
    {
        const int SyncType = 0x6000;
        const int Known = OpenFlags.AtSymlinkNoFollow | OpenFlags.AtNoAutomount | OpenFlags.AtEmptyPath | SyncType;
        const uint Reserved = 0x80000000;
        int flags = args.Int2;
        if ((flags & ~Known) != 0 || (flags & SyncType) == SyncType || ((uint)args.A3 & Reserved) != 0)
        {
            return -Errno.EINVAL;
        }

        int error = thread.Locate(args.Int0, args.A1, flags, (flags & OpenFlags.AtSymlinkNoFollow) == 0, out Located located);
        if (error < 0)
        {
            return error;
        }

        byte* buffer = stackalloc byte[StatxSize];
        long result;
        if (located.Node == null)
        {
            byte empty = 0;
            result = HostSyscall.Raw(332, (ulong)located.Fd, (ulong)(&empty), (ulong)(OpenFlags.AtEmptyPath | (flags & SyncType)), (uint)args.A3, (ulong)buffer);
        }
        else
        {
            result = located.Node.Stat(thread.Files, out HostStat stat);
            FillStatx(in stat, buffer);
        }

        located.Dispose();
        return result < 0 ? result : thread.TryWriteBytes(args.A4, new ReadOnlySpan<byte>(buffer, StatxSize)) ? 0 : -Errno.EFAULT;
    }

    /// <summary>struct statx of what the VMM makes up (include/uapi/linux/stat.h).</summary>
    private static void FillStatx(in HostStat stat, byte* buffer)
    {
        const uint BasicStats = 0x7ff;
        new Span<byte>(buffer, StatxSize).Clear();
        *(uint*)buffer = BasicStats;
        *(uint*)(buffer + 4) = (uint)stat.BlockSize;
        *(uint*)(buffer + 16) = (uint)stat.Links;
        *(uint*)(buffer + 20) = stat.User;
        *(uint*)(buffer + 24) = stat.Group;
        *(ushort*)(buffer + 28) = (ushort)stat.Mode;
        *(ulong*)(buffer + 32) = stat.Inode;
        *(long*)(buffer + 40) = stat.Length;
        *(long*)(buffer + 48) = stat.Blocks;
        *(long*)(buffer + 64) = stat.AccessSeconds;
        *(long*)(buffer + 96) = stat.ChangeSeconds;
        *(long*)(buffer + 112) = stat.ModifySeconds;
        *(uint*)(buffer + 128) = Major(stat.RealDevice);
        *(uint*)(buffer + 132) = Minor(stat.RealDevice);
        *(uint*)(buffer + 136) = Major(stat.Device);
        *(uint*)(buffer + 140) = Minor(stat.Device);
    }

    private static uint Major(ulong device) => (uint)((device >> 8 & 0xfff) | (device >> 32 & ~0xffful));

    private static uint Minor(ulong device) => (uint)((device & 0xff) | (device >> 12 & ~0xfful));

    private static long Access(GuestThread thread, in SyscallArgs args) => Access(thread, OpenFlags.AtFdCwd, args.A0, args.Int1, 0);

    private static long AccessAt(GuestThread thread, in SyscallArgs args) => Access(thread, args.Int0, args.A1, args.Int2, 0);

    private static long AccessWithFlags(GuestThread thread, in SyscallArgs args)
    {
        const int Known = OpenFlags.AtEaccess | OpenFlags.AtSymlinkNoFollow | OpenFlags.AtEmptyPath;
        return (args.Int3 & ~Known) != 0 ? -Errno.EINVAL : Access(thread, args.Int0, args.A1, args.Int2, args.Int3);
    }

    private static long Access(GuestThread thread, int directory, ulong path, int mode, int flags)
    {
        const int Write = 2;
        const int All = 7;
        if ((mode & ~All) != 0)
        {
            return -Errno.EINVAL;
        }

        int error = thread.Locate(directory, path, flags, (flags & OpenFlags.AtSymlinkNoFollow) == 0, out Located located);
        if (error < 0)
        {
            return error;
        }

        long result;
        if (located.Node != null)
        {
            result = AccessNode(thread, located.Node, mode);
        }
        else
        {
            byte empty = 0;
            result = HostSyscall.Raw(439, (ulong)located.Fd, (ulong)(&empty), (ulong)mode, (ulong)(OpenFlags.AtEmptyPath | (flags & OpenFlags.AtEaccess)));
            if (result == 0 && (mode & Write) != 0 && !located.MayChangeInode && located.Stat(thread.Files, out HostStat stat) == 0)
            {
                bool isFile = stat.Type is HostStat.TypeRegular or HostStat.TypeDirectory or HostStat.TypeLink;
                result = isFile ? -Errno.EROFS : 0;
            }
        }

        located.Dispose();
        return result;
    }

    private static long AccessNode(GuestThread thread, SyntheticNode node, int mode)
    {
        const uint Everybody = 7;
        int error = node.Stat(thread.Files, out HostStat stat);
        uint granted = (stat.Mode | stat.Mode >> 3 | stat.Mode >> 6) & Everybody;
        return error < 0 ? error : ((uint)mode & ~granted) != 0 ? -Errno.EACCES : 0;
    }

    private static long ReadLink(GuestThread thread, in SyscallArgs args) => ReadLink(thread, OpenFlags.AtFdCwd, args.A0, args.A1, args.A2);

    private static long ReadLinkAt(GuestThread thread, in SyscallArgs args) => ReadLink(thread, args.Int0, args.A1, args.A2, args.A3);

    private static long ReadLink(GuestThread thread, int directory, ulong path, ulong target, ulong size)
    {
        if ((int)size <= 0)
        {
            return -Errno.EINVAL;
        }

        // An empty path names the link a descriptor was opened on.
        int error = thread.Locate(directory, path, OpenFlags.AtEmptyPath, follow: false, out Located located);
        if (error < 0)
        {
            return error;
        }

        long result;
        Span<byte> buffer = stackalloc byte[GuestThread.PathMax];
        if (located.Node is { } node)
        {
            byte[] text = node.IsLink ? node.ReadLink(thread.Files) : [];
            text.CopyTo(buffer);
            result = !node.IsLink ? -Errno.EINVAL : text.Length == 0 ? -Errno.ENOENT : text.Length;
        }
        else
        {
            byte empty = 0;
            fixed (byte* to = buffer)
            {
                result = HostFile.ReadLink(located.Fd, &empty, to, buffer.Length);
            }

            result = result == -Errno.ENOENT && !located.IsDescriptor ? -Errno.EINVAL : result;
        }

        located.Dispose();
        if (result < 0)
        {
            return result;
        }

        int length = (int)Math.Min(result, (int)size);
        return thread.TryWriteBytes(target, buffer[..length]) ? length : -Errno.EFAULT;
    }

    private static long StatFileSystem(GuestThread thread, in SyscallArgs args)
    {
        int error = thread.Locate(OpenFlags.AtFdCwd, args.A0, 0, follow: true, out Located located);
        return error < 0 ? error : WriteFileSystem(thread, ref located, args.A1);
    }

    private static long StatFileSystemOf(GuestThread thread, in SyscallArgs args)
    {
        OpenFile? file = thread.Acquire(args.Int0);
        if (file == null)
        {
            return -Errno.EBADF;
        }

        Located located = new(file);
        return WriteFileSystem(thread, ref located, args.A1);
    }

    /// <summary>Writes struct statfs and disposes the file.</summary>
    private static long WriteFileSystem(GuestThread thread, ref Located located, ulong target)
    {
        const long ProcMagic = 0x9fa0;
        const long ReadOnly = 1;
        const long Valid = 0x20;
        long* buffer = stackalloc long[StatfsSize / 8];
        new Span<long>(buffer, StatfsSize / 8).Clear();
        long result = 0;
        if (located.Node == null)
        {
            result = HostSyscall.Raw(138, (ulong)located.Fd, (ulong)buffer);
            buffer[10] |= located.Mount is { IsWritable: false } ? ReadOnly | Valid : Valid;
        }
        else
        {
            buffer[0] = ProcMagic;
            buffer[1] = 4096;
            buffer[8] = 255;
            buffer[9] = 4096;
            buffer[10] = ReadOnly | Valid;
        }

        located.Dispose();
        return result < 0 ? result : thread.TryWriteBytes(target, new ReadOnlySpan<byte>(buffer, StatfsSize)) ? 0 : -Errno.EFAULT;
    }
}
