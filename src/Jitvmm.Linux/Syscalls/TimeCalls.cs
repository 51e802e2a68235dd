using System.Runtime.InteropServices;

namespace Jitvmm.Linux.Syscalls;

/// <summary>Clocks, sleeps and timers. Timers are the host's: they signal the process, or a thread by its id, which is the guest's too.</summary>
internal static unsafe class TimeCalls
{
    private const int AbsoluteTime = 1;
    private const int SignalEventSize = 64;

    public static void Register(SyscallTable table)
    {
        table.Add(35, "nanosleep", "pp", &Nanosleep);
        table.Add(36, "getitimer", "dp", &GetItimer);
        table.Add(37, "alarm", "u", &Alarm);
        table.Add(38, "setitimer", "dpp", &SetItimer);
        table.Add(96, "gettimeofday", "pp", &GetTimeOfDay);
        table.Add(100, "times", "p", &Times);
        table.Add(159, "adjtimex", "p", &AdjustTime);
        table.Add(164, "settimeofday", "pp", &SetTime);
        table.Add(201, "time", "p", &Time);
        table.Add(222, "timer_create", "dpp", &TimerCreate);
        table.Add(223, "timer_settime", "dxpp", &TimerSetTime);
        table.Add(224, "timer_gettime", "dp", &TimerGetTime);
        table.Add(225, "timer_getoverrun", "d", &TimerGetOverrun);
        table.Add(226, "timer_delete", "d", &TimerDelete);
        table.Add(227, "clock_settime", "dp", &SetTime);
        table.Add(228, "clock_gettime", "Zp", &ClockGetTime);
        table.Add(229, "clock_getres", "Zp", &ClockGetResolution);
        table.Add(230, "clock_nanosleep", "Zxpp", &ClockNanosleep);
        table.Add(305, "clock_adjtime", "dp", &ClockAdjust);
    }

    private static long Nanosleep(GuestThread thread, in SyscallArgs args)
    {
        thread.BeforeKernelWrite(args.A1, 16);
        return HostSyscall.Blocking(thread, 35, thread.HostPointer(args.A0), thread.HostPointer(args.A1));
    }

    private static long ClockNanosleep(GuestThread thread, in SyscallArgs args)
    {
        thread.BeforeKernelWrite(args.A3, 16);
        ulong remaining = (args.Int1 & AbsoluteTime) != 0 ? 0 : thread.HostPointer(args.A3);
        return HostSyscall.Blocking(thread, 230, args.A0, args.A1, thread.HostPointer(args.A2), remaining);
    }

    private static long ClockGetTime(GuestThread thread, in SyscallArgs args)
    {
        int clock = args.Int0;
        TimeSpec time;
        if (clock < 0)
        {
            // The CPU clock of a process or thread named by number: of this session's only.
            long error = HostSyscall.Raw(228, args.A0, (ulong)&time);
            return error < 0 ? error : thread.TryWrite(args.A1, time) ? 0 : -Errno.EFAULT;
        }

        if (ReadClock(clock, &time) != 0)
        {
            return -Errno.EINVAL;
        }

        return thread.TryWrite(args.A1, time) ? 0 : -Errno.EFAULT;
    }

    private static long ClockGetResolution(GuestThread thread, in SyscallArgs args)
    {
        TimeSpec time;
        long result = HostSyscall.Raw(229, args.A0, (ulong)&time);
        return result < 0 ? result : args.A1 == 0 || thread.TryWrite(args.A1, time) ? 0 : -Errno.EFAULT;
    }

    private static long GetTimeOfDay(GuestThread thread, in SyscallArgs args)
    {
        TimeSpec time;
        ReadClock(0, &time);
        time.Nanoseconds /= 1000;
        if (args.A0 != 0 && !thread.TryWrite(args.A0, time))
        {
            return -Errno.EFAULT;
        }

        return args.A1 != 0 && !thread.TryWrite(args.A1, 0ul) ? -Errno.EFAULT : 0;
    }

