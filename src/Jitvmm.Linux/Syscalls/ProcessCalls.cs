using System.Runtime.InteropServices;
using Jitvmm.Linux.Files;
using Jitvmm.Linux.Signals;

namespace Jitvmm.Linux.Syscalls;

/// <summary>Processes: their start, end, groups and sessions.</summary>
internal static unsafe class ProcessCalls
{
    private const int AtFdCwd = -100;
    private const int MaxArguments = 1 << 20;
    private const int WaitNoWait = 0x01000000;
    private const int WaitPidFd = 3;
    private const int SignalInfoSize = 128;

    public static void Register(SyscallTable table)
    {
        table.Add(39, "getpid", "", &GetPid);
        table.Add(56, "clone", "Cpppp", &Clone);
        table.Add(57, "fork", "", &Fork);
        table.Add(58, "vfork", "", &Vfork);
        table.Add(59, "execve", "svv", &Execve);
        table.Add(60, "exit", "d", &Exit);
        table.Add(61, "wait4", "dpWp", &Wait4, SyscallRestart.WithRestartFlag);
        table.Add(109, "setpgid", "dd", &SetPgid);
        table.Add(110, "getppid", "", &GetParent);
        table.Add(111, "getpgrp", "", &GetGroup);
        table.Add(112, "setsid", "", &SetSid);
        table.Add(121, "getpgid", "d", &GetPgid);
        table.Add(124, "getsid", "d", &GetSid);
        table.Add(231, "exit_group", "d", &ExitGroup);
        table.Add(247, "waitid", "ddpWp", &WaitId, SyscallRestart.WithRestartFlag);
        table.Add(272, "unshare", "C", &Unshare);
        table.Add(322, "execveat", "fsvvA", &ExecveAt);
        table.Add(434, "pidfd_open", "dx", &PidfdOpen);
        table.Add(435, "clone3", "pu", &Clone3);
    }

    private static long GetPid(GuestThread thread, in SyscallArgs args) => thread.Process.Pid;

    private static long GetParent(GuestThread thread, in SyscallArgs args) => HostSyscall.Raw(110);

    private static long GetGroup(GuestThread thread, in SyscallArgs args) => HostSyscall.Raw(111);

    private static long SetSid(GuestThread thread, in SyscallArgs args) => HostSyscall.Raw(112);

    private static long GetPgid(GuestThread thread, in SyscallArgs args) => HostSyscall.Raw(121, args.A0);

    private static long GetSid(GuestThread thread, in SyscallArgs args) => HostSyscall.Raw(124, args.A0);

    private static long SetPgid(GuestThread thread, in SyscallArgs args) =>
        args.Int0 == 0 || args.Int0 == thread.Process.Pid || thread.Process.IsGuestProcess(args.Int0)
            ? HostSyscall.Raw(109, args.A0, args.A1)
            : -Errno.ESRCH;

    private static long Fork(GuestThread thread, in SyscallArgs args) =>
        thread.Process.Fork(thread, new CloneArguments { ExitSignal = Signal.SIGCHLD });

    private static long Vfork(GuestThread thread, in SyscallArgs args) =>
        thread.Process.Fork(thread, new CloneArguments { Flags = CloneFlags.Vfork | CloneFlags.Memory, ExitSignal = Signal.SIGCHLD });

    private static long Clone(GuestThread thread, in SyscallArgs args)
    {
        ulong flags = args.A0 & ~CloneFlags.ExitSignal;
        return Clone(thread, new CloneArguments
        {
            Flags = flags,
            ExitSignal = (int)(args.A0 & CloneFlags.ExitSignal),
            Stack = args.A1,
            ParentTid = args.A2,
            ChildTid = args.A3,
            Tls = args.A4,
            PidFd = args.A2,
        });
    }

