using System.Text;

namespace Jitvmm.Linux;

/// <summary>The symbolic names of arguments that are flags or choices, for <see cref="SyscallTracer"/>.</summary>
internal static class SyscallFlagNames
{
    private const ulong OpenAccessMode = 3;
    private const ulong MapTypeMask = 0xf;
    private const ulong FutexCommandMask = 0x7f;
    private const ulong SocketTypeMask = 0xf;

    private static readonly (ulong Bits, string Name)[] s_open =
    [
        (0x40, "O_CREAT"), (0x80, "O_EXCL"), (0x100, "O_NOCTTY"), (0x200, "O_TRUNC"), (0x400, "O_APPEND"), (0x800, "O_NONBLOCK"),
        (0x101000, "O_SYNC"), (0x1000, "O_DSYNC"), (0x2000, "O_ASYNC"), (0x4000, "O_DIRECT"), (0x8000, "O_LARGEFILE"), (0x410000, "O_TMPFILE"),
        (0x10000, "O_DIRECTORY"), (0x20000, "O_NOFOLLOW"), (0x40000, "O_NOATIME"), (0x80000, "O_CLOEXEC"), (0x200000, "O_PATH"),
    ];

    private static readonly (ulong Bits, string Name)[] s_protection =
        [(1, "PROT_READ"), (2, "PROT_WRITE"), (4, "PROT_EXEC"), (0x1000000, "PROT_GROWSDOWN"), (0x2000000, "PROT_GROWSUP")];

    private static readonly (ulong Bits, string Name)[] s_map =
    [
        (0x10, "MAP_FIXED"), (0x20, "MAP_ANONYMOUS"), (0x40, "MAP_32BIT"), (0x100, "MAP_GROWSDOWN"), (0x800, "MAP_DENYWRITE"), (0x1000, "MAP_EXECUTABLE"),
        (0x2000, "MAP_LOCKED"), (0x4000, "MAP_NORESERVE"), (0x8000, "MAP_POPULATE"), (0x10000, "MAP_NONBLOCK"), (0x20000, "MAP_STACK"),
        (0x40000, "MAP_HUGETLB"), (0x80000, "MAP_SYNC"), (0x100000, "MAP_FIXED_NOREPLACE"),
    ];

    private static readonly (ulong Bits, string Name)[] s_clone =
    [
        (0x100, "CLONE_VM"), (0x200, "CLONE_FS"), (0x400, "CLONE_FILES"), (0x800, "CLONE_SIGHAND"), (0x1000, "CLONE_PIDFD"), (0x2000, "CLONE_PTRACE"),
        (0x4000, "CLONE_VFORK"), (0x8000, "CLONE_PARENT"), (0x10000, "CLONE_THREAD"), (0x20000, "CLONE_NEWNS"), (0x40000, "CLONE_SYSVSEM"),
        (0x80000, "CLONE_SETTLS"), (0x100000, "CLONE_PARENT_SETTID"), (0x200000, "CLONE_CHILD_CLEARTID"), (0x400000, "CLONE_DETACHED"),
        (0x800000, "CLONE_UNTRACED"), (0x1000000, "CLONE_CHILD_SETTID"), (0x2000000, "CLONE_NEWCGROUP"), (0x4000000, "CLONE_NEWUTS"),
        (0x8000000, "CLONE_NEWIPC"), (0x10000000, "CLONE_NEWUSER"), (0x20000000, "CLONE_NEWPID"), (0x40000000, "CLONE_NEWNET"), (0x80000000, "CLONE_IO"),
    ];

    private static readonly (ulong Bits, string Name)[] s_at =
    [
        (0x100, "AT_SYMLINK_NOFOLLOW"), (0x200, "AT_REMOVEDIR"), (0x400, "AT_SYMLINK_FOLLOW"), (0x800, "AT_NO_AUTOMOUNT"), (0x1000, "AT_EMPTY_PATH"),
        (0x2000, "AT_STATX_FORCE_SYNC"), (0x4000, "AT_STATX_DONT_SYNC"),
    ];

