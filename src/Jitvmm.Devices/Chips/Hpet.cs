using Jitvmm.Devices.Buses;
using Jitvmm.Devices.Interrupts;
using Jitvmm.Devices.State;
using Jitvmm.Devices.Time;
using Jitvmm.Runtime.Memory;

namespace Jitvmm.Devices.Chips;

/// <summary>
/// The high precision event timer with three comparators (IA-PC HPET specification 1.0a): 100 MHz, 64 bits, legacy replacement, interrupts by wire or by message.
/// </summary>
public sealed class Hpet : IMemoryDevice, IStateful
{
    public const ulong Length = 0x400;

    /// <summary>Low half of the capabilities: revision 1, three timers, 64 bits, legacy replacement, a vendor.</summary>
    public const uint Identity = 0x8086a201;

    private const int Timers = 3;
    private const long TickNanoseconds = 10;
    private const ulong PeriodFemtoseconds = 10_000_000;

    private const ulong LevelTriggered = 1 << 1;
    private const ulong InterruptEnabled = 1 << 2;
    private const ulong Periodic = 1 << 3;
    private const ulong SetsValue = 1 << 6;
    private const ulong Is32Bit = 1 << 8;
    private const ulong MessageEnabled = 1 << 14;

    // Type, enable, periodic, 32-bit mode, route, message enable; SetsValue is not kept.
    private const ulong Writable = LevelTriggered | InterruptEnabled | Periodic | Is32Bit | (0x1f << 9) | MessageEnabled;

    // Periodic capable, 64 bits, messages, and wires 20 to 23, which PCI leaves alone.
    private const ulong Capabilities = (1 << 4) | (1 << 5) | (1 << 15) | (0x00f00000ul << 32);

    private readonly Lock _lock = new();
    private readonly MachineClock _clock;
    private readonly IInterruptSink _wires;
    private readonly ApicBus _bus;
    private readonly Action<bool> _legacyChanged;
    private readonly Comparator[] _comparators = new Comparator[Timers];
    private ulong _configuration;
    private ulong _status;
    private ulong _held;
    private long _startedAt;

    /// <param name="timers">Rings its comparators.</param>
    /// <param name="wires">Global interrupt wires.</param>
    /// <param name="bus">Takes message interrupts.</param>
    /// <param name="legacyChanged">Told when it takes over IRQ 0 and 8, and when it gives them back.</param>
    public Hpet(TimerQueue timers, IInterruptSink wires, ApicBus bus, Action<bool> legacyChanged)
    {
        _clock = timers.Clock;
        _wires = wires;
        _bus = bus;
        _legacyChanged = legacyChanged;
        for (int i = 0; i < Timers; i++)
        {
            int index = i;
            _comparators[i] = new Comparator(timers.Create(() => Rang(index)));
        }
    }

    private bool IsRunning => (_configuration & 1) != 0;

    private bool ReplacesLegacy => (_configuration & 2) != 0;

    private ulong Counter => IsRunning ? _held + (ulong)((_clock.Now - _startedAt) / TickNanoseconds) : _held;

    public ulong Read(ulong offset, int bytes)
    {
        lock (_lock)
        {
            ulong register = ReadRegister(offset & ~7ul);
            return register >> (8 * (int)(offset & 7));
        }
    }

    public void Write(ulong offset, int bytes, ulong value)
    {
        lock (_lock)
        {
            if ((offset & 3) != 0 || bytes < 4)
            {
                return;
            }

            // A 32-bit write changes one half.
            ulong register = offset & ~7ul;
            bool isHigh = (offset & 4) != 0;
            ulong merged = bytes == 8 ? value
                : isHigh ? (ReadRegister(register) & uint.MaxValue) | (value << 32)
                : (ReadRegister(register) & 0xffffffff00000000) | (uint)value;
            WriteRegister(register, merged, isHigh && bytes == 4);
        }
    }

