using System.Runtime.InteropServices;

namespace Jitvmm.Devices.Shares;

/// <summary>
/// The host's files by descriptor. Names are single components and never followed when they are links, so that no path leaves the share. Results are values or negated
/// error numbers.
/// </summary>
internal static unsafe class HostFiles
{
    public const int NotPermitted = 1;
    public const int NoEntry = 2;
    public const int BadFile = 9;
    public const int AccessDenied = 13;
    public const int NotFolder = 20;
    public const int Invalid = 22;
    public const int TooManyFiles = 24;
    public const int ReadOnlyFileSystem = 30;
    public const int NameTooLong = 36;
    public const int NotSupported = 95;

    /// <summary>Names a place without opening it.</summary>
    public const int PathOnly = 0x200000;
    public const int Folder = 0x10000;

    /// <summary>Opening a pipe does not wait for its other end.</summary>
    public const int NonBlocking = 0x800;
    private const int NoFollow = 0x20000;
    private const int CloseOnExec = 0x80000;
    private const int EmptyPath = 0x1000;
    private const int SymlinkFollow = 0x400;
    private const int CurrentFolder = -100;
    private const long GetEntriesCall = 217;

    /// <summary>Opens a name in a folder.</summary>
    public static int Open(int folder, byte* name, int flags, uint mode = 0) => Result(OpenAt(folder, name, flags | NoFollow | CloseOnExec, mode));

    /// <summary>Opens the share itself, by any path.</summary>
    public static int OpenRoot(byte* path) => Result(OpenAt(CurrentFolder, path, PathOnly | Folder | CloseOnExec, 0));

    /// <summary>Opens what a <see cref="PathOnly"/> descriptor names.</summary>
    public static int Reopen(int file, int flags)
    {
        byte* path = stackalloc byte[32];
        PathOf(file, path);
        return Result(OpenAt(CurrentFolder, path, flags | CloseOnExec, 0));
    }

    public static int Duplicate(int file) => Result(DuplicateFile(file, 1030, 0));

    public static void Close(int file) => _ = CloseFile(file);

    public static int Status(int file, out HostFileStatus status)
    {
        fixed (HostFileStatus* target = &status)
        {
            byte empty = 0;
            return Result(StatusAt(file, &empty, target, EmptyPath));
        }
    }

    public static int FileSystem(int file, ulong* target) => Result(FileSystemStatus(file, target));

    public static nint Read(int file, Span<byte> target, ulong offset)
    {
        fixed (byte* bytes = target)
        {
            return Result(ReadAt(file, bytes, (nuint)target.Length, (long)offset));
        }
    }

    public static nint Write(int file, ReadOnlySpan<byte> source, ulong offset)
    {
        fixed (byte* bytes = source)
        {
            return Result(WriteAt(file, bytes, (nuint)source.Length, (long)offset));
        }
    }

    /// <summary>Folder entries as the kernel has them, from a position on.</summary>
    public static nint Entries(int file, Span<byte> target, ulong position)
    {
        if (Seek(file, (long)position, 0) < 0)
        {
            return -Marshal.GetLastPInvokeError();
        }

        fixed (byte* bytes = target)
        {
            return (nint)Result((nint)Call(GetEntriesCall, file, bytes, target.Length));
        }
    }

    public static int Synchronize(int file, bool dataOnly) => Result(dataOnly ? SynchronizeData(file) : SynchronizeFile(file));

    public static int MakeFolder(int folder, byte* name, uint mode) => Result(MakeFolderAt(folder, name, mode));

    public static int MakeNode(int folder, byte* name, uint mode) => Result(MakeNodeAt(folder, name, mode, 0));

    public static int MakeLink(byte* target, int folder, byte* name) => Result(SymlinkAt(target, folder, name));

    public static nint ReadLink(int file, Span<byte> target)
    {
        fixed (byte* bytes = target)
        {
            byte empty = 0;
            return Result(ReadLinkAt(file, &empty, bytes, (nuint)target.Length));
        }
    }

    /// <summary>The path that a descriptor was opened by, as the host has it now; its length.</summary>
    public static int PathTo(int file, Span<byte> target)
    {
        byte* path = stackalloc byte[32];
        PathOf(file, path);
        fixed (byte* bytes = target)
        {
            return (int)Result(ReadLinkAt(CurrentFolder, path, bytes, (nuint)target.Length));
        }
    }

    /// <summary>How a descriptor was opened.</summary>
    public static int FlagsOf(int file) => Math.Max(Result(DuplicateFile(file, 3, 0)), 0);

    public static int Link(int file, int folder, byte* name)
    {
        byte* path = stackalloc byte[32];
        PathOf(file, path);
        return Result(LinkAt(CurrentFolder, path, folder, name, SymlinkFollow));
    }

    public static int Rename(int fromFolder, byte* from, int toFolder, byte* to) => Result(RenameAt(fromFolder, from, toFolder, to));

