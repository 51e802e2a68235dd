using Jitvmm.Devices.Buses;
using Jitvmm.Devices.State;
using Jitvmm.Devices.Time;

namespace Jitvmm.Devices.Chips;

/// <summary>The MC146818 real-time clock and its battery-backed memory at ports 70h and 71h, on IRQ 8. It keeps UTC.</summary>
public sealed class Rtc : IPortDevice, IStateful
{
    private const long Second = 1_000_000_000;

    // The update cycle: UIP shows it 244 µs ahead (data sheet, "Update cycle").
    private const long UpdateAhead = 244_000;

    private const int RegisterA = 10;
    private const int RegisterB = 11;
    private const int RegisterC = 12;
    private const int RegisterD = 13;
    private const int Century = 0x32;

    private const byte Set = 0x80;
    private const byte PeriodicEnabled = 0x40;
    private const byte AlarmEnabled = 0x20;
    private const byte UpdateEnabled = 0x10;
    private const byte Binary = 4;
    private const byte Hours24 = 2;

    private static readonly int[] s_timeRegisters = [0, 2, 4, 6, 7, 8, 9, Century];

    private readonly Lock _lock = new();
    private readonly byte[] _memory = new byte[128];
    private readonly MachineClock _clock;
    private readonly MachineTimer _secondTimer;
    private readonly MachineTimer _periodicTimer;
    private readonly InterruptLine _line;

    // Nanoseconds from machine time to the clock's own time, which counts from 0001-01-01.
    private Int128 _offset;
    private byte _index;

    /// <param name="bus">Where its ports go.</param>
    /// <param name="timers">Rings its alarms.</param>
    /// <param name="line">IRQ 8.</param>
    /// <param name="utcAtStart">What the clock shows when the machine's time is 0.</param>
    /// <param name="ramBelow4G">RAM below 4 GiB, for the memory size bytes.</param>
    /// <param name="ramAbove4G">RAM above 4 GiB.</param>
    public Rtc(PortBus bus, TimerQueue timers, InterruptLine line, DateTime utcAtStart, ulong ramBelow4G, ulong ramAbove4G)
    {
        _clock = timers.Clock;
        _line = line;
        _secondTimer = timers.Create(SecondPassed);
        _periodicTimer = timers.Create(PeriodPassed);
        _offset = (Int128)utcAtStart.Ticks * 100;
        _memory[RegisterA] = 0x26;
        _memory[RegisterB] = Hours24;
        _memory[RegisterD] = 0x80;
        StoreMemorySize(ramBelow4G, ramAbove4G);
        bus.Claim(0x70, 2, this);
    }

    public uint ReadPort(ushort port, int bytes)
    {
        if ((port & 1) == 0)
        {
            return 0xff;
        }

        lock (_lock)
        {
            int index = _index & 0x7f;
            switch (index)
            {
                case RegisterA:
                    return (uint)((_memory[RegisterA] & 0x7f) | (IsUpdating ? 0x80 : 0));
                case RegisterC:
                    byte flags = _memory[RegisterC];
                    _memory[RegisterC] = 0;
                    _line.Set(false);
                    return flags;
                case 0 or 2 or 4 or 6 or 7 or 8 or 9 or Century:
                    return TimeRegister(index);
                default:
                    return _memory[index];
            }
        }
    }

    public void WritePort(ushort port, int bytes, uint value)
    {
        lock (_lock)
        {
            if ((port & 1) == 0)
            {
                _index = (byte)value;
                return;
            }

            int index = _index & 0x7f;
            switch (index)
            {
                case RegisterA:
                    _memory[RegisterA] = (byte)(value & 0x7f);
                    ArmPeriodic();
                    break;
                case RegisterB:
                    WriteB((byte)value);
                    break;
                case RegisterC or RegisterD:
                    break;
                case 0 or 2 or 4 or 6 or 7 or 8 or 9 or Century:
                    SetTime(index, (byte)value);
                    break;
                default:
                    _memory[index] = (byte)value;
                    break;
            }
        }
    }

