using System.Numerics;
using System.Runtime.CompilerServices;

namespace Jitvmm.Linux.Files;

/// <summary>
/// The descriptors of one guest process: guest number → <see cref="OpenFile"/>. Close-on-exec is a property
/// of the number and kept here, because exec happens inside the VMM process. Thread-safe; looking a number
/// up takes no lock. A real <c>fork</c> copies the table and inherits the host descriptors with it.
/// </summary>
public sealed class FileTable
{
    /// <summary>Highest limit a guest can set (the kernel's default for fs.nr_open).</summary>
    public const int MaximumLimit = 1 << 20;

    private readonly Lock _gate = new();
    private OpenFile?[] _files = new OpenFile?[64];
    private ulong[] _used = new ulong[1];
    private ulong[] _closeOnExec = new ulong[1];
    private int _limit;

    public FileTable(int limit = 1024) => _limit = Math.Clamp(limit, 0, MaximumLimit);

    /// <summary>Numbers at or above this can not be made (RLIMIT_NOFILE); existing ones stay.</summary>
    public int Limit
    {
        get => Volatile.Read(ref _limit);
        set => Volatile.Write(ref _limit, Math.Clamp(value, 0, MaximumLimit));
    }

    /// <summary>The file behind a number with one use added, or null (EBADF). The caller releases it.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public OpenFile? Acquire(int fd)
    {
        OpenFile?[] files = Volatile.Read(ref _files);
        if ((uint)fd >= (uint)files.Length)
        {
            return null;
        }

        OpenFile? file = Volatile.Read(ref files[fd]);
        return file != null && file.TryAcquire() ? file : null;
    }

    /// <summary>
    /// Gives a new file the lowest free number from <paramref name="lowest"/> on, or releases it and
    /// returns -EMFILE.
    /// </summary>
    public int Install(OpenFile file, bool closeOnExec, int lowest = 0)
    {
        lock (_gate)
        {
            int fd = LowestFree(lowest);
            if (fd < _limit)
            {
                Put(fd, file, closeOnExec);
                return fd;
            }
        }

        file.Release();
        return -Errno.EMFILE;
    }

    /// <summary>Installs two files at once (pipe, socketpair): both or neither.</summary>
    public int InstallPair(OpenFile first, OpenFile second, bool closeOnExec, out int firstFd, out int secondFd)
    {
        firstFd = Install(first, closeOnExec);
        secondFd = -1;
        if (firstFd < 0)
        {
            second.Release();
            return firstFd;
        }

        secondFd = Install(second, closeOnExec);
        if (secondFd < 0)
        {
            Close(firstFd);
            return secondFd;
        }

        return 0;
    }

    /// <summary>Duplicates to the lowest free number from <paramref name="lowest"/> on (dup, F_DUPFD).</summary>
    public int Duplicate(int fd, int lowest, bool closeOnExec)
    {
        OpenFile? file = Acquire(fd);
        if (file == null)
        {
            return -Errno.EBADF;
        }

        int error = file.Duplicate(out OpenFile copy);
        file.Release();
        return error < 0 ? error : Install(copy, closeOnExec, lowest);
    }

    /// <summary>Duplicates to exactly <paramref name="target"/>, closing what was there (dup2, dup3). The numbers differ.</summary>
    public int DuplicateTo(int fd, int target, bool closeOnExec)
    {
        OpenFile? file = Acquire(fd);
        if (file == null || (uint)target >= (uint)Limit)
        {
            file?.Release();
            return -Errno.EBADF;
        }

        int error = file.Duplicate(out OpenFile copy);
        file.Release();
        if (error < 0)
        {
            return error;
        }

        OpenFile? replaced;
        lock (_gate)
        {
            replaced = target < _files.Length ? _files[target] : null;
            Put(target, copy, closeOnExec);
        }

        replaced?.Release();
        return target;
    }

    /// <summary>Closes one number; 0, -EBADF, or what the host's close reported.</summary>
    public int Close(int fd)
    {
        OpenFile? file;
        lock (_gate)
        {
            file = Take(fd);
        }

        return file == null ? -Errno.EBADF : file.Release();
    }

    /// <summary>Closes every number in [first, last] (close_range).</summary>
    public void CloseRange(uint first, uint last)
    {
        int end = (int)Math.Min(last, (uint)Volatile.Read(ref _files).Length - 1);
        for (uint fd = first; fd <= (uint)end && fd <= last; fd++)
        {
            Close((int)fd);
        }
    }

