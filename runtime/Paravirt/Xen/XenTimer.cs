namespace Jitvmm.Runtime.Paravirt.Xen;

/// <summary>A timer of a processor's: it raises VIRQ_TIMER when machine time has come (xen/include/public/vcpu.h). Under the domain's lock.</summary>
internal sealed class XenTimer
{
    /// <summary>Words of saved state.</summary>
    public const int StateLength = 2;

    private const long Never = long.MaxValue;

    private readonly XenCpu _cpu;
    private readonly IParavirtualHost _host;
    private readonly IParavirtualAlarm _alarm;
    private long _deadline = Never;
    private long _period;

    public XenTimer(XenCpu cpu, IParavirtualHost host)
    {
        _cpu = cpu;
        _host = host;
        _alarm = host.CreateAlarm(Rang);
    }

    /// <summary>Has it expire once. At once, if the time has come.</summary>
    public void Start(ulong deadline)
    {
        _period = 0;
        Arm((long)Math.Min(deadline, Never));
    }

    /// <summary>Has it expire again and again.</summary>
    public void Repeat(ulong period)
    {
        _period = (long)Math.Min(period, Never);
        long now = _host.Now;
        Arm(_period > Never - now ? Never : now + _period);
    }

    public void Stop()
    {
        _period = 0;
        _deadline = Never;
        _alarm.Cancel();
    }

    public void Save(Span<ulong> words)
    {
        words[0] = (ulong)_deadline;
        words[1] = (ulong)_period;
    }

    /// <summary>False: it is no timer's state.</summary>
    public bool TryRestore(ReadOnlySpan<ulong> words)
    {
        bool isTimer = words[0] <= Never && words[1] <= Never && (words[1] == 0 || words[1] >= XenVcpuCalls.ShortestPeriod);
        if (isTimer)
        {
            (_deadline, _period) = ((long)words[0], (long)words[1]);
            _alarm.Arm(_deadline);
        }

        return isTimer;
    }

    private void Arm(long deadline)
    {
        _deadline = deadline;
        long now = _host.Now;
        if (deadline <= now)
        {
            Expire(now);
        }
        else
        {
            _alarm.Arm(deadline);
        }
    }

    private void Rang()
    {
        lock (_cpu.Domain.Gate)
        {
            long now = _host.Now;
            if (now >= _deadline)
            {
                Expire(now);
            }
            else
            {
                // It was armed anew meanwhile.
                _alarm.Arm(_deadline);
            }
        }
    }

    private void Expire(long now)
    {
        if (_period == 0)
        {
            _deadline = Never;
            _alarm.Cancel();
        }
        else
        {
            // Periods the host was too busy for are one event.
            long late = (now - _deadline) / _period * _period;
            _deadline = _deadline > Never - late - _period ? Never : _deadline + late + _period;
            _alarm.Arm(_deadline);
        }

        _cpu.Domain.Channels.RaiseVirq(XenEventChannels.VirqTimer, _cpu.Index);
    }
}