    private static long Clone3(GuestThread thread, in SyscallArgs args)
    {
        if (args.A1 is < 64 or > 4096)
        {
            return args.A1 < 64 ? -Errno.EINVAL : -Errno.E2BIG;
        }

        Clone3Arguments request = default;
        int size = (int)Math.Min(args.A1, (ulong)sizeof(Clone3Arguments));
        if (!thread.TryReadBytes(args.A0, new Span<byte>(&request, size)))
        {
            return -Errno.EFAULT;
        }

        bool stackIsOdd = request.Stack == 0 != (request.StackSize == 0);
        if (request.SetTid != 0 || request.SetTidSize != 0 || request.ExitSignal > Signal.Last || stackIsOdd || (request.Flags & 0xff) != 0)
        {
            return -Errno.EINVAL;
        }

        return Clone(thread, new CloneArguments
        {
            Flags = request.Flags,
            ExitSignal = (int)request.ExitSignal,
            Stack = request.Stack + request.StackSize,
            ParentTid = request.ParentTid,
            ChildTid = request.ChildTid,
            Tls = request.Tls,
            PidFd = request.PidFd,
        });
    }

    private static long Clone(GuestThread thread, in CloneArguments clone)
    {
        ulong flags = clone.Flags;
        if ((flags & CloneFlags.Refused) != 0)
        {
            return -Errno.EPERM;
        }

        if ((flags & CloneFlags.Thread) != 0)
        {
            // What every threading library asks for; threads that share less are not supported by any.
            const ulong Shared = CloneFlags.Memory | CloneFlags.SignalHandlers | CloneFlags.Files | CloneFlags.FileSystem;
            return (flags & Shared) == Shared && (flags & (CloneFlags.Vfork | CloneFlags.PidFd)) == 0
                ? thread.Process.CreateThread(thread, in clone)
                : -Errno.EINVAL;
        }

        // A process that shares memory runs, like vfork's child, before its parent goes on. One that shares signal
        // handlers too is a thread in all but name, which waits for its parent sooner or later.
        bool isThreadLike = (flags & (CloneFlags.SignalHandlers | CloneFlags.Vfork)) == CloneFlags.SignalHandlers;
        if (isThreadLike || (flags & CloneFlags.Parent) != 0 || clone.ExitSignal > Signal.Last)
        {
            return -Errno.EINVAL;
        }

        return thread.Process.Fork(thread, in clone);
    }

    /// <summary>Namespaces are the VMM's business; sharing less within this process changes nothing for one thread.</summary>
    private static long Unshare(GuestThread thread, in SyscallArgs args)
    {
        const ulong Harmless = CloneFlags.Files | CloneFlags.FileSystem | CloneFlags.SystemV;
        if ((args.A0 & ~Harmless) != 0)
        {
            return -Errno.EPERM;
        }

        return args.A0 == 0 || thread.Process.ThreadCount == 1 ? 0 : -Errno.EINVAL;
    }

    private static long Execve(GuestThread thread, in SyscallArgs args) => Execute(thread, AtFdCwd, args.A0, args.A1, args.A2, 0);

    private static long ExecveAt(GuestThread thread, in SyscallArgs args) => Execute(thread, args.Int0, args.A1, args.A2, args.A3, args.Int4);

    private static long Execute(GuestThread thread, int directory, ulong path, ulong arguments, ulong environment, int flags)
    {
        Span<byte> buffer = stackalloc byte[GuestThread.PathMax];
        int length = thread.TryReadString(path, buffer);
        if (length < 0)
        {
            return length;
        }

        if (length == 0 && (flags & 0x1000) == 0)
        {
            return -Errno.ENOENT;
        }

        byte[] program = buffer[..length].ToArray();
        long error = ReadStrings(thread, arguments, out List<byte[]> argumentTexts);
        if (error < 0)
        {
            return error;
        }

        error = ReadStrings(thread, environment, out List<byte[]> environmentTexts);
        return error < 0 ? error : thread.Process.Execute(thread, directory, program, flags, argumentTexts, environmentTexts);
    }

