using Jitvmm.Devices.Buses;
using Jitvmm.Devices.State;
using Jitvmm.Devices.Time;

namespace Jitvmm.Devices.Chips;

/// <summary>
/// The ACPI fixed hardware (ACPI 6.5, 4.8): PM1a event and control blocks, the PM timer, and the reset register, in sixteen ports. The machine starts in ACPI mode.
/// </summary>
public sealed class AcpiPower : IPortDevice, IStateful
{
    public const ushort BasePort = 0x600;
    public const ushort EventPort = BasePort;
    public const ushort ControlPort = BasePort + 4;
    public const ushort TimerPort = BasePort + 8;

    /// <summary>The value SLP_TYP has for S5 (the DSDT's \_S5).</summary>
    public const byte SoftOffType = 5;

    private const long TimerFrequency = 3_579_545;
    private const ushort TimerStatus = 1;
    private const ushort PowerButtonStatus = 1 << 8;
    private const ushort WakeStatus = 1 << 15;
    private const ushort SleepEnable = 1 << 13;
    private const ushort SciEnable = 1;

    private readonly Lock _lock = new();
    private readonly MachineClock _clock;
    private readonly MachineTimer _timer;
    private readonly InterruptLine _line;
    private readonly IMachineControl _machine;
    private ushort _status;
    private ushort _enable;
    private ushort _control = SciEnable;
    private long _halfPeriods;

    public AcpiPower(PortBus bus, TimerQueue timers, InterruptLine line, IMachineControl machine)
    {
        _clock = timers.Clock;
        _timer = timers.Create(CarryChanged);
        _line = line;
        _machine = machine;
        bus.Claim(BasePort, 16, this);
    }

    public int PortWidth => 4;

    private long Ticks => (long)((Int128)_clock.Now * TimerFrequency / 1_000_000_000);

    /// <summary>The host asks the guest to shut down.</summary>
    public void PressPowerButton()
    {
        lock (_lock)
        {
            _status |= PowerButtonStatus;
            UpdateLine();
        }
    }

    public uint ReadPort(ushort port, int bytes)
    {
        lock (_lock)
        {
            CatchUp();
            int offset = port - BasePort;
            ulong registers = offset < 8
                ? _status | ((ulong)_enable << 16) | ((ulong)_control << 32)
                : (uint)Ticks;
            return (uint)(registers >> (8 * (offset & 7)));
        }
    }

    public void WritePort(ushort port, int bytes, uint value)
    {
        lock (_lock)
        {
            CatchUp();
            for (int i = 0; i < bytes; i++)
            {
                WriteByte(port - BasePort + i, (byte)(value >> (8 * i)));
            }

            UpdateLine();
        }
    }

    public void Save(StateWriter writer)
    {
        lock (_lock)
        {
            writer.Section("acpi", 1);
            writer.UInt16(_status);
            writer.UInt16(_enable);
            writer.UInt16(_control);
            writer.Int64(_halfPeriods);
        }
    }

    public void Restore(StateReader reader)
    {
        lock (_lock)
        {
            reader.Section("acpi", 1);
            _status = reader.UInt16();
            _enable = reader.UInt16();
            _control = reader.UInt16();
            _halfPeriods = reader.Int64();
            UpdateLine();
        }
    }

    private void WriteByte(int offset, byte value)
    {
        switch (offset)
        {
            case 0 or 1:
                // Status bits are cleared by writing ones.
                _status &= (ushort)~(value << (8 * offset));
                break;
            case 2 or 3:
                int enableShift = 8 * (offset - 2);
                _enable = (ushort)((_enable & ~(0xff << enableShift)) | (value << enableShift));
                break;
            case 4:
                _control = (ushort)((_control & 0xff00) | value | SciEnable);
                break;
            case 5:
                _control = (ushort)((_control & 0x00ff) | ((value << 8) & ~SleepEnable));
                if (((value << 8) & SleepEnable) != 0 && ((value >> 2) & 7) == SoftOffType)
                {
                    _machine.PowerOff();
                }

                break;
            default:
                break;
        }
    }

    /// <summary>TMR_STS is set whenever the timer's highest bit (of 24) changes (4.8.3.3).</summary>
    private void CatchUp()
    {
        long halfPeriods = Ticks >> 23;
        if (halfPeriods != _halfPeriods)
        {
            _halfPeriods = halfPeriods;
            _status |= TimerStatus;
        }
    }

    private void CarryChanged()
    {
        lock (_lock)
        {
            CatchUp();
            UpdateLine();
        }
    }

    private void UpdateLine()
    {
        _line.Set((_status & _enable & ~WakeStatus) != 0);
        if ((_enable & TimerStatus) != 0)
        {
            long next = ((Ticks >> 23) + 1) << 23;
            _timer.Arm((long)((Int128)next * 1_000_000_000 / TimerFrequency) + 1);
        }
        else
        {
            _timer.Cancel();
        }
    }
}
