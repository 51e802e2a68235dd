using Jitvmm.Devices.Buses;

namespace Jitvmm.Devices.Chips;

/// <summary>How the PC/AT reports x87 errors to programs that leave CR0.NE clear: FERR# rings interrupt 13 until the handler writes to port F0h.</summary>
public sealed class FloatingPointErrorPort : IPortDevice
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

    public uint ReadPort(ushort port, int bytes) => 0xff;

    public void WritePort(ushort port, int bytes, uint value)
    {
        lock (_lock)
        {
            _line.Set(false);
        }
    }
}
