using Jitvmm.Runtime.Host;
using Jitvmm.Runtime.Memory;

namespace Jitvmm.Linux;

/// <summary>What the kernel does with a dying thread's locks; the host kernel cannot, it does not know guest addresses.</summary>
internal static unsafe class Futexes
{
    /// <summary>sizeof(struct robust_list_head).</summary>
    public const ulong RobustHeadSize = 24;

    private const long SysFutex = 202;
    private const int Wake = 1;
    private const int TidMask = 0x3fffffff;
    private const int OwnerDied = 0x40000000;
    private const int Waiters = unchecked((int)0x80000000);

    /// <summary>The kernel's bound on the list (ROBUST_LIST_LIMIT): it may be circular.</summary>
    private const int Limit = 2048;

    /// <summary>Marks the robust mutexes a thread holds as ownerless and wakes one waiter of each (Documentation/locking/robust-futexes).</summary>
    public static void LeaveRobustList(GuestThread thread)
    {
        ulong head = thread.RobustList;
        if (head == 0 || !thread.TryRead(head, out ulong entry) || !thread.TryRead(head + 8, out ulong offset) || !thread.TryRead(head + 16, out ulong pending))
        {
            return;
        }

        for (int i = 0; i < Limit && (entry & ~1ul) != head; i++)
        {
            // The next one first: waking may free this one.
            bool more = thread.TryRead(entry & ~1ul, out ulong next);
            if ((entry & ~1ul) != (pending & ~1ul) && !Leave(thread, (entry & ~1ul) + offset, (entry & 1) != 0, false))
            {
                return;
            }

            if (!more)
            {
                return;
            }

            entry = next;
        }

        if ((pending & ~1ul) != 0)
        {
            Leave(thread, (pending & ~1ul) + offset, (pending & 1) != 0, true);
        }
    }

    private static bool Leave(GuestThread thread, ulong address, bool inheritsPriority, bool isPending)
    {
        if ((address & 3) != 0 || !AddressSpace.InWindow(address, 4) || !thread.TryRead(address, out int value))
        {
            return false;
        }

        byte* host = thread.Memory.HostBase + address;
        for (; ; )
        {
            if (isPending && !inheritsPriority && value == 0)
            {
                _ = HostCalls.Raw(SysFutex, (ulong)host, Wake, 1);
                return true;
            }

            if ((value & TidMask) != thread.Tid)
            {
                return true;
            }

            int found = value;
            int stored = HostCalls.TryCompareExchange((int*)host, ref found, (value & Waiters) | OwnerDied);
            if (stored < 0)
            {
                return false;
            }

            if (stored == 1)
            {
                if (!inheritsPriority && (value & Waiters) != 0)
                {
                    _ = HostCalls.Raw(SysFutex, (ulong)host, Wake, 1);
                }

                return true;
            }

            value = found;
        }
    }
}
