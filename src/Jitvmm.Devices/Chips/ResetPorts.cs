using Jitvmm.Devices.Buses;
using Jitvmm.Devices.State;

namespace Jitvmm.Devices.Chips;

/// <summary>
/// The ways a PC resets: the reset control register CF9h, port 92h ("fast A20"), and a keyboard controller without keyboard at 60h and 64h
/// that answers a self-test and pulses the reset line. A20 is always on.
/// </summary>
public sealed class ResetPorts : IPortDevice, IStateful
{
    public const ushort ResetControlPort = 0xcf9;

    /// <summary>What written to <see cref="ResetControlPort"/> resets the machine (FADT reset value).</summary>
    public const byte ResetValue = 6;

    private readonly IMachineControl _machine;
    private byte _resetControl;
    private byte _commandByte = 0x30;
    private volatile int _output = -1;
    private byte _pendingCommand;

    public ResetPorts(PortBus bus, IMachineControl machine)
    {
        _machine = machine;
        bus.Claim(0x60, 1, this);
        bus.Claim(0x64, 1, this);
        bus.Claim(0x92, 1, this);
        bus.Claim(ResetControlPort, 1, this);
    }

    public uint ReadPort(ushort port, int bytes)
    {
        switch (port)
        {
            case 0x60:
                int value = Interlocked.Exchange(ref _output, -1);
                return value < 0 ? 0u : (uint)value;
            case 0x64:
                // System flag set (self-test passed), keyboard not locked, output full or not.
                return 0x14u | (_output >= 0 ? 1u : 0);
            case 0x92:
                return 2;
            default:
                return _resetControl;
        }
    }

    public void WritePort(ushort port, int bytes, uint value)
    {
        switch (port)
        {
            case 0x60:
                if (_pendingCommand == 0x60)
                {
                    _commandByte = (byte)value;
                }

                _pendingCommand = 0;
                break;
            case 0x64:
                Command((byte)value);
                break;
            case 0x92:
                if ((value & 1) != 0)
                {
                    _machine.Reset();
                }

                break;
            default:
                _resetControl = (byte)(value & 0xa);
                if ((value & 4) != 0)
                {
                    _machine.Reset();
                }

                break;
        }
    }

    public void Save(StateWriter writer)
    {
        writer.Section("reset", 1);
        writer.Byte(_resetControl);
        writer.Byte(_commandByte);
        writer.Int32(_output);
        writer.Byte(_pendingCommand);
    }

    public void Restore(StateReader reader)
    {
        reader.Section("reset", 1);
        _resetControl = reader.Byte();
        _commandByte = reader.Byte();
        _output = reader.Int32();
        _pendingCommand = reader.Byte();
    }

    private void Command(byte command)
    {
        _pendingCommand = command;
        switch (command)
        {
            case 0x20:
                _output = _commandByte;
                break;
            case 0xaa:
                _output = 0x55;
                break;
            case 0xab or 0xa9:
                // No keyboard, no mouse: the clock line is stuck low.
                _output = 1;
                break;
            case 0xd0:
                _output = 3;
                break;
            case >= 0xf0 when (command & 1) == 0:
                _machine.Reset();
                break;
            default:
                break;
        }
    }
}
