using System.Runtime.CompilerServices;

namespace Jitvmm.Linux.Files;

/// <summary>
/// The host's file calls the VMM makes on its own account. Results are values or negated errnos; every
/// descriptor made here is close-on-exec on the host. None waits for anybody else.
/// </summary>
internal static unsafe class HostFile
{
    private const int DuplicateCloseOnExec = 1030;

    /// <summary>First number guest files may get on the host: clear of the standard streams.</summary>
    private const int FirstGuestFd = 3;

    public static int Close(int fd) => (int)HostSyscall.Raw(3, (ulong)fd);

    public static int Duplicate(int fd) => (int)HostSyscall.Raw(72, (ulong)fd, DuplicateCloseOnExec, FirstGuestFd);

    public static int DuplicateOnto(int fd, int target, int flags) => (int)HostSyscall.Raw(292, (ulong)fd, (ulong)target, (ulong)flags);

    public static int Stat(int fd, out HostStat stat)
    {
        HostStat buffer;
        Unsafe.SkipInit(out buffer);
        int result = (int)HostSyscall.Raw(5, (ulong)fd, (ulong)&buffer);
        stat = buffer;
        return result;
    }

    /// <summary>Whether two descriptors are duplicates of each other; false when the host does not tell.</summary>
    public static bool IsSameOpenFile(int fd, int other)
    {
        const long SysCompare = 312;
        ulong self = (ulong)HostSyscall.Raw(39);
        return HostSyscall.Raw(SysCompare, self, self, 0, (ulong)fd, (ulong)other) == 0;
    }

    public static int GetFlags(int fd) => (int)HostSyscall.Raw(72, (ulong)fd, 3);

    public static long Seek(int fd, long offset, int whence) => HostSyscall.Raw(8, (ulong)fd, (ulong)offset, (ulong)whence);

    /// <summary>openat2 with an explicit way of resolving; <paramref name="path"/> ends in a zero byte.</summary>
    public static int OpenAt2(int directory, byte* path, int flags, uint mode, ulong resolve)
    {
        OpenHow how;
        how.Flags = (uint)(flags | OpenFlags.CloseOnExec);
        how.Mode = mode;
        how.Resolve = resolve;
        return (int)HostSyscall.Raw(437, (ulong)directory, (ulong)path, (ulong)&how, (ulong)sizeof(OpenHow));
    }

    /// <summary>Opens a path the VMM itself chose (never a guest's).</summary>
    public static int OpenTrusted(ReadOnlySpan<byte> path, int flags)
    {
        fixed (byte* text = Terminated(path, stackalloc byte[path.Length + 1]))
        {
            return (int)HostSyscall.Raw(257, unchecked((ulong)OpenFlags.AtFdCwd), (ulong)text, (ulong)(flags | OpenFlags.CloseOnExec));
        }
    }

    /// <summary>Creates a directory at a path the VMM itself chose.</summary>
    public static int MakeDirectoryTrusted(ReadOnlySpan<byte> path, uint mode)
    {
        fixed (byte* text = Terminated(path, stackalloc byte[path.Length + 1]))
        {
            return (int)HostSyscall.Raw(83, (ulong)text, mode);
        }
    }

    /// <summary>Removes an empty directory at a path the VMM itself chose.</summary>
    public static int RemoveDirectoryTrusted(ReadOnlySpan<byte> path)
    {
        fixed (byte* text = Terminated(path, stackalloc byte[path.Length + 1]))
        {
            return (int)HostSyscall.Raw(84, (ulong)text);
        }
    }

    /// <summary>Opens the inode behind a descriptor anew, with other access.</summary>
    public static int Reopen(int fd, int flags)
    {
        byte* path = stackalloc byte[32];
        DescriptorPath(fd, path);
        return (int)HostSyscall.Raw(257, unchecked((ulong)OpenFlags.AtFdCwd), (ulong)path, (ulong)(flags | OpenFlags.CloseOnExec));
    }

    /// <summary>Target of a symbolic link: <paramref name="name"/> (one component) in a directory, or the link an O_PATH descriptor is when the name is empty.</summary>
    public static int ReadLink(int directory, byte* name, byte* buffer, int size) =>
        (int)HostSyscall.Raw(267, (ulong)directory, (ulong)name, (ulong)buffer, (ulong)size);

    /// <summary>Where the host thinks the file is now; its length or a negated errno.</summary>
    public static int ReadDescriptorPath(int fd, Span<byte> buffer)
    {
        byte* path = stackalloc byte[32];
        DescriptorPath(fd, path);
        fixed (byte* to = buffer)
        {
            return ReadLink(OpenFlags.AtFdCwd, path, to, buffer.Length);
        }
    }

    /// <summary>A new empty memfd.</summary>
    public static int CreateMemory()
    {
        fixed (byte* name = "proc\0"u8)
        {
            return (int)HostSyscall.Raw(319, (ulong)name, 1);
        }
    }

    /// <summary>A memfd with these bytes, positioned at 0; with <paramref name="writable"/> false it can only be read.</summary>
    public static int CreateMemory(ReadOnlySpan<byte> contents, bool writable)
    {
        int fd = CreateMemory();
        if (fd < 0)
        {
            return fd;
        }

        int error = WriteAt(fd, contents, 0);
        if (error == 0 && writable)
        {
            return fd;
        }

        int reader = error < 0 ? error : Reopen(fd, OpenFlags.ReadOnly);
        Close(fd);
        return reader;
    }

    /// <summary>Writes all bytes at an offset; 0 or a negated errno.</summary>
    public static int WriteAt(int fd, ReadOnlySpan<byte> bytes, long offset)
    {
        fixed (byte* from = bytes)
        {
            int done = 0;
            while (done < bytes.Length)
            {
                long count = HostSyscall.Raw(18, (ulong)fd, (ulong)(from + done), (ulong)(bytes.Length - done), (ulong)(offset + done));
                if (count < 0)
                {
                    return (int)count;
                }

                done += (int)count;
            }
        }

        return 0;
    }

    /// <summary>Reads a whole small file the VMM chose (the host's /proc/meminfo), or an empty array.</summary>
    public static byte[] ReadTrusted(ReadOnlySpan<byte> path)
    {
        int fd = OpenTrusted(path, OpenFlags.ReadOnly);
        if (fd < 0)
        {
            return [];
        }

        byte[] buffer = new byte[8192];
        int length = 0;
        for (; ; )
        {
            if (length == buffer.Length)
            {
                Array.Resize(ref buffer, buffer.Length * 2);
            }

            fixed (byte* to = buffer)
            {
                long count = HostSyscall.Raw(0, (ulong)fd, (ulong)(to + length), (ulong)(buffer.Length - length));
                if (count <= 0)
                {
                    break;
                }

                length += (int)count;
            }
        }

        Close(fd);
        Array.Resize(ref buffer, length);
        return buffer;
    }

    /// <summary>Writes "/proc/self/fd/N" and a zero byte; returns the length without it. The buffer holds 32 bytes.</summary>
    public static int DescriptorPath(int fd, byte* buffer)
    {
        Span<byte> text = new(buffer, 32);
        "/proc/self/fd/"u8.CopyTo(text);
        ((uint)fd).TryFormat(text[14..], out int digits, default, null);
        text[14 + digits] = 0;
        return 14 + digits;
    }

    private static Span<byte> Terminated(ReadOnlySpan<byte> path, Span<byte> buffer)
    {
        path.CopyTo(buffer);
        buffer[path.Length] = 0;
        return buffer;
    }
}
