using System.Runtime.CompilerServices;

namespace Jitvmm.Runtime.Host;

/// <summary>System calls of the host, without libc: results are values or negated error numbers.</summary>
public static unsafe class HostCalls
{
    internal const long SetSignalAction = 13;
    internal const long GetPid = 39;
    internal const long GetTid = 186;
    internal const long QueueThreadSignal = 297;

    /// <summary>Issues a call that does not block for long.</summary>
    [SkipLocalsInit]
    public static long Raw(long number, ulong a0 = 0, ulong a1 = 0, ulong a2 = 0, ulong a3 = 0, ulong a4 = 0, ulong a5 = 0)
    {
        ulong* arguments = stackalloc ulong[6] { a0, a1, a2, a3, a4, a5 };
        return HostStubs.RawCall(number, arguments);
    }

    /// <summary>
    /// Issues a call that may block. Returns -512 (ERESTARTSYS) without issuing it when
    /// <see cref="HostThread.Interrupt"/> is set, however close to the call that happens. While it blocks,
    /// and at its end while a fork is under way, the thread counts as stopped.
    /// </summary>
    [SkipLocalsInit]
    public static long Blocking(HostThread* thread, long number, ulong a0 = 0, ulong a1 = 0, ulong a2 = 0, ulong a3 = 0, ulong a4 = 0, ulong a5 = 0)
    {
        ulong* arguments = stackalloc ulong[6] { a0, a1, a2, a3, a4, a5 };
        return HostStubs.BlockingCall(thread, number, arguments);
    }

    /// <summary>Waits, as stopped, while a fork is under way.</summary>
    public static void WaitAtGate(HostThread* thread) => HostStubs.WaitAtGate(thread);

    /// <summary>1 while a fork has the world stopped.</summary>
    public static ref int Gate => ref *HostStubs.Gate;

    /// <summary>Issues a clone that continues in the child on a copy of this stack.</summary>
    public static long Fork(long number, ulong a0, ulong a1, ulong a2, ulong a3, ulong a4)
    {
        ulong* arguments = stackalloc ulong[6] { a0, a1, a2, a3, a4, 0 };
        return HostStubs.ForkCall(arguments, number);
    }

    /// <summary>Copies bytes; false when either side is not accessible. Never throws, whatever the mappings do meanwhile.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool TryCopy(void* to, void* from, ulong length) => HostStubs.Copy(to, from, (long)length) == 0;

    /// <summary>Fills bytes; false when the memory is not accessible.</summary>
    public static bool TryFill(void* to, byte value, ulong length) => HostStubs.Fill(to, value, (long)length) == 0;

    /// <summary>Atomic compare and exchange: 1 stored, 0 different (<paramref name="expected"/> then holds what was found), negative when not accessible.</summary>
    public static int TryCompareExchange(int* where, ref int expected, int desired)
    {
        int found = expected;
        int result = HostStubs.CompareExchange(where, &found, desired);
        expected = found;
        return result;
    }
}