    public static int Remove(int folder, byte* name, int flags) => Result(UnlinkAt(folder, name, flags));

    public static int SetMode(int file, uint mode)
    {
        byte* path = stackalloc byte[32];
        PathOf(file, path);
        return Result(ChangeMode(path, mode));
    }

    public static int SetOwner(int file, uint user, uint group)
    {
        byte empty = 0;
        return Result(ChangeOwnerAt(file, &empty, user, group, EmptyPath));
    }

    public static int SetLength(int file, ulong length)
    {
        byte* path = stackalloc byte[32];
        PathOf(file, path);
        return Result(Truncate(path, (long)length));
    }

    /// <summary>Access and change time, each as seconds and nanoseconds.</summary>
    public static int SetTimes(int file, long* times)
    {
        byte* path = stackalloc byte[32];
        PathOf(file, path);
        return Result(SetTimesAt(CurrentFolder, path, times, 0));
    }

    private static void PathOf(int file, byte* path)
    {
        ReadOnlySpan<byte> prefix = "/proc/self/fd/"u8;
        prefix.CopyTo(new Span<byte>(path, 32));
        _ = System.Buffers.Text.Utf8Formatter.TryFormat(file, new Span<byte>(path + prefix.Length, 16), out int written);
        path[prefix.Length + written] = 0;
    }

    private static int Result(int value) => value < 0 ? -Marshal.GetLastPInvokeError() : value;

    private static nint Result(nint value) => value < 0 ? -Marshal.GetLastPInvokeError() : value;

    [DllImport("libc", EntryPoint = "openat", SetLastError = true)]
    private static extern int OpenAt(int folder, byte* name, int flags, uint mode);

    [DllImport("libc", EntryPoint = "fcntl", SetLastError = true)]
    private static extern int DuplicateFile(int file, int command, int lowest);

    [DllImport("libc", EntryPoint = "close")]
    private static extern int CloseFile(int file);

    [DllImport("libc", EntryPoint = "fstatat", SetLastError = true)]
    private static extern int StatusAt(int folder, byte* name, HostFileStatus* status, int flags);

    [DllImport("libc", EntryPoint = "fstatfs", SetLastError = true)]
    private static extern int FileSystemStatus(int file, ulong* status);

    [DllImport("libc", EntryPoint = "pread", SetLastError = true)]
    private static extern nint ReadAt(int file, byte* target, nuint length, long offset);

    [DllImport("libc", EntryPoint = "pwrite", SetLastError = true)]
    private static extern nint WriteAt(int file, byte* source, nuint length, long offset);

    [DllImport("libc", EntryPoint = "lseek", SetLastError = true)]
    private static extern long Seek(int file, long offset, int origin);

    [DllImport("libc", EntryPoint = "syscall", SetLastError = true)]
    private static extern long Call(long number, long file, byte* target, long length);

    [DllImport("libc", EntryPoint = "fsync", SetLastError = true)]
    private static extern int SynchronizeFile(int file);

    [DllImport("libc", EntryPoint = "fdatasync", SetLastError = true)]
    private static extern int SynchronizeData(int file);

    [DllImport("libc", EntryPoint = "mkdirat", SetLastError = true)]
    private static extern int MakeFolderAt(int folder, byte* name, uint mode);

    [DllImport("libc", EntryPoint = "mknodat", SetLastError = true)]
    private static extern int MakeNodeAt(int folder, byte* name, uint mode, ulong device);

    [DllImport("libc", EntryPoint = "symlinkat", SetLastError = true)]
    private static extern int SymlinkAt(byte* target, int folder, byte* name);

    [DllImport("libc", EntryPoint = "readlinkat", SetLastError = true)]
    private static extern nint ReadLinkAt(int folder, byte* name, byte* target, nuint length);

    [DllImport("libc", EntryPoint = "linkat", SetLastError = true)]
    private static extern int LinkAt(int fromFolder, byte* from, int toFolder, byte* to, int flags);

    [DllImport("libc", EntryPoint = "renameat", SetLastError = true)]
    private static extern int RenameAt(int fromFolder, byte* from, int toFolder, byte* to);

    [DllImport("libc", EntryPoint = "unlinkat", SetLastError = true)]
    private static extern int UnlinkAt(int folder, byte* name, int flags);

    [DllImport("libc", EntryPoint = "chmod", SetLastError = true)]
    private static extern int ChangeMode(byte* path, uint mode);

    [DllImport("libc", EntryPoint = "fchownat", SetLastError = true)]
    private static extern int ChangeOwnerAt(int folder, byte* name, uint user, uint group, int flags);

    [DllImport("libc", EntryPoint = "truncate", SetLastError = true)]
    private static extern int Truncate(byte* path, long length);

    [DllImport("libc", EntryPoint = "utimensat", SetLastError = true)]
    private static extern int SetTimesAt(int folder, byte* path, long* times, int flags);
}
