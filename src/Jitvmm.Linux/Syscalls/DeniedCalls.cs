namespace Jitvmm.Linux.Syscalls;

/// <summary>System calls that would change the host beyond the guest's files: refused as for an unprivileged process.</summary>
internal static unsafe class DeniedCalls
{
    public static void Register(SyscallTable table)
    {
        table.Add(165, "mount", "sssxp", &NotPermitted);
        table.Add(166, "umount2", "sx", &NotPermitted);
        table.Add(155, "pivot_root", "ss", &NotPermitted);
        table.Add(167, "swapon", "sx", &NotPermitted);
        table.Add(168, "swapoff", "s", &NotPermitted);
        table.Add(163, "acct", "s", &NotPermitted);
        table.Add(179, "quotactl", "xsdp", &NotPermitted);
        table.Add(304, "open_by_handle_at", "fpx", &NotPermitted);
        table.Add(428, "open_tree", "fsx", &NotPermitted);
        table.Add(429, "move_mount", "fsfsx", &NotPermitted);
        table.Add(430, "fsopen", "sx", &NotPermitted);
        table.Add(431, "fsconfig", "fxspd", &NotPermitted);
        table.Add(432, "fsmount", "fxx", &NotPermitted);
        table.Add(433, "fspick", "fsx", &NotPermitted);
        table.Add(442, "mount_setattr", "fsxpu", &NotPermitted);
        table.Add(300, "fanotify_init", "xx", &NotPermitted);
        table.Add(438, "pidfd_getfd", "ffx", &NotPermitted);
        table.Add(303, "name_to_handle_at", "fsppx", &NotSupported);
    }

    private static long NotPermitted(GuestThread thread, in SyscallArgs args) => -Errno.EPERM;

    private static long NotSupported(GuestThread thread, in SyscallArgs args) => -Errno.EOPNOTSUPP;
}
