using Jitvmm.Linux.Files;

namespace Jitvmm.Linux.Syscalls;

/// <summary>System calls that make descriptors without a name: pipes, memory files, events, timers, watches.</summary>
internal static unsafe class DescriptorCalls
{
    private const int SignalSetSize = 8;
    private const int MaximumName = 256;

    public static void Register(SyscallTable table)
    {
        table.Add(22, "pipe", "p", &Pipe);
        table.Add(293, "pipe2", "pO", &PipeWithFlags);
        table.Add(319, "memfd_create", "sx", &CreateMemory);
        table.Add(284, "eventfd", "u", &Event);
        table.Add(290, "eventfd2", "ux", &EventWithFlags);
        table.Add(283, "timerfd_create", "dx", &CreateTimer);
        table.Add(286, "timerfd_settime", "fxpp", &SetTimer);
        table.Add(287, "timerfd_gettime", "fp", &GetTimer);
        table.Add(282, "signalfd", "fpu", &Signal);
        table.Add(289, "signalfd4", "fpux", &SignalWithFlags);
        table.Add(253, "inotify_init", "", &CreateWatch);
        table.Add(294, "inotify_init1", "x", &CreateWatchWithFlags);
        table.Add(254, "inotify_add_watch", "fsx", &AddWatch);
        table.Add(255, "inotify_rm_watch", "fd", &RemoveWatch);
    }

    /// <summary>Installs a new host descriptor, which the host made close-on-exec whatever the guest asked.</summary>
    internal static long Install(GuestThread thread, long hostFd, FileKind kind, int flags) =>
        hostFd < 0
            ? hostFd
            : thread.Files.Table.Install(new OpenFile((int)hostFd, kind) { MayChangeInode = true }, (flags & OpenFlags.CloseOnExec) != 0);

    private static long Pipe(GuestThread thread, in SyscallArgs args) => MakePipe(thread, args.A0, 0);

    private static long PipeWithFlags(GuestThread thread, in SyscallArgs args) => MakePipe(thread, args.A0, args.Int1);

    private static long MakePipe(GuestThread thread, ulong address, int flags)
    {
        int* ends = stackalloc int[2];
        long error = HostSyscall.Raw(293, (ulong)ends, (ulong)(flags | OpenFlags.CloseOnExec));
        return error < 0 ? error : InstallPair(thread, address, ends, FileKind.Pipe, flags);
    }

    /// <summary>Installs two host descriptors and tells the guest their numbers at <paramref name="address"/>.</summary>
    internal static long InstallPair(GuestThread thread, ulong address, int* hostFds, FileKind kind, int flags)
    {
        OpenFile first = new(hostFds[0], kind) { MayChangeInode = true };
        OpenFile second = new(hostFds[1], kind) { MayChangeInode = true };
        int error = thread.Files.Table.InstallPair(first, second, (flags & OpenFlags.CloseOnExec) != 0, out int firstFd, out int secondFd);
        if (error < 0)
        {
            return error;
        }

        if (thread.TryWrite(address, (uint)firstFd | (ulong)(uint)secondFd << 32))
        {
            return 0;
        }

        thread.Files.Table.Close(firstFd);
        thread.Files.Table.Close(secondFd);
        return -Errno.EFAULT;
    }

    private static long CreateMemory(GuestThread thread, in SyscallArgs args)
    {
        const int CloseOnExec = 1;
        const int HugePages = 4;
        Span<byte> name = stackalloc byte[MaximumName];
        int length = thread.TryReadString(args.A0, name);
        if (length < 0)
        {
            return length == -Errno.ENAMETOOLONG ? -Errno.EINVAL : length;
        }

        int flags = args.Int1;
        if ((flags & HugePages) != 0)
        {
            return -Errno.EINVAL;
        }

        long fd;
        fixed (byte* text = name)
        {
            fd = HostSyscall.Raw(319, (ulong)text, (uint)(flags | CloseOnExec));
        }

        return Install(thread, fd, FileKind.Regular, (flags & CloseOnExec) != 0 ? OpenFlags.CloseOnExec : 0);
    }

