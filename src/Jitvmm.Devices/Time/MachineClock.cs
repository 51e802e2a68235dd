using System.Diagnostics;

namespace Jitvmm.Devices.Time;

/// <summary>
/// Machine time: nanoseconds since the machine started, standing still while it is paused. All devices and the time-stamp counter follow it.
/// </summary>
/// <remarks>The host's monotonic clock drives it, or, for repeatable runs, whatever the embedder counts (<see cref="Advance"/>).</remarks>
public sealed class MachineClock
{
    private readonly bool _counted;
    private long _offset;
    private long _stoppedAt;
    private long _count;
    private volatile bool _running;

    /// <param name="counted">Time passes only by <see cref="Advance"/>.</param>
    /// <param name="instructionShift">Log2 of the nanoseconds an instruction takes on a counted clock.</param>
    public MachineClock(bool counted = false, int instructionShift = 0)
    {
        _counted = counted;
        InstructionShift = instructionShift;
    }

    /// <summary>Log2 of the nanoseconds an instruction takes on a counted clock.</summary>
    public int InstructionShift { get; }

    /// <summary>Instructions that were executed since the latest <see cref="Advance"/>; asked on the processor's thread.</summary>
    public Func<long>? InstructionsInFlight { get; set; }

    /// <summary>Whether time passes only by <see cref="Advance"/>.</summary>
    public bool IsCounted => _counted;

    public bool IsRunning => _running;

    /// <summary>Nanoseconds of machine time.</summary>
    public long Now => _counted ? Volatile.Read(ref _count) + ((InstructionsInFlight?.Invoke() ?? 0) << InstructionShift) : _running ? Host + Volatile.Read(ref _offset) : Volatile.Read(ref _stoppedAt);

    /// <summary>The host's monotonic clock, in nanoseconds.</summary>
    public static long Host => Stopwatch.GetTimestamp();

    /// <summary>What to add to machine time to have the host's.</summary>
    public long ToHost => -Volatile.Read(ref _offset);

    public void Start()
    {
        if (!_running)
        {
            Volatile.Write(ref _offset, _stoppedAt - Host);
            _running = true;
        }
    }

    public void Stop()
    {
        if (_running)
        {
            Volatile.Write(ref _stoppedAt, Now);
            _running = false;
        }
    }

    /// <summary>Sets the time of a clock that stands still, as a restored machine needs it.</summary>
    public void Set(long nanoseconds)
    {
        Volatile.Write(ref _stoppedAt, nanoseconds);
        Volatile.Write(ref _count, nanoseconds - ((InstructionsInFlight?.Invoke() ?? 0) << InstructionShift));
    }

    /// <summary>Lets time pass on a counted clock.</summary>
    public void Advance(long nanoseconds) => Interlocked.Add(ref _count, nanoseconds);
}
