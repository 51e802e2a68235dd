using Jitvmm.Linux.Files;
using Jitvmm.Linux.Signals;
using Jitvmm.Runtime.Host;

namespace Jitvmm.Linux.Syscalls;

/// <summary>Signals: dispositions, masks, waiting and sending.</summary>
internal static unsafe class SignalCalls
{
    private const ulong MaskSize = 8;
    private const int Block = 0;
    private const int Unblock = 1;
    private const int Assign = 2;
    private const int GroupProcessIdCall = 121;

    public static void Register(SyscallTable table)
    {
        table.Add(13, "rt_sigaction", "gppu", &Sigaction);
        table.Add(14, "rt_sigprocmask", "Hppu", &Sigprocmask);
        table.Add(15, "rt_sigreturn", "", &Sigreturn);
        table.Add(34, "pause", "", &Pause);
        table.Add(62, "kill", "dg", &Kill);
        table.Add(127, "rt_sigpending", "pu", &Sigpending);
        table.Add(128, "rt_sigtimedwait", "pppu", &Sigtimedwait);
        table.Add(129, "rt_sigqueueinfo", "dgp", &Sigqueueinfo);
        table.Add(130, "rt_sigsuspend", "pu", &Sigsuspend);
        table.Add(131, "sigaltstack", "pp", &Sigaltstack);
        table.Add(200, "tkill", "dg", &Tkill);
        table.Add(234, "tgkill", "ddg", &Tgkill);
        table.Add(297, "rt_tgsigqueueinfo", "ddgp", &Tgsigqueueinfo);
        table.Add(424, "pidfd_send_signal", "fgpx", &PidfdSendSignal);
    }

    private static long Sigaction(GuestThread thread, in SyscallArgs args)
    {
        int signal = args.Int0;
        if (args.A3 != MaskSize || !Signal.IsValid(signal) || (args.A1 != 0 && signal is Signal.SIGKILL or Signal.SIGSTOP))
        {
            return -Errno.EINVAL;
        }

        SignalAction old;
        if (args.A1 != 0)
        {
            if (!thread.TryRead(args.A1, out SignalAction action))
            {
                return -Errno.EFAULT;
            }

            if (action.IsHandled && signal is Signal.SIGSEGV or Signal.SIGBUS)
            {
                // The handler will see the registers at the fault, and may repair and continue.
                thread.Process.Engine.RequireExactFaults();
            }

            old = thread.Process.Dispositions.Set(signal, in action);
        }
        else
        {
            old = thread.Process.Dispositions[signal];
        }

        return args.A2 != 0 && !thread.TryWrite(args.A2, old) ? -Errno.EFAULT : 0;
    }

    private static long Sigprocmask(GuestThread thread, in SyscallArgs args)
    {
        if (args.A3 != MaskSize)
        {
            return -Errno.EINVAL;
        }

        ulong old = thread.SignalMask;
        if (args.A1 != 0)
        {
            if (!thread.TryRead(args.A1, out ulong set))
            {
                return -Errno.EFAULT;
            }

            switch (args.Int0)
            {
                case Block:
                    thread.SetMask(old | set);
                    break;
                case Unblock:
                    thread.SetMask(old & ~set);
                    break;
                case Assign:
                    thread.SetMask(set);
                    break;
                default:
                    return -Errno.EINVAL;
            }
        }

        return args.A2 != 0 && !thread.TryWrite(args.A2, old) ? -Errno.EFAULT : 0;
    }

    private static long Sigreturn(GuestThread thread, in SyscallArgs args)
    {
        thread.KeepRegisters();
        if (SignalFrame.Pop(thread, out ulong mask))
        {
            thread.SetMask(mask);
        }
        else
        {
            thread.Force(new SignalInfo { Signal = Signal.SIGSEGV, Code = SignalInfo.Kernel }, default);
        }

        return 0;
    }

    private static long Pause(GuestThread thread, in SyscallArgs args) => HostSyscall.Blocking(thread, 34);

