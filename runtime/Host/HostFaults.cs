namespace Jitvmm.Runtime.Host;

/// <summary>
/// Turns access violations inside guest memory into a <see cref="NullReferenceException"/> that the engine
/// catches. A native handler placed before CoreCLR's records the fault in the thread's
/// <see cref="HostThread"/> and shows CoreCLR a small fault address.
/// </summary>
public static unsafe class HostFaults
{
    private static bool s_installed;

    /// <summary>Puts the handlers for SIGSEGV and SIGBUS in place, before CoreCLR's. Idempotent; call before guest code runs.</summary>
    public static void Install()
    {
        if (s_installed)
        {
            return;
        }

        s_installed = true;
        HostSignals.ChainHandler(HostSignals.Segv, HostStubs.FaultHandler);
        HostSignals.ChainHandler(HostSignals.Bus, HostStubs.FaultHandler);
    }

    /// <summary>Adds [start, start + length) to the host addresses whose faults are the guest's.</summary>
    public static void RegisterWindow(void* start, ulong length)
    {
        int count = *HostStubs.WindowCount;
        for (int i = 0; i < HostStubs.MaxWindows; i++)
        {
            ulong* window = HostStubs.Windows + 2 * i;
            if (i >= count || window[1] == 0)
            {
                window[0] = (ulong)start;
                window[1] = (ulong)start + length;
                *HostStubs.WindowCount = Math.Max(count, i + 1);
                return;
            }
        }

        throw new InvalidOperationException("Too many guest address spaces.");
    }

    /// <summary>Undoes <see cref="RegisterWindow"/>.</summary>
    public static void RemoveWindow(void* start)
    {
        for (int i = 0; i < *HostStubs.WindowCount; i++)
        {
            ulong* window = HostStubs.Windows + 2 * i;
            if (window[0] == (ulong)start)
            {
                window[0] = 0;
                window[1] = 0;
            }
        }
    }

    /// <summary>Lets the calling thread's faults be recorded. Idempotent.</summary>
    public static void EnterThread() => HostThreads.Enter();

    public static void LeaveThread() => HostThreads.Leave();

    /// <summary>Takes the calling thread's recorded fault, if there is one.</summary>
    /// <param name="address">Host address.</param>
    /// <param name="error">The page fault's error code as the host CPU gave it (bit 0 protection, 1 write).</param>
    /// <param name="bus">The fault came as SIGBUS: the page is mapped but its backing is gone.</param>
    /// <param name="mxcsr">The faulting code's MXCSR, which exception handling does not preserve.</param>
    public static bool TryTake(out ulong address, out uint error, out bool bus, out uint mxcsr)
    {
        HostThread* thread = HostThreads.Current;
        if (thread == null || thread->FaultKind == 0)
        {
            address = 0;
            error = 0;
            bus = false;
            mxcsr = 0;
            return false;
        }

        address = thread->FaultAddress;
        error = thread->FaultError;
        bus = thread->FaultKind == 2;
        mxcsr = thread->FaultMxcsr;
        thread->FaultKind = 0;
        return true;
    }
}