    private static long Event(GuestThread thread, in SyscallArgs args) => MakeEvent(thread, (uint)args.A0, 0);

    private static long EventWithFlags(GuestThread thread, in SyscallArgs args) => MakeEvent(thread, (uint)args.A0, args.Int1);

    private static long MakeEvent(GuestThread thread, uint value, int flags) =>
        Install(thread, HostSyscall.Raw(290, value, (ulong)(flags | OpenFlags.CloseOnExec)), FileKind.Anonymous, flags);

    private static long CreateTimer(GuestThread thread, in SyscallArgs args) =>
        Install(thread, HostSyscall.Raw(283, args.A0, (ulong)(args.Int1 | OpenFlags.CloseOnExec)), FileKind.Anonymous, args.Int1);

    private static long SetTimer(GuestThread thread, in SyscallArgs args) =>
        thread.RawOn(args.Int0, 286, args.A1, thread.HostPointer(args.A2, 32), args.A3 == 0 ? 0 : thread.TargetPointer(args.A3, 32));

    private static long GetTimer(GuestThread thread, in SyscallArgs args) => thread.RawOn(args.Int0, 287, thread.TargetPointer(args.A1, 32));

    private static long Signal(GuestThread thread, in SyscallArgs args) => MakeSignal(thread, args.Int0, args.A1, args.A2, 0);

    private static long SignalWithFlags(GuestThread thread, in SyscallArgs args) => MakeSignal(thread, args.Int0, args.A1, args.A2, args.Int3);

    /// <summary>The host's own signalfd: the host's signal masks mirror the guest's, so the same signals stay pending there.</summary>
    private static long MakeSignal(GuestThread thread, int fd, ulong maskAddress, ulong size, int flags)
    {
        if (size != SignalSetSize)
        {
            return -Errno.EINVAL;
        }

        if (!thread.TryRead(maskAddress, out ulong mask))
        {
            return -Errno.EFAULT;
        }

        mask &= Runtime.Host.HostSignals.Mirrored;
        if (fd != -1)
        {
            long error = thread.RawOn(fd, 289, (ulong)&mask, SignalSetSize, (ulong)(flags | OpenFlags.CloseOnExec));
            return error < 0 ? error : fd;
        }

        return Install(thread, HostSyscall.Raw(289, ulong.MaxValue, (ulong)&mask, SignalSetSize, (ulong)(flags | OpenFlags.CloseOnExec)), FileKind.Signal, flags);
    }

    private static long CreateWatch(GuestThread thread, in SyscallArgs args) => MakeWatch(thread, 0);

    private static long CreateWatchWithFlags(GuestThread thread, in SyscallArgs args) => MakeWatch(thread, args.Int0);

    private static long MakeWatch(GuestThread thread, int flags) =>
        Install(thread, HostSyscall.Raw(294, (ulong)(flags | OpenFlags.CloseOnExec)), FileKind.Anonymous, flags);

    private static long AddWatch(GuestThread thread, in SyscallArgs args)
    {
        const uint DoNotFollow = 0x02000000;
        const uint OnlyDirectory = 0x01000000;
        uint mask = (uint)args.A2;
        int error = thread.Locate(OpenFlags.AtFdCwd, args.A1, 0, (mask & DoNotFollow) == 0, out Located located);
        if (error < 0)
        {
            return error;
        }

        long result = -Errno.EACCES;
        if (located.Node == null)
        {
            // The path given to the host is a link to the inode itself, which must be followed; the type was decided by the walk.
            byte* path = stackalloc byte[32];
            HostFile.DescriptorPath(located.Fd, path);
            bool isDirectory = located.Stat(thread.Files, out HostStat stat) == 0 && stat.Type == HostStat.TypeDirectory;
            result = (mask & OnlyDirectory) != 0 && !isDirectory
                ? -Errno.ENOTDIR
                : thread.RawOn(args.Int0, 254, (ulong)path, mask & ~DoNotFollow);
        }

        located.Dispose();
        return result;
    }

    private static long RemoveWatch(GuestThread thread, in SyscallArgs args) => thread.RawOn(args.Int0, 255, args.A1);
}
