using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Jitvmm.Linux.Files;

namespace Jitvmm.Linux.Syscalls;

/// <summary>poll and select: the descriptors are translated into a pollfd array of the VMM's.</summary>
internal static unsafe class PollCalls
{
    private const long PollWithMask = 271;
    private const int SignalSetSize = 8;
    private const int MaximumSelect = 1024;

    // Arrays up to this many descriptors live on the stack.
    private const int SmallCount = 64;

    public static void Register(SyscallTable table)
    {
        table.Add(7, "poll", "pud", &Poll);
        table.Add(271, "ppoll", "puppu", &PollMasked);
        table.Add(23, "select", "dpppp", &Select);
        table.Add(270, "pselect6", "dppppp", &SelectMasked);
    }

    [StructLayout(LayoutKind.Sequential)]
    private struct PollEntry
    {
        public int Descriptor;
        public short Events;
        public short Returned;
    }

    private static long Poll(GuestThread thread, in SyscallArgs args)
    {
        int timeoutMs = args.Int2;
        long* time = stackalloc long[2] { timeoutMs / 1000, timeoutMs % 1000 * 1_000_000L };
        return Poll(thread, args.A0, args.A1, timeoutMs < 0 ? null : time, null);
    }

    private static long PollMasked(GuestThread thread, in SyscallArgs args)
    {
        long* time = stackalloc long[2];
        if (args.A2 != 0 && !thread.TryReadBytes(args.A2, new Span<byte>(time, 16)))
        {
            return -Errno.EFAULT;
        }

        ulong mask = 0;
        if (args.A3 != 0)
        {
            if (args.A4 != SignalSetSize)
            {
                return -Errno.EINVAL;
            }

            if (!thread.TryRead(args.A3, out mask))
            {
                return -Errno.EFAULT;
            }
        }

        long result = Poll(thread, args.A0, args.A1, args.A2 == 0 ? null : time, args.A3 == 0 ? null : &mask);
        if (args.A2 != 0)
        {
            // The kernel leaves the time that was left, and does not mind if it can not.
            thread.TryWriteBytes(args.A2, new ReadOnlySpan<byte>(time, 16));
        }

        return result;
    }

    private static long Poll(GuestThread thread, ulong address, ulong count, long* time, ulong* mask)
    {
        count = (uint)count;
        if (count > (ulong)thread.Files.Table.Limit)
        {
            return -Errno.EINVAL;
        }

        if (count <= SmallCount)
        {
            PollEntry* entries = stackalloc PollEntry[SmallCount];
            return Poll(thread, address, (int)count, entries, time, mask);
        }

        PollEntry* many = (PollEntry*)NativeMemory.Alloc((nuint)count, (nuint)sizeof(PollEntry));
        long result = Poll(thread, address, (int)count, many, time, mask);
        NativeMemory.Free(many);
        return result;
    }

    private static long Poll(GuestThread thread, ulong address, int count, PollEntry* entries, long* time, ulong* mask)
    {
        int bytes = count * sizeof(PollEntry);
        if (!thread.TryReadBytes(address, new Span<byte>(entries, bytes)))
        {
            return -Errno.EFAULT;
        }

        long result = Wait(thread, entries, count, time, mask, allowsBad: true);
        if (result < 0)
        {
            return result;
        }

        for (int i = 0; i < count; i++)
        {
            if (!thread.TryWrite(address + (ulong)(i * sizeof(PollEntry)) + 6, entries[i].Returned))
            {
                return -Errno.EFAULT;
            }
        }

        return result;
    }

    /// <summary>
    /// Polls guest descriptors; bad ones report POLLNVAL. With <paramref name="allowsBad"/> false, a bad one means
    /// -EBADF, as for select.
    /// </summary>
    private static long Wait(GuestThread thread, PollEntry* entries, int count, long* time, ulong* mask, bool allowsBad)
    {
        const short Invalid = 0x20;
        OpenFile?[] files = thread.PolledFiles(count);
        int bad = 0;
        for (int i = 0; i < count; i++)
        {
            int fd = entries[i].Descriptor;
            files[i] = fd < 0 ? null : thread.Acquire(fd);
            bad += fd >= 0 && files[i] == null ? 1 : 0;

            // -2 tells a bad number from one the guest wanted ignored; the host ignores both.
            entries[i].Descriptor = files[i]?.HostFd ?? (fd < 0 ? -1 : -2);
        }

        long result = -Errno.EBADF;
        if (bad == 0 || allowsBad)
        {
            long* none = stackalloc long[2] { 0, 0 };
            ulong hostMask = mask == null ? 0 : thread.UseTemporaryMask(*mask);
            result = HostSyscall.Blocking(
                thread, PollWithMask, (ulong)entries, (ulong)count, (ulong)(bad != 0 ? none : time), mask == null ? 0 : (ulong)&hostMask, SignalSetSize);
        }

        for (int i = 0; i < count; i++)
        {
            files[i]?.Release();
            files[i] = null;
            if (entries[i].Descriptor == -2)
            {
                entries[i].Returned = Invalid;
            }
        }

        return result < 0 ? result : result + bad;
    }