    public void Save(StateWriter writer)
    {
        lock (_lock)
        {
            writer.Section("rtc", 2);
            writer.Bytes(_memory);
            writer.UInt64((ulong)(_offset >> 64));
            writer.UInt64((ulong)_offset);
            writer.Byte(_index);
            writer.Int64(_periodicTimer.Deadline);
            writer.Int64(_secondTimer.Deadline);
        }
    }

    public void Restore(StateReader reader)
    {
        lock (_lock)
        {
            reader.Section("rtc", 2);
            reader.Bytes(_memory);
            ulong high = reader.UInt64();
            _offset = new Int128(high, reader.UInt64());
            _index = reader.Byte();
            _periodicTimer.Arm(reader.Int64());
            _secondTimer.Arm(reader.Int64());
            UpdateLine();
        }
    }

    private bool IsHeld => (_memory[RegisterB] & Set) != 0;

    private Int128 Now => _clock.Now + _offset;

    private long Seconds => Math.Clamp((long)(Now / Second), 0, DateTime.MaxValue.Ticks / TimeSpan.TicksPerSecond);

    private bool IsUpdating => !IsHeld && (long)(Now % Second) >= Second - UpdateAhead;

    private void StoreMemorySize(ulong below, ulong above)
    {
        // The bytes PC firmware keeps: base memory in KiB, extended in KiB up to 64 MiB, above 16 MiB and above 4 GiB in 64 KiB.
        ulong extended = Math.Min((below - Math.Min(below, 1ul << 20)) >> 10, 0xfc00);
        ulong above16M = Math.Min((below - Math.Min(below, 16ul << 20)) >> 16, 0xffff);
        Word(0x15, 640);
        Word(0x17, extended);
        Word(0x30, extended);
        Word(0x34, above16M);
        Word(0x5b, above >> 16);
        _memory[0x5d] = (byte)(above >> 32);
    }

    private void Word(int index, ulong value)
    {
        _memory[index] = (byte)value;
        _memory[index + 1] = (byte)(value >> 8);
    }

    private void WriteB(byte value)
    {
        bool holds = (value & Set) != 0;
        if (holds && !IsHeld)
        {
            foreach (int index in s_timeRegisters)
            {
                _memory[index] = TimeRegister(index);
            }
        }
        else if (!holds && IsHeld)
        {
            // Setting the time restarts the divider chain half a second before the next update.
            _offset = (Int128)HeldSeconds() * Second + Second / 2 - _clock.Now;
        }

        // SET also turns update-ended interrupts off.
        _memory[RegisterB] = holds ? (byte)(value & ~UpdateEnabled) : value;
        UpdateLine();
        ArmPeriodic();
        ArmSecond();
    }

    /// <summary>A register of the time; while the clock is held it shows what was written.</summary>
    private byte TimeRegister(int index)
    {
        if (IsHeld)
        {
            return _memory[index];
        }

        var time = new DateTime(Seconds * TimeSpan.TicksPerSecond);
        return index switch
        {
            0 => Encode(time.Second),
            2 => Encode(time.Minute),
            4 => EncodeHour(time.Hour),
            6 => Encode((int)time.DayOfWeek + 1),
            7 => Encode(time.Day),
            8 => Encode(time.Month),
            9 => Encode(time.Year % 100),
            _ => Encode(time.Year / 100),
        };
    }

    /// <summary>Writes a register of the time. Drivers hold the clock meanwhile; a running one takes each value at once.</summary>
    private void SetTime(int index, byte value)
    {
        if (IsHeld)
        {
            _memory[index] = value;
            return;
        }

        foreach (int register in s_timeRegisters)
        {
            _memory[register] = TimeRegister(register);
        }

        _memory[index] = value;
        _offset += (Int128)(HeldSeconds() - Seconds) * Second;
    }