    private static long Time(GuestThread thread, in SyscallArgs args)
    {
        TimeSpec time;
        ReadClock(0, &time);
        return args.A0 != 0 && !thread.TryWrite(args.A0, time.Seconds) ? -Errno.EFAULT : time.Seconds;
    }

    private static long Times(GuestThread thread, in SyscallArgs args)
    {
        thread.BeforeKernelWrite(args.A0, 32);
        return HostSyscall.Raw(100, thread.HostPointer(args.A0, 32));
    }

    private static long GetItimer(GuestThread thread, in SyscallArgs args)
    {
        thread.BeforeKernelWrite(args.A1, 32);
        return HostSyscall.Raw(36, args.A0, thread.HostPointer(args.A1, 32));
    }

    private static long SetItimer(GuestThread thread, in SyscallArgs args)
    {
        thread.BeforeKernelWrite(args.A2, 32);
        return HostSyscall.Raw(38, args.A0, thread.HostPointer(args.A1, 32), thread.HostPointer(args.A2, 32));
    }

    private static long Alarm(GuestThread thread, in SyscallArgs args) => HostSyscall.Raw(37, args.A0);

    /// <summary>The clock is the host's; a guest does not set it.</summary>
    private static long SetTime(GuestThread thread, in SyscallArgs args) => -Errno.EPERM;

    private static long AdjustTime(GuestThread thread, in SyscallArgs args) => ReadAdjustment(thread, 159, 0, args.A0);

    private static long ClockAdjust(GuestThread thread, in SyscallArgs args) => ReadAdjustment(thread, 305, args.A0, args.A1);

    private static long ReadAdjustment(GuestThread thread, long call, ulong clock, ulong address)
    {
        // struct timex begins with what to change: 0 only reads.
        if (!thread.TryRead(address, out uint modes))
        {
            return -Errno.EFAULT;
        }

        ulong pointer = thread.HostPointer(address);
        thread.BeforeKernelWrite(address, 208);
        return modes != 0 ? -Errno.EPERM : call == 159 ? HostSyscall.Raw(call, pointer) : HostSyscall.Raw(call, clock, pointer);
    }

    private static long TimerCreate(GuestThread thread, in SyscallArgs args)
    {
        byte* request = stackalloc byte[SignalEventSize];
        int id = 0;
        if (args.A1 != 0 && !thread.TryReadBytes(args.A1, new Span<byte>(request, SignalEventSize)))
        {
            return -Errno.EFAULT;
        }

        long result = HostSyscall.Raw(222, args.A0, args.A1 == 0 ? 0 : (ulong)request, (ulong)&id);
        if (result < 0)
        {
            return result;
        }

        if (!thread.TryWrite(args.A2, id))
        {
            HostSyscall.Raw(226, (ulong)id);
            return -Errno.EFAULT;
        }

        thread.Process.Timers.Add(id);
        return 0;
    }

    private static long TimerSetTime(GuestThread thread, in SyscallArgs args)
    {
        thread.BeforeKernelWrite(args.A3, 32);
        return HostSyscall.Raw(223, args.A0, args.A1, thread.HostPointer(args.A2, 32), thread.HostPointer(args.A3, 32));
    }

    private static long TimerGetTime(GuestThread thread, in SyscallArgs args)
    {
        thread.BeforeKernelWrite(args.A1, 32);
        return HostSyscall.Raw(224, args.A0, thread.HostPointer(args.A1, 32));
    }

    private static long TimerGetOverrun(GuestThread thread, in SyscallArgs args) => HostSyscall.Raw(225, args.A0);

    private static long TimerDelete(GuestThread thread, in SyscallArgs args)
    {
        thread.Process.Timers.Remove(args.Int0);
        return HostSyscall.Raw(226, args.A0);
    }

    // Through libc for its vDSO: no entry into the host kernel.
    [DllImport("libc", EntryPoint = "clock_gettime")]
    [SuppressGCTransition]
    private static extern int ReadClock(int clock, TimeSpec* time);

    [StructLayout(LayoutKind.Sequential)]
    private struct TimeSpec
    {
        public long Seconds;
        public long Nanoseconds;
    }
}
