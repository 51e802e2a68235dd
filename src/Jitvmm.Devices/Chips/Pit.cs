using Jitvmm.Devices.Buses;
using Jitvmm.Devices.State;
using Jitvmm.Devices.Time;

namespace Jitvmm.Devices.Chips;

/// <summary>The 8254 timer at ports 40h–43h with port 61h, which gates its third counter and shows the output. Counter 0 drives IRQ 0.</summary>
public sealed class Pit : IPortDevice, IStateful
{
    /// <summary>Ticks per second of the counters' input.</summary>
    public const long Frequency = 1_193_182;

    private const ushort ControlPort = 0x43;
    private const ushort SpeakerPort = 0x61;
    private const long Second = 1_000_000_000;

    private readonly Lock _lock = new();
    private readonly PitChannel[] _channels = [new(), new(), new()];
    private readonly MachineClock _clock;
    private readonly MachineTimer _timer;
    private readonly InterruptLine _line;
    private long _nextRise = -1;
    private bool _speaks;
    private bool _isReplaced;

    public Pit(PortBus bus, TimerQueue timers, InterruptLine line)
    {
        _clock = timers.Clock;
        _timer = timers.Create(Rang);
        _line = line;
        _channels[2].SetGate(false, 0);
        bus.Claim(0x40, 4, this);
        bus.Claim(SpeakerPort, 1, this);
    }

    private long Now => ToTicks(_clock.Now);

    /// <summary>Bit 4 of port 61h follows DRAM refresh, every 15 µs; old delay loops count it.</summary>
    private uint RefreshToggle => (uint)(_clock.Now / 15_085) & 1;

    /// <summary>The HPET took over IRQ 0 (legacy replacement).</summary>
    public void SetReplaced(bool replaced)
    {
        lock (_lock)
        {
            _isReplaced = replaced;
        }
    }

    public uint ReadPort(ushort port, int bytes)
    {
        lock (_lock)
        {
            long now = Now;
            return port switch
            {
                SpeakerPort => (_channels[2].Gate ? 1u : 0) | (_speaks ? 2u : 0) | (RefreshToggle << 4) | (_channels[2].Output(now) ? 0x20u : 0),
                ControlPort => 0xff,
                _ => _channels[port & 3].Read(now),
            };
        }
    }

    public void WritePort(ushort port, int bytes, uint value)
    {
        lock (_lock)
        {
            long now = Now;
            switch (port)
            {
                case SpeakerPort:
                    _speaks = (value & 2) != 0;
                    _channels[2].SetGate((value & 1) != 0, now);
                    break;
                case ControlPort when value >> 6 == 3:
                    for (int i = 0; i < 3; i++)
                    {
                        if ((value >> (i + 1) & 1) != 0)
                        {
                            _channels[i].ReadBack((value & 0x20) == 0, (value & 0x10) == 0, now);
                        }
                    }

                    break;
                case ControlPort:
                    _channels[value >> 6].Control((byte)value, now);
                    if (value >> 6 == 0 && (value & 0x30) != 0)
                    {
                        Reschedule(now);
                    }

                    break;
                default:
                    if (_channels[port & 3].Write((byte)value, now) && (port & 3) == 0)
                    {
                        Reschedule(now);
                    }

                    break;
            }
        }
    }

    public void Save(StateWriter writer)
    {
        lock (_lock)
        {
            writer.Section("pit", 2);
            foreach (PitChannel channel in _channels)
            {
                channel.Save(writer);
            }

            writer.Bool(_speaks);
            writer.Bool(_isReplaced);
            writer.Bool(_line.IsHigh);
            writer.Int64(_nextRise);
            writer.Int64(_timer.Deadline);
        }
    }

    public void Restore(StateReader reader)
    {
        lock (_lock)
        {
            reader.Section("pit", 2);
            foreach (PitChannel channel in _channels)
            {
                channel.Restore(reader);
            }

            _speaks = reader.Bool();
            _isReplaced = reader.Bool();

            // The controllers were restored with this level, so that it is no edge to them.
            _line.Set(reader.Bool());
            _nextRise = reader.Int64();
            _timer.Arm(reader.Int64());
        }
    }

    private static long ToTicks(long nanoseconds) => (long)((Int128)nanoseconds * Frequency / Second);

    private static long ToNanoseconds(long ticks) => (long)(((Int128)ticks * Second + Frequency - 1) / Frequency);

    private void Reschedule(long now)
    {
        Drive(_channels[0].Output(now));
        Arm(now);
    }

    private void Arm(long now)
    {
        _nextRise = _channels[0].NextRise(now);
        if (_nextRise < 0)
        {
            _timer.Cancel();
        }
        else
        {
            _timer.Arm(ToNanoseconds(_nextRise));
        }
    }

    private void Rang()
    {
        lock (_lock)
        {
            long now = Now;
            if (_nextRise < 0 || now < _nextRise)
            {
                Arm(now);
                return;
            }

            // Only edges matter to IRQ 0: the low half of a period is not timed.
            Drive(false);
            Drive(true);
            Arm(now);
        }
    }

    private void Drive(bool high)
    {
        if (!_isReplaced)
        {
            _line.Set(high);
        }
    }
}
