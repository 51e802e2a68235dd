using Jitvmm.Devices.State;
using Jitvmm.Devices.Time;

namespace Jitvmm.Devices.Interrupts;

/// <summary>The timer: one-shot, periodic and TSC-deadline (SDM vol. 3A, 11.5.4). It counts at the crystal's 1 GHz, as CPUID leaf 15h says, so a tick is a nanosecond.</summary>
public sealed partial class LocalApic
{
    private readonly MachineClock _clock;
    private readonly MachineTimer _timer;
    private uint _initialCount;
    private uint _divide;
    private ulong _tscDeadline;
    private long _started;
    private long _deadline = MachineTimer.Never;

    /// <summary>The guest's time-stamp counter less machine time; set by the processor's own thread before it writes a deadline.</summary>
    public ulong TscOffset { get; set; }

    private int TimerMode => (int)(_lvt[Timer] >> 17) & 3;

    /// <summary>log2 of the divisor: bits 3, 1 and 0 of the register, 111b meaning 1.</summary>
    private int DivideShift => (int)((((_divide >> 1) & 4) | (_divide & 3)) + 1) & 7;

    /// <summary>Called on the timer thread.</summary>
    private void TimerRang()
    {
        lock (_lock)
        {
            if (_deadline == MachineTimer.Never)
            {
                return;
            }

            long now = _clock.Now;
            if (now < _deadline)
            {
                _timer.Arm(_deadline);
                return;
            }

            Expire(now);
        }
    }

    private void Expire(long now)
    {
        if (TimerMode == 1 && _initialCount != 0)
        {
            // Periods the host was too busy for are one interrupt, as an interrupt request is one bit.
            long period = (long)_initialCount << DivideShift;
            _started += (now - _started) / period * period;
            _deadline = _started + period;
            _timer.Arm(_deadline);
        }
        else
        {
            _deadline = MachineTimer.Never;
            _tscDeadline = 0;
        }

        if ((_lvt[Timer] & Masked) == 0)
        {
            Request((int)(_lvt[Timer] & 0xff), false);
        }
    }

    private void WriteInitialCount(uint value)
    {
        if (TimerMode == 2)
        {
            return;
        }

        _initialCount = value;
        StartCount();
    }

    private void WriteDivide(uint value)
    {
        uint left = CurrentCount();
        _divide = value & 0xb;
        if (_initialCount != 0 && TimerMode != 2 && _deadline != MachineTimer.Never)
        {
            // The count goes on from where it is, at the new rate.
            CountFrom(left);
        }
    }

    private void WriteTimerVector(uint value)
    {
        long now = _clock.Now;
        if (_deadline <= now)
        {
            // The timer thread is late: what has expired did so in the old mode.
            Expire(now);
        }

        int before = TimerMode;
        uint left = CurrentCount();
        _lvt[Timer] = value;
        int after = TimerMode;
        if ((before == 2) == (after == 2))
        {
            // Between one-shot and periodic the count goes on; one that reached 0 stays there.
            if (before != after && left != 0)
            {
                CountFrom(left);
            }
        }
        else
        {
            // Changing to or from TSC-deadline mode disarms the timer.
            _initialCount = 0;
            _tscDeadline = 0;
            _deadline = MachineTimer.Never;
            _timer.Cancel();
        }
    }

    private void WriteTscDeadline(ulong value)
    {
        if (TimerMode != 2)
        {
            return;
        }

        _tscDeadline = value;
        if (value == 0)
        {
            _deadline = MachineTimer.Never;
            _timer.Cancel();
            return;
        }

        long now = _clock.Now;
        long time = unchecked((long)(value - TscOffset));
        _deadline = time >= 0 ? Math.Min(time, MachineTimer.Never - 1) : value > long.MaxValue ? MachineTimer.Never - 1 : now;
        if (_deadline <= now)
        {
            Expire(now);
        }
        else
        {
            _timer.Arm(_deadline);
        }
    }

    private void StartCount()
    {
        if (_initialCount == 0)
        {
            _deadline = MachineTimer.Never;
            _timer.Cancel();
            return;
        }

        CountFrom(_initialCount);
    }

    /// <summary>Lets the count go on from a value.</summary>
    private void CountFrom(uint left)
    {
        _started = _clock.Now - ((long)(_initialCount - left) << DivideShift);
        _deadline = _started + ((long)_initialCount << DivideShift);
        _timer.Arm(_deadline);
    }

    private uint CurrentCount()
    {
        if (_deadline == MachineTimer.Never || TimerMode == 2)
        {
            return 0;
        }

        ulong passed = (ulong)Math.Max(_clock.Now - _started, 0) >> DivideShift;
        if (TimerMode == 1)
        {
            return _initialCount - (uint)(passed % _initialCount);
        }

        return passed >= _initialCount ? 0 : _initialCount - (uint)passed;
    }

    private void ResetTimer()
    {
        _initialCount = 0;
        _divide = 0;
        _tscDeadline = 0;
        _deadline = MachineTimer.Never;
        _timer.Cancel();
    }

    private void SaveTimer(StateWriter writer)
    {
        writer.UInt32(_initialCount);
        writer.UInt32(_divide);
        writer.UInt64(_tscDeadline);
        writer.Int64(_started);
        writer.Int64(_deadline);
        writer.UInt64(TscOffset);
    }

    private void RestoreTimer(StateReader reader)
    {
        _initialCount = reader.UInt32();
        _divide = reader.UInt32() & 0xb;
        _tscDeadline = reader.UInt64();
        _started = reader.Int64();
        _deadline = reader.Int64();
        TscOffset = reader.UInt64();
        _timer.Arm(_deadline);
    }
}