    private static readonly (ulong Bits, string Name)[] s_access = [(4, "R_OK"), (2, "W_OK"), (1, "X_OK")];

    private static readonly (ulong Bits, string Name)[] s_wait =
        [(1, "WNOHANG"), (2, "WUNTRACED"), (4, "WEXITED"), (8, "WCONTINUED"), (0x1000000, "WNOWAIT"), (0x20000000, "__WNOTHREAD"), (0x40000000, "__WALL"), (0x80000000, "__WCLONE")];

    private static readonly (ulong Bits, string Name)[] s_socketType = [(0x800, "SOCK_NONBLOCK"), (0x80000, "SOCK_CLOEXEC")];

    private static readonly string[] s_socketTypes = ["", "SOCK_STREAM", "SOCK_DGRAM", "SOCK_RAW", "SOCK_RDM", "SOCK_SEQPACKET"];

    private static readonly string[] s_futex =
    [
        "FUTEX_WAIT", "FUTEX_WAKE", "FUTEX_FD", "FUTEX_REQUEUE", "FUTEX_CMP_REQUEUE", "FUTEX_WAKE_OP", "FUTEX_LOCK_PI", "FUTEX_UNLOCK_PI",
        "FUTEX_TRYLOCK_PI", "FUTEX_WAIT_BITSET", "FUTEX_WAKE_BITSET", "FUTEX_WAIT_REQUEUE_PI", "FUTEX_CMP_REQUEUE_PI", "FUTEX_LOCK_PI2",
    ];

    private static readonly string[] s_control =
    [
        "F_DUPFD", "F_GETFD", "F_SETFD", "F_GETFL", "F_SETFL", "F_GETLK", "F_SETLK", "F_SETLKW", "F_SETOWN", "F_GETOWN", "F_SETSIG", "F_GETSIG",
    ];

    private static readonly string[] s_advice =
    [
        "MADV_NORMAL", "MADV_RANDOM", "MADV_SEQUENTIAL", "MADV_WILLNEED", "MADV_DONTNEED", "", "", "", "MADV_FREE", "MADV_REMOVE", "MADV_DONTFORK",
        "MADV_DOFORK", "MADV_MERGEABLE", "MADV_UNMERGEABLE", "MADV_HUGEPAGE", "MADV_NOHUGEPAGE", "MADV_DONTDUMP", "MADV_DODUMP",
    ];

    private static readonly string[] s_limits =
    [
        "RLIMIT_CPU", "RLIMIT_FSIZE", "RLIMIT_DATA", "RLIMIT_STACK", "RLIMIT_CORE", "RLIMIT_RSS", "RLIMIT_NPROC", "RLIMIT_NOFILE", "RLIMIT_MEMLOCK",
        "RLIMIT_AS", "RLIMIT_LOCKS", "RLIMIT_SIGPENDING", "RLIMIT_MSGQUEUE", "RLIMIT_NICE", "RLIMIT_RTPRIO", "RLIMIT_RTTIME",
    ];

    private static readonly string[] s_clocks =
    [
        "CLOCK_REALTIME", "CLOCK_MONOTONIC", "CLOCK_PROCESS_CPUTIME_ID", "CLOCK_THREAD_CPUTIME_ID", "CLOCK_MONOTONIC_RAW", "CLOCK_REALTIME_COARSE",
        "CLOCK_MONOTONIC_COARSE", "CLOCK_BOOTTIME",
    ];

    private static readonly string[] s_how = ["SIG_BLOCK", "SIG_UNBLOCK", "SIG_SETMASK"];

    private static readonly string[] s_whence = ["SEEK_SET", "SEEK_CUR", "SEEK_END", "SEEK_DATA", "SEEK_HOLE"];

