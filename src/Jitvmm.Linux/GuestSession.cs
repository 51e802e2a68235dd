using System.Runtime.InteropServices;
using Jitvmm.Linux.Loading;
using Jitvmm.Linux.SystemV;
using Jitvmm.Runtime.Host;

namespace Jitvmm.Linux;

/// <summary>
/// The processes one <c>run</c> has started, in memory they share: who may be signalled, and how many tasks
/// there are. An entry holds the time its process started, so that a number the host used again is not
/// taken for the guest.
/// </summary>
public sealed unsafe class GuestSession
{
    private const int Slots = 4096;
    private const long ClockTickNs = 10_000_000;

    // A process starts between the fork and the child's reading of the clock.
    private const long StartToleranceTicks = 100;

    private readonly Entry* _entries;
    private readonly int _taskLimit;

    public GuestSession(int taskLimit)
    {
        _taskLimit = Math.Min(taskLimit, Slots);
        Objects = new SessionObjects();
        long address = HostCalls.Raw(9, 0, Slots * (ulong)sizeof(Entry), 3, 0x21, ulong.MaxValue);
        if (address is < 0 and > -4096)
        {
            throw new InsufficientMemoryException("The host refused memory for the table of guest processes.");
        }

        _entries = (Entry*)address;
    }

    /// <summary>Its System V objects.</summary>
    public SessionObjects Objects { get; }

    /// <summary>Reserves a place for one more process; its index, or -EAGAIN when the session has as many tasks as it may.</summary>
    public int Reserve()
    {
        if (CountTasks() >= _taskLimit)
        {
            Sweep();
            if (CountTasks() >= _taskLimit)
            {
                return -Errno.EAGAIN;
            }
        }

        for (int i = 0; i < Slots; i++)
        {
            if (_entries[i].Pid == 0 && Interlocked.CompareExchange(ref _entries[i].Pid, -1, 0) == 0)
            {
                _entries[i].StartTick = 0;
                Volatile.Write(ref _entries[i].Tasks, 1);
                return i;
            }
        }

        return -Errno.EAGAIN;
    }

    /// <summary>Fills a reserved place; the parent and the child both do, whichever is first.</summary>
    public void Fill(int index, int pid)
    {
        _entries[index].StartTick = BootTick();
        Volatile.Write(ref _entries[index].Pid, pid);
    }

    /// <summary>Records where a process has its argument strings, for the others' /proc.</summary>
    public void SetArguments(int index, GuestRange arguments)
    {
        _entries[index].Arguments = arguments.Start;
        _entries[index].ArgumentsLength = arguments.Length;
    }

    /// <summary>Where a process of the session has its argument strings; empty when there is no such process.</summary>
    public GuestRange ArgumentsOf(int pid)
    {
        for (int i = 0; i < Slots && pid > 0; i++)
        {
            if (_entries[i].Pid == pid)
            {
                return new GuestRange(_entries[i].Arguments, _entries[i].ArgumentsLength);
            }
        }

        return default;
    }

    public void Release(int index)
    {
        Volatile.Write(ref _entries[index].Tasks, 0);
        Volatile.Write(ref _entries[index].Pid, 0);
    }

    /// <summary>Counts one more thread of a process; false when there are too many tasks.</summary>
    public bool TryAddThread(int index)
    {
        if (CountTasks() >= _taskLimit)
        {
            Sweep();
            if (CountTasks() >= _taskLimit)
            {
                return false;
            }
        }

        Interlocked.Increment(ref _entries[index].Tasks);
        return true;
    }

    public void RemoveThread(int index) => Interlocked.Decrement(ref _entries[index].Tasks);

    /// <summary>Forgets a process that was waited for.</summary>
    public void Forget(int pid)
    {
        for (int i = 0; i < Slots; i++)
        {
            if (_entries[i].Pid == pid)
            {
                Release(i);
                return;
            }
        }
    }

    /// <summary>Whether a process id belongs to this session, zombies included.</summary>
    public bool Contains(int pid)
    {
        for (int i = 0; i < Slots && pid > 0; i++)
        {
            if (_entries[i].Pid == pid)
            {
                return IsSame(i, pid);
            }
        }

        return false;
    }

    /// <summary>The process ids in the session.</summary>
    public int[] Members()
    {
        List<int> members = [];
        for (int i = 0; i < Slots; i++)
        {
            int pid = _entries[i].Pid;
            if (pid > 0 && IsSame(i, pid))
            {
                members.Add(pid);
            }
        }

        return [.. members];
    }

    private static long BootTick()
    {
        long* time = stackalloc long[2];
        _ = HostCalls.Raw(228, 7, (ulong)time);
        return time[0] * 100 + time[1] / ClockTickNs;
    }

    private bool IsSame(int index, int pid)
    {
        long started = StartTickOf(pid);
        return started >= 0 && Math.Abs(started - _entries[index].StartTick) <= StartToleranceTicks;
    }

    /// <summary>Field 22 of /proc/PID/stat; -1 when there is no such process.</summary>
    private static long StartTickOf(int pid)
    {
        Span<byte> path = stackalloc byte[40];
        "/proc/"u8.CopyTo(path);
        pid.TryFormat(path[6..], out int digits);
        "/stat\0"u8.CopyTo(path[(6 + digits)..]);
        Span<byte> text = stackalloc byte[1024];
        long count;
        fixed (byte* p = path)
        fixed (byte* t = text)
        {
            long fd = HostCalls.Raw(2, (ulong)p, 0x80000);
            if (fd < 0)
            {
                return -1;
            }

            count = HostCalls.Raw(0, (ulong)fd, (ulong)t, (ulong)text.Length);
            _ = HostCalls.Raw(3, (ulong)fd);
        }

        // The command, in parentheses, may contain anything.
        ReadOnlySpan<byte> rest = text[..(int)Math.Max(count, 0)];
        rest = rest[(rest.LastIndexOf((byte)')') + 1)..];
        for (int field = 2; field < 22; field++)
        {
            int space = rest.IndexOf((byte)' ');
            if (space < 0)
            {
                return -1;
            }

            rest = rest[(space + 1)..];
        }

        return System.Buffers.Text.Utf8Parser.TryParse(rest, out long tick, out _) ? tick : -1;
    }

    private int CountTasks()
    {
        int count = 0;
        for (int i = 0; i < Slots; i++)
        {
            count += _entries[i].Pid != 0 ? _entries[i].Tasks : 0;
        }

        return count;
    }

    /// <summary>Forgets processes that ended without anybody telling.</summary>
    private void Sweep()
    {
        for (int i = 0; i < Slots; i++)
        {
            int pid = _entries[i].Pid;
            if (pid > 0 && HostCalls.Raw(62, (ulong)pid, 0) == -Errno.ESRCH)
            {
                Release(i);
            }
        }
    }

    [StructLayout(LayoutKind.Sequential)]
    private struct Entry
    {
        public int Pid;
        public int Tasks;
        public long StartTick;
        public ulong Arguments;
        public ulong ArgumentsLength;
    }
}