    private static long Select(GuestThread thread, in SyscallArgs args)
    {
        if (args.A4 == 0)
        {
            return Select(thread, in args, null, null);
        }

        long* time = stackalloc long[2];
        if (!thread.TryReadBytes(args.A4, new Span<byte>(time, 16)))
        {
            return -Errno.EFAULT;
        }

        if (time[0] < 0 || time[1] < 0)
        {
            return -Errno.EINVAL;
        }

        time[0] += time[1] / 1_000_000;
        time[1] = time[1] % 1_000_000 * 1000;
        long result = Select(thread, in args, time, null);
        time[1] /= 1000;
        thread.TryWriteBytes(args.A4, new ReadOnlySpan<byte>(time, 16));
        return result;
    }

    private static long SelectMasked(GuestThread thread, in SyscallArgs args)
    {
        long* time = stackalloc long[2];
        if (args.A4 != 0 && !thread.TryReadBytes(args.A4, new Span<byte>(time, 16)))
        {
            return -Errno.EFAULT;
        }

        ulong mask = 0;
        bool isMasked = false;
        if (args.A5 != 0)
        {
            ulong* pair = stackalloc ulong[2];
            if (!thread.TryReadBytes(args.A5, new Span<byte>(pair, 16)))
            {
                return -Errno.EFAULT;
            }

            isMasked = pair[0] != 0;
            if (isMasked && pair[1] != SignalSetSize)
            {
                return -Errno.EINVAL;
            }

            if (isMasked && !thread.TryRead(pair[0], out mask))
            {
                return -Errno.EFAULT;
            }
        }

        long result = Select(thread, in args, args.A4 == 0 ? null : time, isMasked ? &mask : null);
        if (args.A4 != 0)
        {
            thread.TryWriteBytes(args.A4, new ReadOnlySpan<byte>(time, 16));
        }

        return result;
    }

    private static long Select(GuestThread thread, in SyscallArgs args, long* time, ulong* mask)
    {
        if (args.Int0 < 0)
        {
            return -Errno.EINVAL;
        }

        // The kernel looks only at as many bits as the process has room for descriptors.
        int count = Math.Min(args.Int0, Math.Min(MaximumSelect * 64, FileTable.MaximumLimit));
        count = Math.Min(count, Math.Max(thread.Files.Table.Limit, MaximumSelect));
        int words = (count + 63) / 64;
        ulong[] sets = new ulong[3 * words];
        for (int set = 0; set < 3; set++)
        {
            ulong address = args[1 + set];
            if (address != 0 && !thread.TryReadBytes(address, MemoryMarshal.AsBytes(sets.AsSpan(set * words, words))))
            {
                return -Errno.EFAULT;
            }
        }

        PollEntry[] entries = Wanted(sets, words, count);
        long result;
        fixed (PollEntry* first = entries)
        {
            int[] numbers = Array.ConvertAll(entries, static entry => entry.Descriptor);
            result = Wait(thread, first, entries.Length, time, mask, allowsBad: false);
            if (result < 0)
            {
                return result;
            }

            Array.Clear(sets);
            result = Collect(entries, numbers, sets, words);
        }

        for (int set = 0; set < 3; set++)
        {
            ulong address = args[1 + set];
            if (address != 0 && !thread.TryWriteBytes(address, MemoryMarshal.AsBytes(sets.AsSpan(set * words, words))))
            {
                return -Errno.EFAULT;
            }
        }

        return result;
    }

    // The poll events select waits for, and those it reports, per set (fs/select.c: POLLIN_SET, POLLOUT_SET, POLLEX_SET).
    private const short ReadWait = 0x1 | 0x40 | 0x80;
    private const short WriteWait = 0x4 | 0x100 | 0x200;
    private const short ExceptionWait = 0x2;
    private const short ReadReady = ReadWait | 0x8 | 0x10;
    private const short WriteReady = WriteWait | 0x8;

    private static PollEntry[] Wanted(ulong[] sets, int words, int count)
    {
        List<PollEntry> entries = [];
        for (int fd = 0; fd < count; fd++)
        {
            ulong bit = 1ul << (fd & 63);
            int word = fd >> 6;
            short events = 0;
            events |= (sets[word] & bit) != 0 ? ReadWait : (short)0;
            events |= (sets[words + word] & bit) != 0 ? WriteWait : (short)0;
            events |= (sets[2 * words + word] & bit) != 0 ? ExceptionWait : (short)0;
            if (events != 0)
            {
                entries.Add(new PollEntry { Descriptor = fd, Events = events });
            }
        }

        return [.. entries];
    }

    private static long Collect(PollEntry[] entries, int[] numbers, ulong[] sets, int words)
    {
        long count = 0;
        for (int i = 0; i < entries.Length; i++)
        {
            int events = entries[i].Events;
            int returned = entries[i].Returned;
            int word = numbers[i] >> 6;
            ulong bit = 1ul << (numbers[i] & 63);
            if ((events & ReadWait) != 0 && (returned & ReadReady) != 0)
            {
                sets[word] |= bit;
                count++;
            }

            if ((events & WriteWait) != 0 && (returned & WriteReady) != 0)
            {
                sets[words + word] |= bit;
                count++;
            }

            if ((events & ExceptionWait) != 0 && (returned & ExceptionWait) != 0)
            {
                sets[2 * words + word] |= bit;
                count++;
            }
        }

        return count;
    }
}
