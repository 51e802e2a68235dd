namespace Jitvmm.Runtime.Host;

/// <summary>Time that the calling thread has spent on a processor: what work costs, however many others want the processors.</summary>
public static unsafe class ThreadTime
{
    private const long SysClockGetTime = 228;
    private const ulong ThreadCpuTime = 3;

    /// <summary>Since the thread began.</summary>
    public static TimeSpan Now
    {
        get
        {
            // struct timespec.
            long* time = stackalloc long[2];
            return HostCalls.Raw(SysClockGetTime, ThreadCpuTime, (ulong)time) == 0 ? new TimeSpan((time[0] * TimeSpan.TicksPerSecond) + (time[1] / TimeSpan.NanosecondsPerTick)) : TimeSpan.Zero;
        }
    }
}