    /// <summary>Marks every open number in [first, last] close-on-exec (close_range with CLOSE_RANGE_CLOEXEC).</summary>
    public void MarkRangeCloseOnExec(uint first, uint last)
    {
        lock (_gate)
        {
            for (uint fd = first; fd <= last && fd < (uint)_files.Length; fd++)
            {
                if (_files[fd] != null)
                {
                    Set(_closeOnExec, (int)fd, true);
                }
            }
        }
    }

    /// <summary>Called by exec once it can no longer fail.</summary>
    public void CloseOnExec()
    {
        for (int word = 0; word < _closeOnExec.Length; word++)
        {
            while (Volatile.Read(ref _closeOnExec[word]) is ulong marked and not 0)
            {
                Close(word * 64 + BitOperations.TrailingZeroCount(marked));
            }
        }
    }

    /// <summary>Closes everything: the process ends.</summary>
    public void CloseAll() => CloseRange(0, uint.MaxValue);

    /// <summary>0 or 1, or -EBADF.</summary>
    public int GetCloseOnExec(int fd)
    {
        lock (_gate)
        {
            return IsOpen(fd) ? (int)(_closeOnExec[fd >> 6] >> (fd & 63) & 1) : -Errno.EBADF;
        }
    }

    /// <summary>0 or -EBADF.</summary>
    public int SetCloseOnExec(int fd, bool value)
    {
        lock (_gate)
        {
            if (!IsOpen(fd))
            {
                return -Errno.EBADF;
            }

            Set(_closeOnExec, fd, value);
            return 0;
        }
    }

    /// <summary>The open numbers in ascending order, for /proc/self/fd.</summary>
    public int[] OpenNumbers()
    {
        lock (_gate)
        {
            int count = 0;
            foreach (ulong word in _used)
            {
                count += BitOperations.PopCount(word);
            }

            int[] numbers = new int[count];
            for (int fd = 0, next = 0; next < count; fd++)
            {
                if (_files[fd] != null)
                {
                    numbers[next++] = fd;
                }
            }

            return numbers;
        }
    }

    /// <summary>A table with duplicates of every file, for a clone that shares memory but not files.</summary>
    public FileTable Copy()
    {
        FileTable copy = new(Limit);
        lock (_gate)
        {
            for (int fd = 0; fd < _files.Length; fd++)
            {
                if (_files[fd] is { } file && file.Duplicate(out OpenFile duplicate) == 0)
                {
                    copy.Put(fd, duplicate, (_closeOnExec[fd >> 6] >> (fd & 63) & 1) != 0);
                }
            }
        }

        return copy;
    }

    private static void Set(ulong[] bits, int index, bool value)
    {
        ulong bit = 1ul << (index & 63);
        bits[index >> 6] = value ? bits[index >> 6] | bit : bits[index >> 6] & ~bit;
    }

    private bool IsOpen(int fd) => (uint)fd < (uint)_files.Length && _files[fd] != null;

    private int LowestFree(int lowest)
    {
        int fd = Math.Max(lowest, 0);
        while (fd < _used.Length * 64)
        {
            ulong free = ~_used[fd >> 6] >> (fd & 63);
            if (free != 0)
            {
                return fd + BitOperations.TrailingZeroCount(free);
            }

            fd = (fd | 63) + 1;
        }

        return fd;
    }

    private void Put(int fd, OpenFile file, bool closeOnExec)
    {
        if (fd >= _files.Length)
        {
            int size = (int)BitOperations.RoundUpToPowerOf2((uint)fd + 1);
            Array.Resize(ref _used, size / 64);
            Array.Resize(ref _closeOnExec, size / 64);
            OpenFile?[] larger = new OpenFile?[size];
            _files.CopyTo(larger, 0);
            Volatile.Write(ref _files, larger);
        }

        Volatile.Write(ref _files[fd], file);
        Set(_used, fd, true);
        Set(_closeOnExec, fd, closeOnExec);
    }

    private OpenFile? Take(int fd)
    {
        if (!IsOpen(fd))
        {
            return null;
        }

        OpenFile? file = _files[fd];
        _files[fd] = null;
        Set(_used, fd, false);
        Set(_closeOnExec, fd, false);
        return file;
    }
}
