using System.Runtime.CompilerServices;
using Jitvmm.Linux.Files;

namespace Jitvmm.Linux;

/// <content>Descriptors and paths as system call arguments.</content>
public sealed partial class GuestThread
{
    /// <summary>Most bytes one transfer moves (MAX_RW_COUNT).</summary>
    internal const ulong MaximumTransfer = 0x7ffff000;

    private OpenFile?[] _polledFiles = new OpenFile?[8];

    internal ProcessFiles Files => Process.Files;

    /// <summary>Room for the files a poll of this thread holds while it waits.</summary>
    internal OpenFile?[] PolledFiles(int count)
    {
        if (_polledFiles.Length < count)
        {
            _polledFiles = new OpenFile?[Math.Max(count, 2 * _polledFiles.Length)];
        }

        return _polledFiles;
    }

    /// <summary>The open file of a guest descriptor with one use added, or null (EBADF).</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal OpenFile? Acquire(int fd) => Process.Files.Table.Acquire(fd);

    /// <summary>Issues a host call that does not wait, its first argument the host's number for a guest descriptor.</summary>
    internal long RawOn(int fd, long number, ulong a1 = 0, ulong a2 = 0, ulong a3 = 0, ulong a4 = 0, ulong a5 = 0)
    {
        OpenFile? file = Acquire(fd);
        if (file == null)
        {
            return -Errno.EBADF;
        }

        long result = HostSyscall.Raw(number, (ulong)file.HostFd, a1, a2, a3, a4, a5);
        file.Release();
        return result;
    }

    /// <summary>As <see cref="RawOn"/> for a call that may wait.</summary>
    internal long BlockingOn(int fd, long number, ulong a1 = 0, ulong a2 = 0, ulong a3 = 0, ulong a4 = 0, ulong a5 = 0)
    {
        OpenFile? file = Acquire(fd);
        if (file == null)
        {
            return -Errno.EBADF;
        }

        long result = HostSyscall.Blocking(this, number, (ulong)file.HostFd, a1, a2, a3, a4, a5);
        file.Release();
        return result;
    }

    /// <summary>Host address of a buffer the kernel reads at most <see cref="MaximumTransfer"/> bytes of.</summary>
    internal ulong SourcePointer(ulong address, ulong length) => HostPointer(address, Math.Min(length, MaximumTransfer));

    /// <summary>Host address of a buffer the kernel will write in this call; see <see cref="BeforeKernelWrite"/>.</summary>
    internal ulong TargetPointer(ulong address, ulong length)
    {
        length = Math.Min(length, MaximumTransfer);
        BeforeKernelWrite(address, length);
        return HostPointer(address, length);
    }

    /// <summary>The directory a relative path starts at, with one use added; null with 0 for an absolute path, null with -EBADF for a bad descriptor.</summary>
    internal OpenFile? AcquireStart(int directory, ReadOnlySpan<byte> path, out int error)
    {
        error = 0;
        if (!path.IsEmpty && path[0] == (byte)'/')
        {
            return null;
        }

        if (directory == OpenFlags.AtFdCwd)
        {
            return Files.AcquireCurrent();
        }

        OpenFile? file = Acquire(directory);
        error = file == null ? -Errno.EBADF : 0;
        return file;
    }

    /// <summary>Finds the file a path argument names. <paramref name="flags"/>: AT_EMPTY_PATH makes an empty path mean the descriptor.</summary>
    [SkipLocalsInit]
    internal int Locate(int directory, ulong pathAddress, int flags, bool follow, out Located located)
    {
        located = default;
        Span<byte> buffer = stackalloc byte[PathMax];
        int length = TryReadString(pathAddress, buffer);
        if (length < 0)
        {
            return length;
        }

        scoped ReadOnlySpan<byte> path = buffer[..length];
        if (length == 0 && (flags & OpenFlags.AtEmptyPath) == 0)
        {
            return -Errno.ENOENT;
        }

        OpenFile? start = AcquireStart(directory, path, out int error);
        if (error < 0)
        {
            return error;
        }

        if (length == 0)
        {
            located = new Located(start!);
            return 0;
        }

        error = Files.Locate(start, path, follow, out located);
        start?.Release();
        return error;
    }

    /// <summary>Finds the directory and name of a path argument.</summary>
    [SkipLocalsInit]
    internal int FindEntry(int directory, ulong pathAddress, scoped ref DirectoryEntry entry)
    {
        Span<byte> text = stackalloc byte[PathMax];
        int length = TryReadString(pathAddress, text);
        if (length < 0)
        {
            return length;
        }

        scoped ReadOnlySpan<byte> path = text[..length];
        OpenFile? start = AcquireStart(directory, path, out int error);
        if (error == 0)
        {
            error = entry.Find(Files, start, path);
            start?.Release();
        }

        return error;
    }
}