    public void Save(StateWriter writer)
    {
        lock (_lock)
        {
            writer.Section("hpet", 2);
            writer.UInt64(_configuration);
            writer.UInt64(_status);
            writer.UInt64(_held);
            writer.Int64(_startedAt);
            foreach (Comparator comparator in _comparators)
            {
                writer.UInt64(comparator.Configuration);
                writer.UInt64(comparator.Value);
                writer.UInt64(comparator.Period);
                writer.UInt64(comparator.Message);
                writer.Bool(comparator.SetsValueNext);
                writer.Int64(comparator.Due);
                writer.Int64(comparator.Timer.Deadline);
            }
        }
    }

    public void Restore(StateReader reader)
    {
        lock (_lock)
        {
            reader.Section("hpet", 2);
            _configuration = reader.UInt64() & 3;
            _status = reader.UInt64() & 7;
            _held = reader.UInt64();
            _startedAt = reader.Int64();
            foreach (Comparator comparator in _comparators)
            {
                comparator.Configuration = reader.UInt64() & Writable;
                comparator.Value = reader.UInt64();
                comparator.Period = reader.UInt64();
                comparator.Message = reader.UInt64();
                comparator.SetsValueNext = reader.Bool();
                comparator.Due = reader.Int64();
                comparator.Timer.Arm(reader.Int64());
            }

            _legacyChanged(ReplacesLegacy);
        }
    }

    private ulong ReadRegister(ulong register)
    {
        switch (register)
        {
            case 0x00:
                return Identity | (PeriodFemtoseconds << 32);
            case 0x10:
                return _configuration;
            case 0x20:
                return _status;
            case 0xf0:
                return Counter;
        }

        ulong index = (register - 0x100) >> 5;
        if (index >= Timers)
        {
            return 0;
        }

        Comparator comparator = _comparators[index];
        return (register & 0x18) switch
        {
            0x00 => comparator.Configuration | Capabilities,
            0x08 => comparator.Is32 ? (uint)comparator.Value : comparator.Value,
            0x10 => comparator.Message,
            _ => 0,
        };
    }

    private void WriteRegister(ulong register, ulong value, bool highHalfOnly)
    {
        switch (register)
        {
            case 0x10:
                Configure(value & 3);
                return;
            case 0x20:
                if (!highHalfOnly)
                {
                    ClearStatus(value);
                }

                return;
            case 0xf0:
                if (!IsRunning)
                {
                    _held = value;
                }

                return;
        }

        ulong index = (register - 0x100) >> 5;
        if (index >= Timers)
        {
            return;
        }

        Comparator comparator = _comparators[index];
        switch (register & 0x18)
        {
            case 0x00:
                ConfigureTimer((int)index, comparator, value);
                break;
            case 0x08:
                WriteComparator(comparator, value, highHalfOnly);
                break;
            case 0x10:
                comparator.Message = value;
                break;
            default:
                break;
        }
    }

    private void Configure(ulong value)
    {
        bool replaced = ReplacesLegacy;
        ulong counter = Counter;
        bool wasRunning = IsRunning;
        _configuration = value;
        if (wasRunning != IsRunning)
        {
            _held = counter;
            _startedAt = _clock.Now;
            foreach (Comparator comparator in _comparators)
            {
                Arm(comparator);
            }
        }

        if (replaced != ReplacesLegacy)
        {
            _legacyChanged(ReplacesLegacy);
        }
    }

    private void ConfigureTimer(int index, Comparator comparator, ulong value)
    {
        bool wasLevel = (comparator.Configuration & LevelTriggered) != 0;
        int oldWire = WireOf(index, comparator);
        comparator.Configuration = value & Writable;
        comparator.SetsValueNext = (value & SetsValue) != 0 && comparator.IsPeriodic;
        if (wasLevel && (_status >> index & 1) != 0 && (!comparator.IsLevel || !comparator.IsEnabled || WireOf(index, comparator) != oldWire))
        {
            _wires.SetLevel(oldWire, false);
            _status &= ~(1ul << index);
        }

        Arm(comparator);
    }

