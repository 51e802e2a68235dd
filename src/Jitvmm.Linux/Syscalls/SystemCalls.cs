using Jitvmm.Runtime.Cpu;

namespace Jitvmm.Linux.Syscalls;

/// <summary>Identity, limits, scheduling and what the system says of itself.</summary>
internal static unsafe class SystemCalls
{
    private const ulong AddressEnd = 1ul << 47;
    private const int CommandNameSize = 16;

    public static void Register(SyscallTable table)
    {
        table.Add(24, "sched_yield", "", &Yield);
        table.Add(63, "uname", "p", &Uname);
        table.Add(97, "getrlimit", "Lp", &GetRlimit);
        table.Add(98, "getrusage", "dp", &GetUsage);
        table.Add(99, "sysinfo", "p", &SysInfo);
        table.Add(101, "ptrace", "ddpp", &Refuse);
        table.Add(135, "personality", "x", &Personality);
        table.Add(140, "getpriority", "dd", &GetPriority);
        table.Add(141, "setpriority", "ddd", &SetPriority);
        table.Add(142, "sched_setparam", "dp", &SchedSetParameters);
        table.Add(143, "sched_getparam", "dp", &SchedGetParameters);
        table.Add(144, "sched_setscheduler", "ddp", &SchedSetScheduler);
        table.Add(145, "sched_getscheduler", "d", &SchedGetScheduler);
        table.Add(146, "sched_get_priority_max", "d", &SchedMaximum);
        table.Add(147, "sched_get_priority_min", "d", &SchedMinimum);
        table.Add(148, "sched_rr_get_interval", "dp", &SchedInterval);
        table.Add(157, "prctl", "dxxxx", &Prctl);
        table.Add(158, "arch_prctl", "xp", &ArchPrctl);
        table.Add(160, "setrlimit", "Lp", &SetRlimit);
        table.Add(203, "sched_setaffinity", "dup", &SchedSetAffinity);
        table.Add(204, "sched_getaffinity", "dup", &SchedGetAffinity);
        table.Add(302, "prlimit64", "dLpp", &Prlimit);
        table.Add(309, "getcpu", "ppp", &GetCpu);
        table.Add(310, "process_vm_readv", "dpupux", &Refuse);
        table.Add(311, "process_vm_writev", "dpupux", &Refuse);
        table.Add(317, "seccomp", "uxp", &Seccomp);
        table.Add(318, "getrandom", "bux", &GetRandom, SyscallRestart.WithRestartFlag);
    }

    private static long Refuse(GuestThread thread, in SyscallArgs args) => -Errno.EPERM;

    private static long Yield(GuestThread thread, in SyscallArgs args) => HostSyscall.Blocking(thread, 24);

    private static long Uname(GuestThread thread, in SyscallArgs args)
    {
        const int Size = 390;
        thread.BeforeKernelWrite(args.A0, Size);
        return HostSyscall.Raw(63, thread.HostPointer(args.A0, Size));
    }

    private static long GetUsage(GuestThread thread, in SyscallArgs args)
    {
        thread.BeforeKernelWrite(args.A1, 144);
        return HostSyscall.Raw(98, args.A0, thread.HostPointer(args.A1, 144));
    }

    private static long SysInfo(GuestThread thread, in SyscallArgs args)
    {
        ulong* info = stackalloc ulong[14];
        long result = HostSyscall.Raw(99, (ulong)info);
        ulong limit = thread.Process.Options.MemoryLimit;
        uint* unit = (uint*)(info + 13);
        if (result == 0 && limit != 0 && info[4] * *unit > limit)
        {
            // The guest's memory is what it may use of the host's.
            ulong used = Math.Min(thread.Process.Map.ChargedBytes, limit);
            info[4] = limit / *unit;
            info[5] = Math.Min(info[5], (limit - used) / *unit);
        }

        return result < 0 || thread.TryWriteBytes(args.A0, new ReadOnlySpan<byte>(info, 112)) ? result : -Errno.EFAULT;
    }

    private static long GetRandom(GuestThread thread, in SyscallArgs args)
    {
        thread.BeforeKernelWrite(args.A0, args.A1);
        return HostSyscall.Blocking(thread, 318, thread.HostPointer(args.A0), Math.Min(args.A1, int.MaxValue), args.A2);
    }

    private static long GetCpu(GuestThread thread, in SyscallArgs args) =>
        HostSyscall.Raw(309, thread.HostPointer(args.A0), thread.HostPointer(args.A1));