    /// <summary>The time that the registers spell, brought into range.</summary>
    private long HeldSeconds()
    {
        int year = Math.Clamp(Decode(_memory[Century]) % 100 * 100 + Decode(_memory[9]) % 100, 1, 9999);
        int month = Math.Clamp(Decode(_memory[8]), 1, 12);
        int day = Math.Clamp(Decode(_memory[7]), 1, DateTime.DaysInMonth(year, month));
        var time = new DateTime(year, month, day, DecodeHour(_memory[4]) % 24, Decode(_memory[2]) % 60, Decode(_memory[0]) % 60);
        return time.Ticks / TimeSpan.TicksPerSecond;
    }

    private byte Encode(int value) => (byte)((_memory[RegisterB] & Binary) != 0 ? value : value / 10 << 4 | value % 10);

    private int Decode(byte value) => (_memory[RegisterB] & Binary) != 0 ? value : (value >> 4) * 10 + (value & 15);

    private byte EncodeHour(int hour)
    {
        if ((_memory[RegisterB] & Hours24) != 0)
        {
            return Encode(hour);
        }

        int half = hour % 12 == 0 ? 12 : hour % 12;
        return (byte)(Encode(half) | (hour >= 12 ? 0x80 : 0));
    }

    private int DecodeHour(byte value)
    {
        if ((_memory[RegisterB] & Hours24) != 0)
        {
            return Decode(value);
        }

        return Decode((byte)(value & 0x7f)) % 12 + ((value & 0x80) != 0 ? 12 : 0);
    }

    /// <summary>The square wave's period in nanoseconds, 0 for none: 32768 Hz divided by 2 to the power of rate − 1.</summary>
    private long Period
    {
        get
        {
            int rate = _memory[RegisterA] & 15;
            if (rate is 1 or 2)
            {
                rate += 7;
            }

            return rate == 0 ? 0 : (Second << (rate - 1)) / 32768;
        }
    }

    private void ArmPeriodic()
    {
        if ((_memory[RegisterB] & PeriodicEnabled) == 0 || Period == 0)
        {
            _periodicTimer.Cancel();
            return;
        }

        _periodicTimer.Arm((_clock.Now / Period + 1) * Period);
    }

    private void ArmSecond()
    {
        if ((_memory[RegisterB] & (AlarmEnabled | UpdateEnabled)) == 0 || IsHeld)
        {
            _secondTimer.Cancel();
            return;
        }

        _secondTimer.Arm(_clock.Now + Second - (long)(Now % Second));
    }

    private void PeriodPassed()
    {
        lock (_lock)
        {
            if ((_memory[RegisterB] & PeriodicEnabled) != 0)
            {
                Flag(PeriodicEnabled);
                ArmPeriodic();
            }
        }
    }

    private void SecondPassed()
    {
        lock (_lock)
        {
            if ((_memory[RegisterB] & (AlarmEnabled | UpdateEnabled)) == 0 || IsHeld)
            {
                return;
            }

            Flag(UpdateEnabled);
            if (AlarmMatches(1, 0) && AlarmMatches(3, 2) && AlarmMatches(5, 4))
            {
                Flag(AlarmEnabled);
            }

            ArmSecond();
        }
    }

    /// <summary>Values from C0h up match any time.</summary>
    private bool AlarmMatches(int alarm, int time) => _memory[alarm] >= 0xc0 || _memory[alarm] == TimeRegister(time);

    private void Flag(byte cause)
    {
        _memory[RegisterC] |= cause;
        UpdateLine();
    }

    private void UpdateLine()
    {
        bool raised = (_memory[RegisterB] & _memory[RegisterC] & (PeriodicEnabled | AlarmEnabled | UpdateEnabled)) != 0;
        _memory[RegisterC] = (byte)((_memory[RegisterC] & 0x7f) | (raised ? 0x80 : 0));
        _line.Set(raised);
    }
}