    /// <summary>Appends a value as one of <see cref="SyscallRow.Format"/>'s capital letters says; false for other letters.</summary>
    public static bool TryAppend(StringBuilder line, char kind, ulong value)
    {
        switch (kind)
        {
            case 'O':
                line.Append((value & OpenAccessMode) switch { 0 => "O_RDONLY", 1 => "O_WRONLY", 2 => "O_RDWR", _ => "O_ACCMODE" });
                AppendRest(line, s_open, (uint)value & ~OpenAccessMode);
                return true;
            case 'M':
                line.Append((value & MapTypeMask) switch { 1 => "MAP_SHARED", 2 => "MAP_PRIVATE", 3 => "MAP_SHARED_VALIDATE", _ => "0" });
                AppendRest(line, s_map, (uint)value & ~MapTypeMask);
                return true;
            case 'C':
                AppendBits(line, s_clone, value & ~CloneFlags.ExitSignal, "0");
                line.Append((value & CloneFlags.ExitSignal) == 0 ? "" : "|" + Signals.Signal.NameOf((int)(value & CloneFlags.ExitSignal)));
                return true;
            case 'T':
                AppendChoice(line, s_socketTypes, value & SocketTypeMask);
                AppendRest(line, s_socketType, (uint)value & ~SocketTypeMask);
                return true;
            case 'U':
                AppendChoice(line, s_futex, value & FutexCommandMask);
                line.Append((value & 128) != 0 ? "_PRIVATE" : "").Append((value & 256) != 0 ? "|FUTEX_CLOCK_REALTIME" : "");
                return true;
            case 'K':
                line.Append((uint)value switch { 1030 => "F_DUPFD_CLOEXEC", 1031 => "F_SETPIPE_SZ", 1032 => "F_GETPIPE_SZ", 1033 => "F_ADD_SEALS", 1034 => "F_GET_SEALS", _ => "" });
                if ((uint)value is < 1030 or > 1034)
                {
                    AppendChoice(line, s_control, (uint)value);
                }

                return true;
            case 'N':
                line.Append((uint)value switch { 1 => "AF_UNIX", 2 => "AF_INET", 10 => "AF_INET6", 16 => "AF_NETLINK", 17 => "AF_PACKET", _ => ((int)value).ToString() });
                return true;
            default:
                return TryAppendPlain(line, kind, (uint)value);
        }
    }

    private static bool TryAppendPlain(StringBuilder line, char kind, uint value)
    {
        (ulong Bits, string Name)[]? bits = kind switch
        {
            'P' => s_protection,
            'A' => s_at,
            'R' => s_access,
            'W' => s_wait,
            _ => null,
        };
        if (bits != null)
        {
            AppendBits(line, bits, value, kind switch { 'P' => "PROT_NONE", 'R' => "F_OK", _ => "0" });
            return true;
        }

        string[]? choices = kind switch
        {
            'V' => s_advice,
            'L' => s_limits,
            'Z' => s_clocks,
            'H' => s_how,
            'E' => s_whence,
            _ => null,
        };
        if (choices != null)
        {
            AppendChoice(line, choices, value);
        }

        return choices != null;
    }

    private static void AppendChoice(StringBuilder line, string[] names, ulong value)
    {
        if (value < (ulong)names.Length && names[value].Length > 0)
        {
            line.Append(names[value]);
        }
        else
        {
            line.Append((long)(int)value);
        }
    }

    private static void AppendRest(StringBuilder line, (ulong Bits, string Name)[] names, ulong value)
    {
        if (value != 0)
        {
            AppendBits(line.Append('|'), names, value, "");
        }
    }

    private static void AppendBits(StringBuilder line, (ulong Bits, string Name)[] names, ulong value, string none)
    {
        int start = line.Length;
        foreach ((ulong bits, string name) in names)
        {
            if ((value & bits) == bits)
            {
                line.Append(line.Length > start ? "|" : "").Append(name);
                value &= ~bits;
            }
        }

        if (value != 0)
        {
            line.Append(line.Length > start ? "|" : "").Append("0x").Append(value.ToString("x"));
        }
        else if (line.Length == start)
        {
            line.Append(none);
        }
    }
}