    private void WriteComparator(Comparator comparator, ulong value, bool highHalfOnly)
    {
        value = comparator.Is32 ? (uint)value : value;
        if (!comparator.IsPeriodic || comparator.SetsValueNext)
        {
            comparator.Value = value;
        }

        if (comparator.IsPeriodic && (!comparator.SetsValueNext || comparator.Period == 0))
        {
            comparator.Period = value;
        }

        // The low half of a 64-bit value may be followed by the high half.
        comparator.SetsValueNext &= highHalfOnly;
        Arm(comparator);
    }

    private void ClearStatus(ulong bits)
    {
        for (int i = 0; i < Timers; i++)
        {
            if ((bits & _status & (1ul << i)) != 0)
            {
                _status &= ~(1ul << i);
                _wires.SetLevel(WireOf(i, _comparators[i]), false);
            }
        }
    }

    private void Arm(Comparator comparator)
    {
        if (!IsRunning || !comparator.IsEnabled)
        {
            comparator.Timer.Cancel();
            return;
        }

        ulong left = comparator.Is32 ? (uint)((uint)comparator.Value - (uint)Counter) : comparator.Value - Counter;

        // A 64-bit value that has passed is centuries ahead: never.
        if (left > long.MaxValue / TickNanoseconds / 4)
        {
            comparator.Timer.Cancel();
            comparator.Due = MachineTimer.Never;
            return;
        }

        comparator.Due = _clock.Now + ((long)left + 1) * TickNanoseconds;
        comparator.Timer.Arm(comparator.Due);
    }

    private void Rang(int index)
    {
        lock (_lock)
        {
            Comparator comparator = _comparators[index];
            if (!IsRunning || !comparator.IsEnabled || _clock.Now < comparator.Due)
            {
                return;
            }

            if (comparator.IsPeriodic && comparator.Period != 0)
            {
                // Periods that were missed are one interrupt.
                ulong passed = comparator.Is32 ? (uint)((uint)Counter - (uint)comparator.Value) : Counter - comparator.Value;
                comparator.Value += (passed / comparator.Period + 1) * comparator.Period;
                comparator.Value = comparator.Is32 ? (uint)comparator.Value : comparator.Value;
                Arm(comparator);
            }
            else if (comparator.Is32)
            {
                Arm(comparator);
            }

            Raise(index, comparator);
        }
    }

    private void Raise(int index, Comparator comparator)
    {
        if ((comparator.Configuration & MessageEnabled) != 0)
        {
            ulong address = comparator.Message >> 32;
            if (InterruptMessage.IsMessageAddress(address))
            {
                _ = _bus.Deliver(InterruptMessage.FromWrite(address, (uint)comparator.Message));
            }

            return;
        }

        int wire = WireOf(index, comparator);
        if (comparator.IsLevel)
        {
            _status |= 1ul << index;
            _wires.SetLevel(wire, true);
        }
        else
        {
            _wires.SetLevel(wire, false);
            _wires.SetLevel(wire, true);
            _wires.SetLevel(wire, false);
        }
    }

    private int WireOf(int index, Comparator comparator)
    {
        if (ReplacesLegacy && index < 2)
        {
            return index == 0 ? 0 : 8;
        }

        int route = (int)(comparator.Configuration >> 9) & 0x1f;
        return route is >= 20 and < 24 ? route : 20;
    }

    private sealed class Comparator(MachineTimer timer)
    {
        public MachineTimer Timer { get; } = timer;

        public ulong Configuration { get; set; }

        public ulong Value { get; set; } = ulong.MaxValue;

        public ulong Period { get; set; }

        public ulong Message { get; set; }

        public bool SetsValueNext { get; set; }

        public long Due { get; set; } = MachineTimer.Never;

        public bool IsEnabled => (Configuration & InterruptEnabled) != 0;

        public bool IsPeriodic => (Configuration & Periodic) != 0;

        public bool IsLevel => (Configuration & LevelTriggered) != 0;

        public bool Is32 => (Configuration & Is32Bit) != 0;
    }
}
