using System.Runtime.CompilerServices;
using Jitvmm.Linux.Files;

namespace Jitvmm.Linux.Syscalls;

/// <summary>System calls about directories: reading them, and the process's own.</summary>
internal static unsafe class DirectoryCalls
{
    private const int MaximumListing = 65536;

    public static void Register(SyscallTable table)
    {
        table.Add(78, "getdents", "fpu", &ListOld);
        table.Add(217, "getdents64", "fpu", &List);
        table.Add(79, "getcwd", "pu", &GetCurrent);
        table.Add(80, "chdir", "s", &SetCurrent);
        table.Add(81, "fchdir", "f", &SetCurrentTo);
        table.Add(161, "chroot", "s", &SetRoot);
        table.Add(95, "umask", "o", &SetMask);
    }

    private static long ListOld(GuestThread thread, in SyscallArgs args) => List(thread, in args, 78, isOldFormat: true);

    private static long List(GuestThread thread, in SyscallArgs args) => List(thread, in args, 217, isOldFormat: false);

    private static long List(GuestThread thread, in SyscallArgs args, long number, bool isOldFormat)
    {
        uint size = (uint)args.A2;
        OpenFile? file = thread.Acquire(args.Int0);
        if (file == null)
        {
            return -Errno.EBADF;
        }

        long result;
        if (file.Detail is SyntheticListing listing)
        {
            listing.Begin(thread.Files);
            byte[] buffer = new byte[Math.Min(size, MaximumListing)];
            result = listing.Read(buffer, isOldFormat);
            if (result > 0 && !thread.TryWriteBytes(args.A1, buffer.AsSpan(0, (int)result)))
            {
                result = -Errno.EFAULT;
            }
        }
        else
        {
            result = HostSyscall.Blocking(thread, number, (ulong)file.HostFd, thread.TargetPointer(args.A1, size), size);
        }

        file.Release();
        return result;
    }

    [SkipLocalsInit]
    private static long GetCurrent(GuestThread thread, in SyscallArgs args)
    {
        Span<byte> buffer = stackalloc byte[GuestThread.PathMax + 1];
        int length = thread.Files.CurrentPath(buffer);
        if (length < 0)
        {
            return length;
        }

        if (length == 0)
        {
            buffer[length++] = (byte)'/';
        }

        buffer[length++] = 0;
        return (ulong)length > args.A1 ? -Errno.ERANGE : thread.TryWriteBytes(args.A0, buffer[..length]) ? length : -Errno.EFAULT;
    }

    [SkipLocalsInit]
    private static long SetCurrent(GuestThread thread, in SyscallArgs args)
    {
        Span<byte> path = stackalloc byte[GuestThread.PathMax];
        int length = thread.TryReadString(args.A0, path);
        if (length < 0)
        {
            return length;
        }

        OpenFile? start = thread.AcquireStart(OpenFlags.AtFdCwd, path[..length], out _);
        int error = thread.Files.Open(start, path[..length], OpenFlags.Path | OpenFlags.Directory, 0, null, out OpenFile? directory);
        start?.Release();
        return error < 0 ? error : Enter(thread, directory!);
    }

    private static long SetCurrentTo(GuestThread thread, in SyscallArgs args)
    {
        OpenFile? file = thread.Acquire(args.Int0);
        if (file == null)
        {
            return -Errno.EBADF;
        }

        // A received descriptor of a directory outside the view has no path to resolve from.
        int error = !file.IsDirectory && file.Kind != FileKind.PathOnly ? -Errno.ENOTDIR : file.Path == null ? -Errno.EACCES : 0;
        OpenFile copy = file;
        if (error == 0)
        {
            error = file.Duplicate(out copy);
        }

        file.Release();
        return error < 0 ? error : Enter(thread, copy);
    }

    /// <summary>Makes a directory current if it may be searched; takes over the use.</summary>
    private static long Enter(GuestThread thread, OpenFile directory)
    {
        const ulong Search = 1;
        int error = 0;
        if (directory.Mount?.Tree == null)
        {
            byte empty = 0;
            bool isDirectory = HostFile.Stat(directory.HostFd, out HostStat stat) == 0 && stat.Type == HostStat.TypeDirectory;
            error = isDirectory ? (int)HostSyscall.Raw(439, (ulong)directory.HostFd, (ulong)(&empty), Search, OpenFlags.AtEmptyPath | OpenFlags.AtEaccess) : -Errno.ENOTDIR;
        }

        if (error < 0)
        {
            directory.Release();
            return error;
        }

        thread.Files.SetCurrent(directory);
        return 0;
    }

    private static long SetRoot(GuestThread thread, in SyscallArgs args) => -Errno.EPERM;

    private static long SetMask(GuestThread thread, in SyscallArgs args) => HostSyscall.Raw(95, args.A0);
}