    /// <summary>Only the plain Linux personality; asking for it, or what it is, succeeds.</summary>
    private static long Personality(GuestThread thread, in SyscallArgs args)
    {
        const uint Query = 0xffffffff;
        const uint NoRandomization = 0x0040000;
        uint wanted = (uint)args.A0;
        return wanted is Query or 0 or NoRandomization ? 0 : -Errno.EINVAL;
    }

    private static long GetRlimit(GuestThread thread, in SyscallArgs args) =>
        args.A0 >= ResourceLimits.Count ? -Errno.EINVAL : thread.TryWrite(args.A1, thread.Process.Limits[args.Int0]) ? 0 : -Errno.EFAULT;

    private static long SetRlimit(GuestThread thread, in SyscallArgs args)
    {
        if (args.A0 >= ResourceLimits.Count)
        {
            return -Errno.EINVAL;
        }

        return thread.TryRead(args.A1, out ResourceLimit limit) ? thread.Process.Limits.Set(args.Int0, limit, thread.Process) : -Errno.EFAULT;
    }

    private static long Prlimit(GuestThread thread, in SyscallArgs args)
    {
        LinuxProcess process = thread.Process;
        int resource = args.Int1;
        if ((uint)resource >= ResourceLimits.Count)
        {
            return -Errno.EINVAL;
        }

        if (args.Int0 != 0 && args.Int0 != process.Pid)
        {
            return process.IsGuestProcess(args.Int0) ? -Errno.EPERM : -Errno.ESRCH;
        }

        ResourceLimit old = process.Limits[resource];
        if (args.A2 != 0)
        {
            if (!thread.TryRead(args.A2, out ResourceLimit limit))
            {
                return -Errno.EFAULT;
            }

            int error = process.Limits.Set(resource, limit, process);
            if (error < 0)
            {
                return error;
            }
        }

        return args.A3 != 0 && !thread.TryWrite(args.A3, old) ? -Errno.EFAULT : 0;
    }

    /// <summary>Whether a scheduling call may name this id: 0, one of the process's threads, or a process of the session.</summary>
    private static bool MayName(GuestThread thread, int id) =>
        id == 0 || id == thread.Process.Pid || thread.Process.FindThread(id) != null || thread.Process.IsGuestProcess(id);

    private static long GetPriority(GuestThread thread, in SyscallArgs args) => HostSyscall.Raw(140, args.A0, args.A1);

    private static long SetPriority(GuestThread thread, in SyscallArgs args)
    {
        if (args.Int0 != 0)
        {
            return -Errno.EPERM;
        }

        return MayName(thread, args.Int1) ? HostSyscall.Raw(141, args.A0, args.A1, args.A2) : -Errno.ESRCH;
    }

    private static long SchedSetParameters(GuestThread thread, in SyscallArgs args) =>
        MayName(thread, args.Int0) ? HostSyscall.Raw(142, args.A0, thread.HostPointer(args.A1)) : -Errno.ESRCH;

    private static long SchedGetParameters(GuestThread thread, in SyscallArgs args) =>
        MayName(thread, args.Int0) ? HostSyscall.Raw(143, args.A0, thread.HostPointer(args.A1)) : -Errno.ESRCH;

    private static long SchedSetScheduler(GuestThread thread, in SyscallArgs args) =>
        MayName(thread, args.Int0) ? HostSyscall.Raw(144, args.A0, args.A1, thread.HostPointer(args.A2)) : -Errno.ESRCH;

    private static long SchedGetScheduler(GuestThread thread, in SyscallArgs args) =>
        MayName(thread, args.Int0) ? HostSyscall.Raw(145, args.A0) : -Errno.ESRCH;

    private static long SchedMaximum(GuestThread thread, in SyscallArgs args) => HostSyscall.Raw(146, args.A0);

    private static long SchedMinimum(GuestThread thread, in SyscallArgs args) => HostSyscall.Raw(147, args.A0);

    private static long SchedInterval(GuestThread thread, in SyscallArgs args) =>
        MayName(thread, args.Int0) ? HostSyscall.Raw(148, args.A0, thread.HostPointer(args.A1)) : -Errno.ESRCH;

    private static long SchedSetAffinity(GuestThread thread, in SyscallArgs args) =>
        MayName(thread, args.Int0) ? HostSyscall.Raw(203, args.A0, args.A1, thread.HostPointer(args.A2)) : -Errno.ESRCH;

