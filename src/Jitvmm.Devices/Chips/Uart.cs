using Jitvmm.Devices.Buses;
using Jitvmm.Devices.Channels;
using Jitvmm.Devices.State;
using Jitvmm.Devices.Time;

namespace Jitvmm.Devices.Chips;

/// <summary>
/// A 16550A serial port (National Semiconductor PC16550D data sheet). Bytes leave as fast as the host takes them, whatever the divisor says.
/// </summary>
/// <remarks>Full host: the transmitter stays busy. Slow guest: what the host sends waits in <see cref="Input"/>, so nothing is overrun.</remarks>
public sealed class Uart : IPortDevice, IStateful
{
    private const int FifoSize = 16;

    private const byte DataReady = 1;
    private const byte Break = 0x10;
    private const byte HoldingEmpty = 0x20;
    private const byte TransmitterEmpty = 0x40;

    private const byte ReceiveEnabled = 1;
    private const byte TransmitEnabled = 2;
    private const byte LineStatusEnabled = 4;
    private const byte ModemStatusEnabled = 8;

    private const byte Loopback = 0x10;
    private const byte Out2 = 8;

    // Four characters of 10 bits at 115200 baud.
    private const long CharacterTimeout = 350_000;

    private readonly Lock _lock = new();
    private readonly ushort _basePort;
    private readonly InterruptLine _line;
    private readonly MachineClock _clock;
    private readonly MachineTimer _timeout;
    private readonly byte[] _received = new byte[FifoSize];
    private int _receivedCount;
    private byte _holding;
    private bool _holdingFull;
    private byte _interruptEnable;
    private byte _fifoControl;
    private byte _lineControl;
    private byte _modemControl;
    private byte _modemDeltas;
    private byte _errors;
    private byte _scratch;
    private ushort _divisor = 1;
    private bool _transmitPending;
    private bool _timedOut;

    /// <param name="bus">Where its ports go.</param>
    /// <param name="basePort">First of its eight ports.</param>
    /// <param name="timers">Rings its character time-out.</param>
    /// <param name="line">Its interrupt.</param>
    /// <param name="input">What the host sends; outlives the machine, as <paramref name="output"/> does.</param>
    /// <param name="output">What the guest sends.</param>
    public Uart(PortBus bus, ushort basePort, TimerQueue timers, InterruptLine line, ByteChannel input, ByteChannel output)
    {
        Input = input;
        Output = output;
        _basePort = basePort;
        _line = line;
        _clock = timers.Clock;
        _timeout = timers.Create(TimedOut);
        Input.BytesArrived = InputArrived;
        Output.RoomArrived = OutputDrained;
        bus.Claim(basePort, 8, this);
    }

    /// <summary>What the host sends to the guest.</summary>
    public ByteChannel Input { get; }

    /// <summary>What the guest sends.</summary>
    public ByteChannel Output { get; }

    /// <summary>Instead of a busy transmitter, a full host holds the processor: a repeatable guest must not see how fast the host reads.</summary>
    public bool WaitsForHost { get; init; }

    private bool FifosEnabled => (_fifoControl & 1) != 0;

    private int ReceiveTrigger => !FifosEnabled ? 1 : (_fifoControl >> 6) switch { 0 => 1, 1 => 4, 2 => 8, _ => 14 };

    private bool IsLooping => (_modemControl & Loopback) != 0;

    public uint ReadPort(ushort port, int bytes)
    {
        lock (_lock)
        {
            bool divisorLatch = (_lineControl & 0x80) != 0;
            switch (port - _basePort)
            {
                case 0:
                    return divisorLatch ? (byte)_divisor : ReadData();
                case 1:
                    return divisorLatch ? (byte)(_divisor >> 8) : _interruptEnable;
                case 2:
                    return ReadInterruptIdentity();
                case 3:
                    return _lineControl;
                case 4:
                    return _modemControl;
                case 5:
                    byte status = LineStatus();
                    _errors = 0;
                    UpdateLine();
                    return status;
                case 6:
                    byte modem = (byte)(ModemLines() | _modemDeltas);
                    _modemDeltas = 0;
                    UpdateLine();
                    return modem;
                default:
                    return _scratch;
            }
        }
    }

