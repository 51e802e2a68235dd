namespace Jitvmm.Devices.Time;

/// <summary>
/// The alarms of one machine and the thread that rings them. Its lock is a leaf: devices arm timers while they hold their own.
/// </summary>
/// <remarks>A machine has some twenty timers, so the next one is found by looking at all.</remarks>
public sealed class TimerQueue : IDisposable
{
    private readonly Lock _lock = new();
    private readonly List<MachineTimer> _timers = [];
    private readonly List<MachineTimer> _due = [];
    private readonly HostEvent _changed = new();
    private Thread? _thread;
    private long _wakeAt = MachineTimer.Never;
    private volatile bool _ending;

    public TimerQueue(MachineClock clock) => Clock = clock;

    public MachineClock Clock { get; }

    /// <summary>Called, under the queue's lock, when the earliest deadline of a counted clock may have moved.</summary>
    public Action? DeadlineMoved { get; set; }

    public MachineTimer Create(Action callback)
    {
        var timer = new MachineTimer(this, callback);
        lock (_lock)
        {
            _timers.Add(timer);
        }

        return timer;
    }

    /// <summary>Machine time of the next alarm.</summary>
    public long NextDeadline
    {
        get
        {
            lock (_lock)
            {
                return Earliest();
            }
        }
    }

    /// <summary>Starts the thread that rings alarms; not for counted clocks, whose driver calls <see cref="RingDue"/>.</summary>
    public void Start()
    {
        if (_thread == null && !Clock.IsCounted)
        {
            _thread = new Thread(Serve, 256 * 1024) { IsBackground = true, Name = "machine timers" };
            _thread.Start();
        }
    }

    /// <summary>The clock was started, stopped or set.</summary>
    public void ClockChanged() => _changed.Set();

    /// <summary>Rings every alarm that is due.</summary>
    public void RingDue()
    {
        lock (_lock)
        {
            long now = Clock.Now;
            foreach (MachineTimer timer in _timers)
            {
                if (timer.Deadline <= now)
                {
                    timer.Deadline = MachineTimer.Never;
                    _due.Add(timer);
                }
            }
        }

        foreach (MachineTimer timer in _due)
        {
            timer.Callback();
        }

        _due.Clear();
    }

    public void Dispose()
    {
        _ending = true;
        _changed.Set();
        _thread?.Join();
        _changed.Dispose();
    }

    internal void Arm(MachineTimer timer, long deadline)
    {
        bool wake;
        lock (_lock)
        {
            timer.Deadline = deadline;
            wake = Clock.IsCounted || deadline < _wakeAt;
            if (wake)
            {
                // One wake is enough until the thread has looked again.
                _wakeAt = deadline;
                DeadlineMoved?.Invoke();
            }
        }

        if (wake && _thread != null)
        {
            _changed.Set();
        }
    }

    private void Serve()
    {
        HostEvent.SharpenWaits();
        while (!_ending)
        {
            if (Clock.IsRunning)
            {
                RingDue();
            }

            long deadline;
            lock (_lock)
            {
                deadline = Earliest();
                _wakeAt = deadline;
            }

            bool waitsForever = deadline == MachineTimer.Never || !Clock.IsRunning;
            _ = _changed.Wait(waitsForever ? MachineTimer.Never : deadline + Clock.ToHost);
        }
    }

    private long Earliest()
    {
        long earliest = MachineTimer.Never;
        foreach (MachineTimer timer in _timers)
        {
            earliest = Math.Min(earliest, timer.Deadline);
        }

        return earliest;
    }
}
