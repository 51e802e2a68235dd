namespace Jitvmm.Linux.Files;

/// <summary>Flags of open(2) and their kin on x86-64.</summary>
internal static class OpenFlags
{
    public const int AccessMode = 3;
    public const int ReadOnly = 0;
    public const int WriteOnly = 1;
    public const int ReadWrite = 2;
    public const int Create = 0x40;
    public const int Exclusive = 0x80;
    public const int NoControllingTerminal = 0x100;
    public const int Truncate = 0x200;
    public const int Append = 0x400;
    public const int NonBlocking = 0x800;
    public const int DataSync = 0x1000;
    public const int Async = 0x2000;
    public const int Direct = 0x4000;
    public const int LargeFile = 0x8000;
    public const int Directory = 0x10000;
    public const int NoFollow = 0x20000;
    public const int NoAccessTime = 0x40000;
    public const int CloseOnExec = 0x80000;
    public const int Sync = 0x101000;
    public const int Path = 0x200000;
    public const int TemporaryFile = 0x410000;

    /// <summary>The bit O_TMPFILE adds to O_DIRECTORY.</summary>
    public const int TemporaryFileBit = 0x400000;

    /// <summary>All that openat accepts silently; openat2 refuses anything else.</summary>
    public const int Valid = AccessMode | Create | Exclusive | NoControllingTerminal | Truncate | Append | NonBlocking
        | Async | Direct | LargeFile | Directory | NoFollow | NoAccessTime | CloseOnExec | Sync | Path | TemporaryFileBit;

    /// <summary>What may accompany O_PATH.</summary>
    public const int ValidWithPath = Path | Directory | NoFollow | CloseOnExec;

    public const int AtFdCwd = -100;
    public const int AtSymlinkNoFollow = 0x100;
    public const int AtRemoveDir = 0x200;
    public const int AtEaccess = 0x200;
    public const int AtSymlinkFollow = 0x400;
    public const int AtNoAutomount = 0x800;
    public const int AtEmptyPath = 0x1000;

    public const ulong ResolveNoXdev = 0x01;
    public const ulong ResolveNoMagicLinks = 0x02;
    public const ulong ResolveNoSymlinks = 0x04;
    public const ulong ResolveBeneath = 0x08;
    public const ulong ResolveInRoot = 0x10;
    public const ulong ResolveCached = 0x20;

    /// <summary>Whether these flags change the file system or give the means to.</summary>
    public static bool Writes(int flags) =>
        (flags & Path) == 0 && ((flags & AccessMode) != ReadOnly || (flags & (Truncate | TemporaryFileBit)) != 0);
}