    public void WritePort(ushort port, int bytes, uint value)
    {
        if (WaitsForHost && Sends(port))
        {
            // Without the lock, which the host's threads take: whoever makes room may have to wait for it first.
            Output.WaitForRoom();
        }

        lock (_lock)
        {
            bool divisorLatch = (_lineControl & 0x80) != 0;
            switch (port - _basePort)
            {
                case 0 when divisorLatch:
                    _divisor = (ushort)((_divisor & 0xff00u) | value);
                    break;
                case 0:
                    WriteData((byte)value);
                    break;
                case 1 when divisorLatch:
                    _divisor = (ushort)((_divisor & 0xffu) | (value << 8));
                    break;
                case 1:
                    // Enabling the transmit interrupt while the holding register is empty raises it.
                    _transmitPending |= (value & ~_interruptEnable & TransmitEnabled) != 0 && !_holdingFull;
                    _interruptEnable = (byte)(value & 0xf);
                    break;
                case 2:
                    WriteFifoControl((byte)value);
                    break;
                case 3:
                    _lineControl = (byte)value;
                    break;
                case 4:
                    WriteModemControl((byte)value);
                    break;
                case 7:
                    _scratch = (byte)value;
                    break;
                default:
                    break;
            }

            UpdateLine();
        }
    }

    /// <summary>The host signals a break (Magic SysRq on a serial console).</summary>
    public void SendBreak()
    {
        lock (_lock)
        {
            if (_receivedCount < Capacity)
            {
                _received[_receivedCount++] = 0;
            }

            _errors |= Break;
            UpdateLine();
        }
    }

    public void Save(StateWriter writer)
    {
        lock (_lock)
        {
            writer.Section("uart", 2);
            writer.Bytes(_received.AsSpan(0, _receivedCount));
            writer.Byte(_holding);
            writer.Bool(_holdingFull);
            foreach (byte register in (ReadOnlySpan<byte>)[_interruptEnable, _fifoControl, _lineControl, _modemControl, _modemDeltas, _errors, _scratch])
            {
                writer.Byte(register);
            }

            writer.UInt16(_divisor);
            writer.Bool(_transmitPending);
            writer.Bool(_timedOut);
            writer.Int64(_timeout.Deadline);
        }
    }

    public void Restore(StateReader reader)
    {
        lock (_lock)
        {
            reader.Section("uart", 2);
            ReadOnlySpan<byte> received = reader.Bytes();
            _receivedCount = Math.Min(received.Length, FifoSize);
            received[.._receivedCount].CopyTo(_received);
            _holding = reader.Byte();
            _holdingFull = reader.Bool();
            _interruptEnable = reader.Byte();
            _fifoControl = reader.Byte();
            _lineControl = reader.Byte();
            _modemControl = reader.Byte();
            _modemDeltas = reader.Byte();
            _errors = reader.Byte();
            _scratch = reader.Byte();
            _divisor = reader.UInt16();
            _transmitPending = reader.Bool();
            _timedOut = reader.Bool();
            _timeout.Arm(reader.Int64());
            UpdateLine();
        }
    }

    private bool Sends(ushort port)
    {
        lock (_lock)
        {
            return port == _basePort && (_lineControl & 0x80) == 0 && !IsLooping;
        }
    }

    private int Capacity => FifosEnabled ? FifoSize : 1;

    private byte ReadData()
    {
        if (_receivedCount == 0)
        {
            return 0;
        }

        byte value = _received[0];
        _receivedCount--;
        _received.AsSpan(1, _receivedCount).CopyTo(_received);
        _timedOut = false;
        Refill();
        ArmTimeout();
        UpdateLine();
        return value;
    }

    private void WriteData(byte value)
    {
        _transmitPending = false;
        if (IsLooping)
        {
            if (_receivedCount < Capacity)
            {
                _received[_receivedCount++] = value;
            }
            else
            {
                _errors |= 2;
            }

            _transmitPending = true;
            ArmTimeout();
            return;
        }

        if (_holdingFull)
        {
            // The guest did not wait for an empty holding register: the byte there is overwritten, as on the chip.
            _holding = value;
            return;
        }

        // A host that has gone for good takes no more, and holds no processor.
        if (Output.TryWrite([value]) == 0 && !WaitsForHost)
        {
            _holding = value;
            _holdingFull = true;
            return;
        }

        _transmitPending = true;
    }

