namespace Jitvmm.Linux;

/// <summary>CLONE_* (clone(2)).</summary>
internal static class CloneFlags
{
    public const ulong ExitSignal = 0xff;
    public const ulong Memory = 0x100;
    public const ulong FileSystem = 0x200;
    public const ulong Files = 0x400;
    public const ulong SignalHandlers = 0x800;
    public const ulong PidFd = 0x1000;
    public const ulong Vfork = 0x4000;
    public const ulong Parent = 0x8000;
    public const ulong Thread = 0x10000;
    public const ulong SystemV = 0x40000;
    public const ulong SetTls = 0x80000;
    public const ulong ParentSetTid = 0x100000;
    public const ulong ChildClearTid = 0x200000;
    public const ulong ChildSetTid = 0x1000000;
    public const ulong ClearSignalHandlers = 0x1_0000_0000;

    /// <summary>New namespaces, and what else a guest may not have.</summary>
    public const ulong Refused = 0x20000 | 0x2000000 | 0x4000000 | 0x8000000 | 0x10000000 | 0x20000000 | 0x40000000 | 0x80 | 0x2000 | 0x2_0000_0000;
}

/// <summary>What clone and clone3 ask for.</summary>
internal readonly struct CloneArguments
{
    public ulong Flags { get; init; }

    /// <summary>Signal the parent gets when the child ends.</summary>
    public int ExitSignal { get; init; }

    /// <summary>First stack pointer; 0 keeps the caller's.</summary>
    public ulong Stack { get; init; }

    public ulong ParentTid { get; init; }

    public ulong ChildTid { get; init; }

    public ulong Tls { get; init; }

    /// <summary>Where the descriptor of CLONE_PIDFD goes.</summary>
    public ulong PidFd { get; init; }
}
