using Jitvmm.Linux.Mappings;
using Jitvmm.Runtime.Host;
using Jitvmm.Runtime.Memory;

namespace Jitvmm.Linux;

/// <summary>
/// The tie between a parent in vfork and its child, a pipe: its end tells the parent that the child has
/// executed a program or is gone, and before that it carries the pages the child wrote. With the real call
/// both share memory, and posix_spawn's child reports its error through it.
/// </summary>
internal sealed unsafe class VforkChannel : IDisposable
{
    private const long SysRead = 0;
    private const long SysWrite = 1;
    private const long SysClose = 3;
    private const long SysSignalMask = 14;
    private const ulong PageSize = AddressSpace.PageSize;

    /// <summary>Pagemap bits: present or swapped, and not shared with another process.</summary>
    private const ulong Present = 3ul << 62;
    private const ulong Exclusive = 1ul << 56;

    /// <summary>What of its stack a child with threads beside its parent may have changed: above and below the parent's stack pointer.</summary>
    private const ulong StackBelow = 64 << 10;
    private const ulong StackAbove = 64 << 10;

    private int _readEnd;
    private int _writeEnd;
    private ulong _parentStack;
    private bool _parentIsAlone;
    private bool _sharesMemory;

    private VforkChannel(int readEnd, int writeEnd)
    {
        _readEnd = readEnd;
        _writeEnd = writeEnd;
    }

    /// <summary>Null when the host has no descriptors left; the child then runs as after a plain fork.</summary>
    public static VforkChannel? Create()
    {
        int* ends = stackalloc int[2];
        return HostCalls.Raw(293, (ulong)ends, 0x80000) == 0 ? new VforkChannel(ends[0], ends[1]) : null;
    }

    /// <summary>In the child.</summary>
    public void BecomeChild(ulong parentStack, bool parentIsAlone, bool sharesMemory)
    {
        Close(ref _readEnd);
        _parentStack = parentStack;
        _parentIsAlone = parentIsAlone;
        _sharesMemory = sharesMemory;
    }

    /// <summary>In the parent, before any other thread runs.</summary>
    public void BecomeParent() => Close(ref _writeEnd);

    /// <summary>In the parent: waits for the child and takes over what it wrote. Signals wait, as with the real call.</summary>
    public void WaitForChild(GuestThread thread, bool sharesMemory)
    {
        ulong all = ulong.MaxValue & HostSignals.Mirrored;
        ulong old = 0;
        _ = HostCalls.Raw(SysSignalMask, 0, (ulong)&all, (ulong)&old, 8);
        bool interrupted = false;
        byte[] record = new byte[8 + PageSize];
        fixed (byte* buffer = record)
        {
            while (ReadRecord(thread, buffer, ref interrupted))
            {
                ulong address = *(ulong*)buffer;
                if (sharesMemory && AddressSpace.InWindow(address, PageSize))
                {
                    thread.TryWriteBytes(address, new ReadOnlySpan<byte>(buffer + 8, (int)PageSize));
                }
            }
        }

        if (interrupted)
        {
            thread.Host->Interrupt = 1;
        }

        _ = HostCalls.Raw(SysSignalMask, 2, (ulong)&old, 0, 8);
        Dispose();
    }

    /// <summary>In the child, before it executes a program or ends: sends what it wrote and lets the parent go on.</summary>
    public void Finish(LinuxProcess process)
    {
        if (_sharesMemory && _writeEnd >= 0)
        {
            SendWrittenPages(process);
        }

        Dispose();
    }

    public void Dispose()
    {
        Close(ref _readEnd);
        Close(ref _writeEnd);
    }

    private static void Close(ref int fd)
    {
        if (fd >= 0)
        {
            _ = HostCalls.Raw(SysClose, (ulong)fd);
            fd = -1;
        }
    }

    private bool ReadRecord(GuestThread thread, byte* buffer, ref bool interrupted)
    {
        ulong done = 0;
        while (done < 8 + PageSize)
        {
            if (thread.Host->Interrupt != 0)
            {
                interrupted = true;
                thread.Host->Interrupt = 0;
            }

            long count = HostCalls.Blocking(thread.Host, SysRead, (ulong)_readEnd, (ulong)buffer + done, 8 + PageSize - done);
            if (count is -Errno.EINTR or -Errno.ERESTARTSYS)
            {
                continue;
            }

            if (count <= 0)
            {
                return false;
            }

            done += (ulong)count;
        }

        return true;
    }

    private void SendWrittenPages(LinuxProcess process)
    {
        long pagemap;
        fixed (byte* path = "/proc/self/pagemap\0"u8)
        {
            pagemap = HostCalls.Raw(2, (ulong)path, 0x80000);
        }

        if (pagemap < 0)
        {
            return;
        }

        foreach (Vma area in process.Map.Snapshot())
        {
            if (area.IsShared || (area.Access & PageAccess.Write) == 0)
            {
                continue;
            }

            ulong start = area.Start;
            ulong end = area.End;
            if (!_parentIsAlone)
            {
                // The parent's other threads write too, which makes their pages look like the child's.
                start = Math.Max(start, (_parentStack - StackBelow) & ~(PageSize - 1));
                end = Math.Min(end, (_parentStack + StackAbove) & ~(PageSize - 1));
            }

            if (start < end && !SendWrittenPages(process.Memory.HostBase, (int)pagemap, start, end))
            {
                break;
            }
        }

        _ = HostCalls.Raw(SysClose, (ulong)pagemap);
    }

    private bool SendWrittenPages(byte* hostBase, int pagemap, ulong start, ulong end)
    {
        const int Batch = 512;
        ulong* entries = stackalloc ulong[Batch];
        byte[] record = new byte[8 + PageSize];
        fixed (byte* buffer = record)
        {
            for (ulong at = start; at < end; at += Batch * PageSize)
            {
                ulong count = Math.Min(Batch, (end - at) / PageSize);
                ulong offset = ((ulong)hostBase + at) / PageSize * 8;
                if (HostCalls.Raw(17, (ulong)pagemap, (ulong)entries, count * 8, offset) != (long)count * 8)
                {
                    return true;
                }

                for (ulong i = 0; i < count; i++)
                {
                    if ((entries[i] & Present) != 0 && (entries[i] & Exclusive) != 0 && !SendPage(hostBase, at + i * PageSize, buffer))
                    {
                        return false;
                    }
                }
            }
        }

        return true;
    }

    private bool SendPage(byte* hostBase, ulong address, byte* buffer)
    {
        *(ulong*)buffer = address;
        if (!HostCalls.TryCopy(buffer + 8, hostBase + address, PageSize))
        {
            return true;
        }

        ulong done = 0;
        while (done < 8 + PageSize)
        {
            long count = HostCalls.Raw(SysWrite, (ulong)_writeEnd, (ulong)buffer + done, 8 + PageSize - done);
            if (count == -Errno.EINTR)
            {
                continue;
            }

            if (count < 0)
            {
                return false;
            }

            done += (ulong)count;
        }

        return true;
    }
}
