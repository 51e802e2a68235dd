using Jitvmm.Devices.Buses;
using Jitvmm.Devices.State;

namespace Jitvmm.Devices.Chips;

/// <summary>How the PC/AT reports x87 errors to programs that leave CR0.NE clear: FERR# rings interrupt 13 until the handler writes to port F0h.</summary>
public sealed class FloatingPointErrorPort : IPortDevice, IStateful
{
    private readonly Lock _lock = new();
    private readonly InterruptLine _line;

    public FloatingPointErrorPort(PortBus bus, InterruptLine line)
    {
        _line = line;
        bus.Claim(0xf0, 1, this);
    }

    /// <summary>The processor's FERR#.</summary>
    public void Signal()
    {
        lock (_lock)
        {
            _line.Set(true);
        }
    }

    public void Save(StateWriter writer)
    {
        lock (_lock)
        {
            writer.Section("ferr", 1);
            writer.Bool(_line.IsHigh);
        }
    }

    public void Restore(StateReader reader)
    {
        lock (_lock)
        {
            reader.Section("ferr", 1);
            _line.Set(reader.Bool());
        }
    }

    public uint ReadPort(ushort port, int bytes) => 0xff;

    public void WritePort(ushort port, int bytes, uint value)
    {
        lock (_lock)
        {
            _line.Set(false);
        }
    }
}