    private static long SchedGetAffinity(GuestThread thread, in SyscallArgs args)
    {
        if (!MayName(thread, args.Int0))
        {
            return -Errno.ESRCH;
        }

        thread.BeforeKernelWrite(args.A2, args.A1);
        return HostSyscall.Raw(204, args.A0, args.A1, thread.HostPointer(args.A2));
    }

    /// <summary>A kernel built without seccomp: a filter on the host thread would stop the VMM.</summary>
    private static long Seccomp(GuestThread thread, in SyscallArgs args) => -Errno.EINVAL;

    private static long ArchPrctl(GuestThread thread, in SyscallArgs args)
    {
        CpuState* cpu = thread.State;
        switch (args.Int0)
        {
            case 0x1001 when args.A1 < AddressEnd:
                cpu->GsBase = args.A1;
                return 0;
            case 0x1002 when args.A1 < AddressEnd:
                cpu->FsBase = args.A1;
                return 0;
            case 0x1001 or 0x1002:
                return -Errno.EPERM;
            case 0x1003:
                return thread.TryWrite(args.A1, cpu->FsBase) ? 0 : -Errno.EFAULT;
            case 0x1004:
                return thread.TryWrite(args.A1, cpu->GsBase) ? 0 : -Errno.EFAULT;
            case 0x1011:
                return 1;
            case 0x1012:
                return args.A1 != 0 ? 0 : -Errno.ENODEV;
            default:
                return -Errno.EINVAL;
        }
    }

    private static long Prctl(GuestThread thread, in SyscallArgs args)
    {
        const int SetParentDeathSignal = 1;
        const int GetParentDeathSignal = 2;
        const int GetDumpable = 3;
        const int SetDumpable = 4;
        const int SetName = 15;
        const int GetName = 16;
        const int GetSeccomp = 21;
        const int GetTimestampMode = 25;
        const int GetTidAddress = 40;
        const int SetTracer = 0x59616d61;
        switch (args.Int0)
        {
            case GetDumpable:
                return thread.Process.Dumpable;
            case SetDumpable:
                thread.Process.Dumpable = args.A1 != 0 ? 1 : 0;
                return args.A1 > 1 ? -Errno.EINVAL : 0;
            case SetName:
                return SetThreadName(thread, args.A1);
            case GetParentDeathSignal:
            case GetName:
            case 37:
                thread.BeforeKernelWrite(args.A1, CommandNameSize);
                return HostSyscall.Raw(157, args.A0, thread.HostPointer(args.A1, CommandNameSize));
            case GetSeccomp:
            case SetTracer:
                return 0;
            case GetTimestampMode:
                return thread.TryWrite(args.A1, 1) ? 0 : -Errno.EFAULT;
            case GetTidAddress:
                return thread.TryWrite(args.A1, thread.ClearChildTid) ? 0 : -Errno.EFAULT;
            case SetParentDeathSignal:
            case 7 or 8: // PR_GET_KEEPCAPS, PR_SET_KEEPCAPS
            case 23 or 24: // PR_CAPBSET_READ, PR_CAPBSET_DROP
            case 27 or 28: // PR_GET_SECUREBITS, PR_SET_SECUREBITS
            case 29 or 30: // PR_SET_TIMERSLACK, PR_GET_TIMERSLACK
            case 36: // PR_SET_CHILD_SUBREAPER
            case 38 or 39: // PR_SET_NO_NEW_PRIVS, PR_GET_NO_NEW_PRIVS
            case 41 or 42: // PR_SET_THP_DISABLE, PR_GET_THP_DISABLE
            case 47: // PR_CAP_AMBIENT
                return HostSyscall.Raw(157, args.A0, args.A1, args.A2, args.A3, args.A4);
            default:
                return -Errno.EINVAL;
        }
    }

    private static long SetThreadName(GuestThread thread, ulong address)
    {
        Span<byte> name = stackalloc byte[CommandNameSize];
        int length = thread.TryReadString(address, name);
        if (length == -Errno.EFAULT)
        {
            return length;
        }

        length = length < 0 ? CommandNameSize - 1 : length;
        if (thread.Tid == thread.Process.Pid)
        {
            thread.Process.SetCommandName(name[..length]);
            return 0;
        }

        name[^1] = 0;
        fixed (byte* text = name)
        {
            return HostSyscall.Raw(157, 15, (ulong)text);
        }
    }
}
