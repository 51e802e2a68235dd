namespace Jitvmm.Runtime.Paravirt.Hyperv;

/// <summary>A synthetic timer (TLFS 12.4) in direct mode: it requests an interrupt when the reference time has come. Its lock is held while the local APIC's is taken.</summary>
internal sealed class HypervTimer
{
    /// <summary>A timer with state, as words.</summary>
    public const int StateLength = 3;

    private const ulong Enable = 1;
    private const ulong Periodic = 2;
    private const ulong AutoEnable = 8;
    private const ulong Direct = 1 << 12;
    private const int VectorShift = 4;
    private const ulong VectorMask = 0xff;

    /// <summary>Enable, periodic, lazy, auto-enable, vector, direct mode, source.</summary>
    private const ulong Defined = 0xf1fff;

    private const long Never = long.MaxValue;
    private const long NanosecondsPerUnit = 100;

    /// <summary>Shorter periods would keep the host busy with nothing else.</summary>
    private const long ShortestPeriod = 50_000;

    private readonly Lock _lock = new();
    private readonly IParavirtualHost _host;
    private readonly IParavirtualAlarm _alarm;
    private ulong _configuration;
    private ulong _count;
    private long _deadline = Never;

    public HypervTimer(IParavirtualHost host)
    {
        _host = host;
        _alarm = host.CreateAlarm(Rang);
    }

    /// <summary>HV_X64_MSR_STIMERn_CONFIG. A timer without a count, or that is to send messages, which there are none of, does not get enabled.</summary>
    public ulong Configuration
    {
        get
        {
            lock (_lock)
            {
                return _configuration;
            }
        }

        set
        {
            lock (_lock)
            {
                _configuration = value & Defined;
                Restart();
            }
        }
    }

    /// <summary>HV_X64_MSR_STIMERn_COUNT: the reference time at which it expires, or its period. 0 stops it.</summary>
    public ulong Count
    {
        get
        {
            lock (_lock)
            {
                return _count;
            }
        }

        set
        {
            lock (_lock)
            {
                _count = value;
                _configuration |= (_configuration & AutoEnable) != 0 ? Enable : 0;
                Restart();
            }
        }
    }

    public void Save(Span<ulong> words)
    {
        lock (_lock)
        {
            words[0] = _configuration;
            words[1] = _count;
            words[2] = (ulong)_deadline;
        }
    }

    /// <summary>False: it is no timer's state.</summary>
    public bool TryRestore(ReadOnlySpan<ulong> words)
    {
        lock (_lock)
        {
            bool isRunning = (words[0] & Enable) != 0;
            if ((words[0] & ~Defined) != 0 || words[2] > Never || (isRunning && (words[1] == 0 || (words[0] & Direct) == 0)) || (!isRunning && words[2] != Never))
            {
                return false;
            }

            _configuration = words[0];
            _count = words[1];
            _deadline = (long)words[2];
            _alarm.Arm(_deadline);
            return true;
        }
    }

    public void Reset()
    {
        lock (_lock)
        {
            _configuration = 0;
            _count = 0;
            Restart();
        }
    }

    private void Restart()
    {
        if (_count == 0 || (_configuration & Direct) == 0)
        {
            _configuration &= ~Enable;
        }

        _deadline = Never;
        _alarm.Cancel();
        if ((_configuration & Enable) == 0)
        {
            return;
        }

        // The reference time is rounded down: it is what was asked for one nanosecond later.
        long now = _host.Now;
        _deadline = (_configuration & Periodic) != 0 ? Add(now, Period) : Add(Nanoseconds(_count), 1);
        if (_deadline <= now)
        {
            // "If the expiration time is in the past, the timer expires at once."
            Expire(now);
        }
        else
        {
            _alarm.Arm(_deadline);
        }
    }

    private long Period => Math.Max(Nanoseconds(_count), ShortestPeriod);

    private void Rang()
    {
        lock (_lock)
        {
            long now = _host.Now;
            if (_deadline == Never)
            {
                return;
            }

            if (now < _deadline)
            {
                _alarm.Arm(_deadline);
                return;
            }

            Expire(now);
        }
    }

    private void Expire(long now)
    {
        if ((_configuration & Periodic) != 0)
        {
            // Periods the host was too busy for are one interrupt, as an interrupt request is one bit.
            _deadline = Add(_deadline, (now - _deadline) / Period * Period);
            _deadline = Add(_deadline, Period);
            _alarm.Arm(_deadline);
        }
        else
        {
            _configuration &= ~Enable;
            _deadline = Never;
        }

        _ = _host.SendInterrupt(_host.Index, (uint)((_configuration >> VectorShift) & VectorMask));
    }

    private static long Nanoseconds(ulong units) => units > (ulong)(Never / NanosecondsPerUnit) ? Never : (long)units * NanosecondsPerUnit;

    private static long Add(long time, long more) => time > Never - more ? Never : time + more;
}
