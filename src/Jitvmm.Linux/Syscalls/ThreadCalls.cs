using System.Runtime.InteropServices;
using Jitvmm.Runtime.Memory;

namespace Jitvmm.Linux.Syscalls;

/// <summary>Threads: futexes, thread ids, robust lists. Creating them is <see cref="ProcessCalls"/>' clone.</summary>
internal static unsafe class ThreadCalls
{
    private const int FutexCommandMask = 0x7f;
    private const int FutexWait = 0;
    private const int FutexRequeue = 3;
    private const int FutexCompareRequeue = 4;
    private const int FutexWakeOp = 5;
    private const int FutexLockPi = 6;
    private const int FutexWaitBitset = 9;
    private const int FutexWaitRequeuePi = 11;
    private const int FutexCompareRequeuePi = 12;
    private const int FutexLockPi2 = 13;
    private const int MaxVector = 128;

    public static void Register(SyscallTable table)
    {
        table.Add(186, "gettid", "", &GetTid);
        table.Add(202, "futex", "pUuppx", &Futex, SyscallRestart.WithRestartFlag);
        table.Add(218, "set_tid_address", "p", &SetTidAddress);
        table.Add(273, "set_robust_list", "pu", &SetRobustList);
        table.Add(274, "get_robust_list", "dpp", &GetRobustList);
        table.Add(449, "futex_waitv", "puxpd", &FutexWaitVector, SyscallRestart.WithRestartFlag);
    }

    private static long GetTid(GuestThread thread, in SyscallArgs args) => thread.Tid;

    private static long Futex(GuestThread thread, in SyscallArgs args)
    {
        int command = args.Int1 & FutexCommandMask;
        if (!AddressSpace.InWindow(args.A0, 4))
        {
            return -Errno.EFAULT;
        }

        ulong word = (ulong)thread.Memory.HostBase + args.A0;
        switch (command)
        {
            case FutexWait:
            case FutexWaitBitset:
            case FutexLockPi:
            case FutexLockPi2:
            case FutexWaitRequeuePi:
                if (args.A3 != 0 && command != FutexLockPi)
                {
                    // With a timeout the kernel goes on waiting only after signals without handlers.
                    thread.SuppressRestart();
                }

                return HostSyscall.Blocking(thread, 202, word, args.A1, args.A2, thread.HostPointer(args.A3), thread.HostPointer(args.A4), args.A5);
            case FutexRequeue:
            case FutexCompareRequeue:
            case FutexWakeOp:
            case FutexCompareRequeuePi:
                // The fourth argument is a count here.
                return HostSyscall.Raw(202, word, args.A1, args.A2, args.A3, thread.HostPointer(args.A4), args.A5);
            default:
                return HostSyscall.Raw(202, word, args.A1, args.A2, 0, 0, args.A5);
        }
    }

    private static long FutexWaitVector(GuestThread thread, in SyscallArgs args)
    {
        int count = args.Int1;
        if (count is < 1 or > MaxVector || args.A2 != 0)
        {
            return -Errno.EINVAL;
        }

        WaitEntry* entries = stackalloc WaitEntry[MaxVector];
        if (!thread.TryReadBytes(args.A0, new Span<byte>(entries, count * sizeof(WaitEntry))))
        {
            return -Errno.EFAULT;
        }

        for (int i = 0; i < count; i++)
        {
            entries[i].Address = thread.HostPointer(entries[i].Address);
        }

        if (args.A3 != 0)
        {
            thread.SuppressRestart();
        }

        return HostSyscall.Blocking(thread, 449, (ulong)entries, (ulong)count, 0, thread.HostPointer(args.A3), args.A4);
    }

    private static long SetTidAddress(GuestThread thread, in SyscallArgs args)
    {
        thread.ClearChildTid = args.A0;
        return thread.Tid;
    }

    private static long SetRobustList(GuestThread thread, in SyscallArgs args)
    {
        if (args.A1 != Futexes.RobustHeadSize)
        {
            return -Errno.EINVAL;
        }

        thread.RobustList = args.A0;
        return 0;
    }

    private static long GetRobustList(GuestThread thread, in SyscallArgs args)
    {
        GuestThread? target = args.Int0 == 0 ? thread : thread.Process.FindThread(args.Int0);
        if (target == null)
        {
            return thread.Process.IsGuestProcess(args.Int0) ? -Errno.EPERM : -Errno.ESRCH;
        }

        return thread.TryWrite(args.A1, target.RobustList) && thread.TryWrite(args.A2, Futexes.RobustHeadSize) ? 0 : -Errno.EFAULT;
    }

    [StructLayout(LayoutKind.Sequential)]
    private struct WaitEntry
    {
        public ulong Value;
        public ulong Address;
        public uint Flags;
        public uint Reserved;
    }
}
