using Jitvmm.Linux.Files;

namespace Jitvmm.Linux.Syscalls;

/// <summary>
/// epoll on the host's own: each guest descriptor has a host descriptor of its own, so the kernel's keys are
/// as the guest expects; the guest's data word passes through.
/// </summary>
internal static unsafe class EpollCalls
{
    private const int EventSize = 12;
    private const int SignalSetSize = 8;
    private const int MaximumEvents = int.MaxValue / EventSize;

    public static void Register(SyscallTable table)
    {
        table.Add(213, "epoll_create", "d", &Create);
        table.Add(291, "epoll_create1", "x", &CreateWithFlags);
        table.Add(233, "epoll_ctl", "fdfp", &Control);
        table.Add(232, "epoll_wait", "fpdd", &Wait);
        table.Add(281, "epoll_pwait", "fpddpu", &WaitMasked);
        table.Add(441, "epoll_pwait2", "fpdppu", &WaitPrecise);
    }

    private static long Create(GuestThread thread, in SyscallArgs args) => args.Int0 <= 0 ? -Errno.EINVAL : Create(thread, 0);

    private static long CreateWithFlags(GuestThread thread, in SyscallArgs args) => Create(thread, args.Int0);

    private static long Create(GuestThread thread, int flags) =>
        DescriptorCalls.Install(thread, HostSyscall.Raw(291, (ulong)(flags | OpenFlags.CloseOnExec)), FileKind.Epoll, flags);

    private static long Control(GuestThread thread, in SyscallArgs args)
    {
        OpenFile? target = thread.Acquire(args.Int2);
        if (target == null)
        {
            return -Errno.EBADF;
        }

        long result = thread.RawOn(args.Int0, 233, args.A1, (ulong)target.HostFd, thread.SourcePointer(args.A3, EventSize));
        target.Release();
        return result;
    }

    private static long Wait(GuestThread thread, in SyscallArgs args) => Wait(thread, 232, in args, 0);

    private static long WaitMasked(GuestThread thread, in SyscallArgs args) => WaitMasked(thread, 281, in args, args.A3);

    private static long WaitPrecise(GuestThread thread, in SyscallArgs args) =>
        WaitMasked(thread, 441, in args, args.A3 == 0 ? 0 : thread.SourcePointer(args.A3, 16));

    private static long WaitMasked(GuestThread thread, long number, in SyscallArgs args, ulong timeout)
    {
        ulong mask = 0;
        if (args.A4 == 0)
        {
            return Wait(thread, number, in args, timeout, 0);
        }

        if (args.A5 != SignalSetSize)
        {
            return -Errno.EINVAL;
        }

        if (!thread.TryRead(args.A4, out mask))
        {
            return -Errno.EFAULT;
        }

        mask = thread.UseTemporaryMask(mask);
        return Wait(thread, number, in args, timeout, (ulong)&mask);
    }

    private static long Wait(GuestThread thread, long number, in SyscallArgs args, ulong mask) => Wait(thread, number, in args, args.A3, mask);

    private static long Wait(GuestThread thread, long number, in SyscallArgs args, ulong timeout, ulong mask)
    {
        int count = args.Int2;
        if (count is <= 0 or > MaximumEvents)
        {
            return -Errno.EINVAL;
        }

        ulong events = thread.HostPointer(args.A1, (ulong)count * EventSize);

        // Only what may really be written loses its translations: programs pass room for thousands of events.
        thread.BeforeKernelWrite(args.A1, (ulong)Math.Min(count, 4096) * EventSize);
        return thread.BlockingOn(args.Int0, number, events, (ulong)Math.Min(count, 4096), timeout, mask, SignalSetSize);
    }
}
