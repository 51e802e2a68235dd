using Jitvmm.Devices.Buses;
using Jitvmm.Devices.Channels;
using Jitvmm.Devices.State;

namespace Jitvmm.Devices.Chips;

/// <summary>
/// Ports for guests under test: characters written to E9h or, by firmware, 402h (which read E9h, so that a guest can tell), the exit port F4h (isa-debug-exit: the machine ends with
/// status value × 2 + 1), and the POST code port 80h, which Linux writes to pass time.
/// </summary>
public sealed class DebugPorts : IPortDevice, IStateful
{
    private readonly IMachineControl _machine;

    public DebugPorts(PortBus bus, IMachineControl machine, ByteChannel output)
    {
        Output = output;
        _machine = machine;
        bus.Claim(0x80, 1, this);
        bus.Claim(0xe9, 1, this);
        bus.Claim(0xf4, 4, this);
        bus.Claim(0x402, 1, this);
    }

    /// <summary>What was written to E9h and 402h. Bytes are dropped when nobody takes them.</summary>
    public ByteChannel Output { get; }

    /// <summary>The last POST code.</summary>
    public byte PostCode { get; private set; }

    public int PortWidth => 4;

    public uint ReadPort(ushort port, int bytes) => port switch
    {
        0x80 => PostCode,
        0xe9 or 0x402 => 0xe9,
        _ => 0,
    };

    public void Save(StateWriter writer)
    {
        writer.Section("debug", 1);
        writer.Byte(PostCode);
    }

    public void Restore(StateReader reader)
    {
        reader.Section("debug", 1);
        PostCode = reader.Byte();
    }

    public void WritePort(ushort port, int bytes, uint value)
    {
        switch (port)
        {
            case 0x80:
                PostCode = (byte)value;
                break;
            case 0xe9 or 0x402:
                _ = Output.TryWrite([(byte)value]);
                break;
            default:
                _machine.Exit((int)((value << 1) | 1) & 0xff);
                break;
        }
    }
}