    private static long Sigpending(GuestThread thread, in SyscallArgs args)
    {
        if (args.A1 > MaskSize)
        {
            return -Errno.EINVAL;
        }

        ulong set = 0;
        long result = HostSyscall.Raw(127, (ulong)&set, MaskSize);
        if (result < 0)
        {
            return result;
        }

        set |= thread.WaitingSignals & thread.SignalMask;
        return thread.TryWrite(args.A0, set) ? 0 : -Errno.EFAULT;
    }

    private static long Sigsuspend(GuestThread thread, in SyscallArgs args)
    {
        if (args.A1 != MaskSize)
        {
            return -Errno.EINVAL;
        }

        if (!thread.TryRead(args.A0, out ulong mask))
        {
            return -Errno.EFAULT;
        }

        ulong host = thread.UseTemporaryMask(mask);
        return HostSyscall.Blocking(thread, 130, (ulong)&host, MaskSize);
    }

    private static long Sigtimedwait(GuestThread thread, in SyscallArgs args)
    {
        if (args.A3 != MaskSize)
        {
            return -Errno.EINVAL;
        }

        if (!thread.TryRead(args.A0, out ulong set))
        {
            return -Errno.EFAULT;
        }

        set &= ~(Signal.Bit(Signal.SIGKILL) | Signal.Bit(Signal.SIGSTOP));
        SignalInfo info;
        long result;
        do
        {
            if (thread.TryTakeWaiting(set, out info))
            {
                result = info.Signal;
                break;
            }

            ulong host = set & HostSignals.Mirrored;
            result = HostSyscall.Blocking(thread, 128, (ulong)&host, (ulong)&info, thread.HostPointer(args.A2), MaskSize);
        }
        while (result is -Errno.EINTR or -Errno.ERESTARTSYS && (thread.WaitingSignals & set) != 0);

        return result > 0 && args.A1 != 0 && !thread.TryWrite(args.A1, info) ? -Errno.EFAULT : result;
    }

    private static long Sigaltstack(GuestThread thread, in SyscallArgs args)
    {
        ulong rsp = thread.State->Gpr[4];
        AlternateStackImage old = thread.AlternateStack.Image(rsp);
        if (args.A0 != 0)
        {
            if (!thread.TryRead(args.A0, out AlternateStackImage image))
            {
                return -Errno.EFAULT;
            }

            int error = thread.AlternateStack.Set(in image, rsp);
            if (error < 0)
            {
                return error;
            }
        }

        return args.A1 != 0 && !thread.TryWrite(args.A1, old) ? -Errno.EFAULT : 0;
    }

    private static long Kill(GuestThread thread, in SyscallArgs args)
    {
        int pid = args.Int0;
        int signal = args.Int1;
        LinuxProcess process = thread.Process;
        if (signal is < 0 or > Signal.Last)
        {
            return -Errno.EINVAL;
        }

        if (pid > 0)
        {
            return process.IsGuestProcess(pid) ? HostSyscall.Raw(62, (ulong)pid, (ulong)signal) : -Errno.ESRCH;
        }

        if (pid == int.MinValue)
        {
            return -Errno.ESRCH;
        }

        // A group may hold processes that are not the guest's: signal its members one by one, this process last.
        long group = pid == 0 ? HostSyscall.Raw(GroupProcessIdCall, 0) : -pid;
        long result = -Errno.ESRCH;
        bool self = false;
        foreach (int member in process.Session.Members())
        {
            if (pid != -1 && HostSyscall.Raw(GroupProcessIdCall, (ulong)member) != group)
            {
                continue;
            }

            if (member == process.Pid)
            {
                self = pid != -1;
                continue;
            }

            long error = HostSyscall.Raw(62, (ulong)member, (ulong)signal);
            result = result == 0 ? 0 : error;
        }

        return self ? HostSyscall.Raw(62, (ulong)process.Pid, (ulong)signal) : result;
    }

    private static long Tkill(GuestThread thread, in SyscallArgs args) =>
        args.Int0 <= 0 ? -Errno.EINVAL : SendToThread(thread, ProcessOf(thread, args.Int0), args.Int0, args.Int1);

