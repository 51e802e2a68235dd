namespace Jitvmm.Linux.Syscalls;

/// <summary>
/// User and group ids and capabilities. They are the host thread's: as on Linux each thread has its own, and
/// the guest's C library changes them in all its threads.
/// </summary>
internal static unsafe class CredentialCalls
{
    public static void Register(SyscallTable table)
    {
        table.Add(102, "getuid", "", &GetUid);
        table.Add(104, "getgid", "", &GetGid);
        table.Add(105, "setuid", "d", &SetUid);
        table.Add(106, "setgid", "d", &SetGid);
        table.Add(107, "geteuid", "", &GetEuid);
        table.Add(108, "getegid", "", &GetEgid);
        table.Add(113, "setreuid", "dd", &SetReuid);
        table.Add(114, "setregid", "dd", &SetRegid);
        table.Add(115, "getgroups", "dp", &GetGroups);
        table.Add(116, "setgroups", "dp", &SetGroups);
        table.Add(117, "setresuid", "ddd", &SetResuid);
        table.Add(118, "getresuid", "ppp", &GetResuid);
        table.Add(119, "setresgid", "ddd", &SetResgid);
        table.Add(120, "getresgid", "ppp", &GetResgid);
        table.Add(122, "setfsuid", "d", &SetFsuid);
        table.Add(123, "setfsgid", "d", &SetFsgid);
        table.Add(125, "capget", "pp", &CapGet);
        table.Add(126, "capset", "pp", &CapSet);
    }

    private static long GetUid(GuestThread thread, in SyscallArgs args) => HostSyscall.Raw(102);

    private static long GetGid(GuestThread thread, in SyscallArgs args) => HostSyscall.Raw(104);

    private static long GetEuid(GuestThread thread, in SyscallArgs args) => HostSyscall.Raw(107);

    private static long GetEgid(GuestThread thread, in SyscallArgs args) => HostSyscall.Raw(108);

    private static long SetUid(GuestThread thread, in SyscallArgs args) => HostSyscall.Raw(105, args.A0);

    private static long SetGid(GuestThread thread, in SyscallArgs args) => HostSyscall.Raw(106, args.A0);

    private static long SetReuid(GuestThread thread, in SyscallArgs args) => HostSyscall.Raw(113, args.A0, args.A1);

    private static long SetRegid(GuestThread thread, in SyscallArgs args) => HostSyscall.Raw(114, args.A0, args.A1);

    private static long SetResuid(GuestThread thread, in SyscallArgs args) => HostSyscall.Raw(117, args.A0, args.A1, args.A2);

    private static long SetResgid(GuestThread thread, in SyscallArgs args) => HostSyscall.Raw(119, args.A0, args.A1, args.A2);

    private static long SetFsuid(GuestThread thread, in SyscallArgs args) => HostSyscall.Raw(122, args.A0);

    private static long SetFsgid(GuestThread thread, in SyscallArgs args) => HostSyscall.Raw(123, args.A0);

    private static long GetGroups(GuestThread thread, in SyscallArgs args)
    {
        thread.BeforeKernelWrite(args.A1, (uint)args.Int0 * 4ul);
        return HostSyscall.Raw(115, args.A0, thread.HostPointer(args.A1));
    }

    private static long SetGroups(GuestThread thread, in SyscallArgs args) => HostSyscall.Raw(116, args.A0, thread.HostPointer(args.A1));

    private static long GetResuid(GuestThread thread, in SyscallArgs args) => GetThree(thread, 118, in args);

    private static long GetResgid(GuestThread thread, in SyscallArgs args) => GetThree(thread, 120, in args);

    private static long GetThree(GuestThread thread, long call, in SyscallArgs args)
    {
        uint* ids = stackalloc uint[3];
        long result = HostSyscall.Raw(call, (ulong)ids, (ulong)(ids + 1), (ulong)(ids + 2));
        bool written = thread.TryWrite(args.A0, ids[0]) && thread.TryWrite(args.A1, ids[1]) && thread.TryWrite(args.A2, ids[2]);
        return result < 0 || written ? result : -Errno.EFAULT;
    }

    private static long CapGet(GuestThread thread, in SyscallArgs args)
    {
        // The header may name another process; what it may do is nobody's secret.
        thread.BeforeKernelWrite(args.A0, 8);
        thread.BeforeKernelWrite(args.A1, 24);
        return HostSyscall.Raw(125, thread.HostPointer(args.A0, 8), thread.HostPointer(args.A1, 24));
    }

    private static long CapSet(GuestThread thread, in SyscallArgs args) =>
        HostSyscall.Raw(126, thread.HostPointer(args.A0, 8), thread.HostPointer(args.A1, 24));
}