    private byte ReadInterruptIdentity()
    {
        byte cause = Cause();
        if (cause == 2)
        {
            _transmitPending = false;
            UpdateLine();
        }

        return (byte)(cause | (FifosEnabled ? 0xc0 : 0));
    }

    private void WriteFifoControl(byte value)
    {
        bool toggles = ((value ^ _fifoControl) & 1) != 0;
        if (toggles || (value & 2) != 0)
        {
            _receivedCount = 0;
            _timedOut = false;
        }

        _fifoControl = (byte)((value & 1) != 0 ? value & 0xc9 : 0);
        Refill();
        ArmTimeout();
    }

    private void WriteModemControl(byte value)
    {
        byte before = ModemLines();
        _modemControl = (byte)(value & 0x1f);
        byte after = ModemLines();
        byte changed = (byte)((before ^ after) >> 4);

        // The ring indicator's delta is its trailing edge only.
        byte ring = (byte)((before & ~after & 0x40) >> 4);
        _modemDeltas |= (byte)((changed & 0xb) | ring);
        if (!IsLooping)
        {
            Refill();
            ArmTimeout();
        }
    }

    private byte LineStatus() =>
        (byte)((_receivedCount > 0 ? DataReady : 0) | _errors | (_holdingFull ? 0 : HoldingEmpty | TransmitterEmpty));

    /// <summary>CTS, DSR, RI, DCD: a connected line, or the outputs looped back.</summary>
    private byte ModemLines()
    {
        if (!IsLooping)
        {
            return 0xb0;
        }

        int control = _modemControl;
        return (byte)(((control & 2) << 3) | ((control & 1) << 5) | ((control & 4) << 4) | ((control & 8) << 4));
    }

    /// <summary>The interrupt identification: highest cause first; bit 0 set for none.</summary>
    private byte Cause()
    {
        if ((_interruptEnable & LineStatusEnabled) != 0 && _errors != 0)
        {
            return 6;
        }

        if ((_interruptEnable & ReceiveEnabled) != 0 && _receivedCount >= ReceiveTrigger)
        {
            return 4;
        }

        if ((_interruptEnable & ReceiveEnabled) != 0 && _timedOut && _receivedCount > 0)
        {
            return 12;
        }

        if ((_interruptEnable & TransmitEnabled) != 0 && _transmitPending)
        {
            return 2;
        }

        return (_interruptEnable & ModemStatusEnabled) != 0 && _modemDeltas != 0 ? (byte)0 : (byte)1;
    }

    private void UpdateLine() => _line.Set(Cause() != 1 && (_modemControl & Out2) != 0 && !IsLooping);

    /// <summary>Moves waiting input into the FIFO.</summary>
    private void Refill()
    {
        if (!IsLooping && _receivedCount < Capacity)
        {
            _receivedCount += Input.TryRead(_received.AsSpan(_receivedCount, Capacity - _receivedCount));
        }
    }

    /// <summary>Fewer bytes than the trigger level raise an interrupt after a while.</summary>
    private void ArmTimeout()
    {
        if (FifosEnabled && _receivedCount > 0 && _receivedCount < ReceiveTrigger && !_timedOut)
        {
            _timeout.Arm(_clock.Now + CharacterTimeout);
        }
    }

    private void TimedOut()
    {
        lock (_lock)
        {
            _timedOut = _receivedCount > 0;
            UpdateLine();
        }
    }

    private void InputArrived()
    {
        lock (_lock)
        {
            Refill();
            ArmTimeout();
            UpdateLine();
        }
    }

    private void OutputDrained()
    {
        lock (_lock)
        {
            if (_holdingFull && Output.TryWrite([_holding]) == 1)
            {
                _holdingFull = false;
                _transmitPending = true;
                UpdateLine();
            }
        }
    }
}
