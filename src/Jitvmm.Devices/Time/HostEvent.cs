using System.Runtime.InteropServices;

namespace Jitvmm.Devices.Time;

/// <summary>
/// An event one thread waits for and any thread sets; a wait consumes it. Waits end at nanosecond deadlines of the host's monotonic clock, which .NET's own
/// primitives cannot do.
/// </summary>
public sealed unsafe class HostEvent : IDisposable
{
    private const long FutexCall = 202;
    private const int WaitBitsetPrivate = 9 | 128;
    private const int WakePrivate = 1 | 128;
    private const int TimerSlackOption = 29;

    private readonly int* _word = (int*)NativeMemory.AllocZeroed(64);
    private bool _disposed;

    /// <summary>Lets the waiting thread go, or the next wait return at once.</summary>
    public void Set()
    {
        if (Interlocked.Exchange(ref *_word, 1) == 0)
        {
            _ = Futex(FutexCall, _word, WakePrivate, 1, null, null, 0);
        }
    }

    /// <summary>Waits until set, or until the host's monotonic clock reaches the deadline. True when it was set.</summary>
    public bool Wait(long hostDeadline)
    {
        long deadline = Math.Max(hostDeadline, 0);
        long* time = stackalloc long[2] { deadline / 1_000_000_000, deadline % 1_000_000_000 };
        while (Interlocked.Exchange(ref *_word, 0) == 0)
        {
            if (hostDeadline != MachineTimer.Never && MachineClock.Host >= hostDeadline)
            {
                return false;
            }

            _ = Futex(FutexCall, _word, WaitBitsetPrivate, 0, hostDeadline == MachineTimer.Never ? null : time, null, uint.MaxValue);
        }

        return true;
    }

    /// <summary>Asks the host not to round this thread's waits (50 µs by default).</summary>
    public static void SharpenWaits() => _ = ProcessControl(TimerSlackOption, 1, 0, 0, 0);

    public void Dispose()
    {
        if (!_disposed)
        {
            _disposed = true;
            NativeMemory.Free(_word);
        }
    }

    [DllImport("libc", EntryPoint = "syscall")]
    private static extern long Futex(long number, int* word, long operation, long value, long* time, int* second, long mask);

    [DllImport("libc", EntryPoint = "prctl")]
    private static extern int ProcessControl(int option, ulong a, ulong b, ulong c, ulong d);
}