    private static long ReadStrings(GuestThread thread, ulong table, out List<byte[]> texts)
    {
        texts = [];
        byte[] buffer = new byte[256];
        for (int i = 0; table != 0; i++)
        {
            if (i == MaxArguments)
            {
                return -Errno.E2BIG;
            }

            if (!thread.TryRead(table + 8 * (ulong)i, out ulong address))
            {
                return -Errno.EFAULT;
            }

            if (address == 0)
            {
                return 0;
            }

            int length = thread.TryReadString(address, buffer);
            while (length == -Errno.ENAMETOOLONG && buffer.Length < Loading.InitialStack.MaxString)
            {
                buffer = new byte[buffer.Length * 8];
                length = thread.TryReadString(address, buffer);
            }

            if (length < 0)
            {
                return length == -Errno.ENAMETOOLONG ? -Errno.E2BIG : length;
            }

            texts.Add(buffer[..length]);
        }

        return 0;
    }

    private static long Exit(GuestThread thread, in SyscallArgs args)
    {
        thread.Process.EndThread(thread, args.Int0);
        thread.KeepRegisters();
        return 0;
    }

    private static long ExitGroup(GuestThread thread, in SyscallArgs args)
    {
        thread.Process.Exit(args.Int0);
        return 0;
    }

    private static long Wait4(GuestThread thread, in SyscallArgs args)
    {
        int status = 0;
        thread.BeforeKernelWrite(args.A3, 144);
        long pid = HostSyscall.Blocking(thread, 61, args.A0, (ulong)&status, args.A2, thread.HostPointer(args.A3, 144));
        if (pid <= 0)
        {
            return pid;
        }

        bool stopped = (status & 0xff) == 0x7f || status == 0xffff;
        if (!stopped)
        {
            thread.Process.Session.Forget((int)pid);
        }

        return args.A1 != 0 && !thread.TryWrite(args.A1, status) ? -Errno.EFAULT : pid;
    }

    private static long WaitId(GuestThread thread, in SyscallArgs args)
    {
        ulong id = args.A1;
        OpenFile? file = null;
        if (args.Int0 == WaitPidFd)
        {
            file = thread.Process.Files.Table.Acquire(args.Int1);
            if (file == null)
            {
                return -Errno.EBADF;
            }

            id = (ulong)file.HostFd;
        }

        SignalInfo info = default;
        thread.BeforeKernelWrite(args.A4, 144);
        long result = HostSyscall.Blocking(thread, 247, args.A0, id, (ulong)&info, args.A3, thread.HostPointer(args.A4, 144));
        file?.Release();
        if (result < 0)
        {
            return result;
        }

        // CLD_EXITED, CLD_KILLED, CLD_DUMPED.
        if (info.Pid != 0 && info.Code is >= 1 and <= 3 && (args.Int3 & WaitNoWait) == 0)
        {
            thread.Process.Session.Forget(info.Pid);
        }

        // The kernel writes these fields only.
        return args.A2 == 0 || thread.TryWriteBytes(args.A2, new ReadOnlySpan<byte>(&info, SignalInfoSize)[..28]) ? 0 : -Errno.EFAULT;
    }

    private static long PidfdOpen(GuestThread thread, in SyscallArgs args)
    {
        if (!thread.Process.IsGuestProcess(args.Int0))
        {
            return args.Int0 <= 0 ? -Errno.EINVAL : -Errno.ESRCH;
        }

        long hostFd = HostSyscall.Raw(434, args.A0, args.A1);
        return hostFd < 0 ? hostFd : thread.Process.Files.Table.Install(new OpenFile((int)hostFd, FileKind.Anonymous), closeOnExec: true);
    }

    [StructLayout(LayoutKind.Sequential)]
    private struct Clone3Arguments
    {
        public ulong Flags;
        public ulong PidFd;
        public ulong ChildTid;
        public ulong ParentTid;
        public ulong ExitSignal;
        public ulong Stack;
        public ulong StackSize;
        public ulong Tls;
        public ulong SetTid;
        public ulong SetTidSize;
        public ulong Cgroup;
    }
}