    private static long Tgkill(GuestThread thread, in SyscallArgs args) =>
        args.Int0 <= 0 || args.Int1 <= 0 ? -Errno.EINVAL : SendToThread(thread, args.Int0, args.Int1, args.Int2);

    private static int ProcessOf(GuestThread thread, int tid) =>
        thread.Process.FindThread(tid) != null || tid == thread.Process.Pid ? thread.Process.Pid : tid;

    private static long SendToThread(GuestThread thread, int pid, int tid, int signal)
    {
        LinuxProcess process = thread.Process;
        if (signal is < 0 or > Signal.Last)
        {
            return -Errno.EINVAL;
        }

        bool own = pid == process.Pid;
        if (own ? process.FindThread(tid) == null && tid != pid : !process.IsGuestProcess(pid))
        {
            return -Errno.ESRCH;
        }

        if (own && signal == HostSignals.ClrSignal)
        {
            // Marked, or the native handler would take it for CoreCLR's.
            SignalInfo info = new() { Signal = signal, Code = SignalInfo.ThreadKill, Pid = pid, Uid = (uint)HostSyscall.Raw(102), Value = HostSignals.DirectedValue };
            return HostSyscall.Raw(297, (ulong)pid, (ulong)tid, (ulong)signal, (ulong)&info);
        }

        return HostSyscall.Raw(234, (ulong)pid, (ulong)tid, (ulong)signal);
    }

    private static long Sigqueueinfo(GuestThread thread, in SyscallArgs args)
    {
        int pid = args.Int0;
        if (!thread.TryRead(args.A2, out SignalInfo info))
        {
            return -Errno.EFAULT;
        }

        return thread.Process.IsGuestProcess(pid) ? HostSyscall.Raw(129, (ulong)pid, args.A1, (ulong)&info) : -Errno.ESRCH;
    }

    private static long Tgsigqueueinfo(GuestThread thread, in SyscallArgs args)
    {
        int pid = args.Int0;
        if (!thread.TryRead(args.A3, out SignalInfo info))
        {
            return -Errno.EFAULT;
        }

        LinuxProcess process = thread.Process;
        bool known = pid == process.Pid ? process.FindThread(args.Int1) != null : process.IsGuestProcess(pid);
        return known ? HostSyscall.Raw(297, (ulong)pid, args.A1, args.A2, (ulong)&info) : -Errno.ESRCH;
    }

    private static long PidfdSendSignal(GuestThread thread, in SyscallArgs args)
    {
        OpenFile? file = thread.Process.Files.Table.Acquire(args.Int0);
        if (file == null)
        {
            return -Errno.EBADF;
        }

        long result = args.A3 != 0 ? -Errno.EINVAL
            : TryFindProcess(file, out int pid) ? SendToProcess(thread, pid, in args)
            : HostSyscall.Raw(424, (ulong)file.HostFd, args.A1, thread.HostPointer(args.A2), 0);
        file.Release();
        return result;
    }

    /// <summary>An open /proc/PID, which the VMM makes up, stands for its process as well as a pidfd does.</summary>
    private static bool TryFindProcess(OpenFile file, out int pid)
    {
        pid = 0;
        return file.Kind == FileKind.SyntheticDirectory && file.Path is { } path && path.AsSpan().StartsWith("/proc/"u8)
            && System.Buffers.Text.Utf8Parser.TryParse(path.AsSpan(6), out pid, out int digits) && digits == path.Length - 6;
    }

    private static long SendToProcess(GuestThread thread, int pid, in SyscallArgs args)
    {
        if (!thread.Process.IsGuestProcess(pid))
        {
            return -Errno.ESRCH;
        }

        if (args.A2 == 0)
        {
            return HostSyscall.Raw(62, (ulong)pid, args.A1);
        }

        return thread.TryRead(args.A2, out SignalInfo info) ? HostSyscall.Raw(129, (ulong)pid, args.A1, (ulong)&info) : -Errno.EFAULT;
    }
}
