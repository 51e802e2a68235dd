namespace Jitvmm.Devices.Buses;

/// <summary>A device that answers at I/O ports. Any vCPU's thread; must not throw.</summary>
public interface IPortDevice
{
    /// <summary>The widest access it answers, in bytes; the bus splits wider ones into bytes.</summary>
    int PortWidth => 1;

    uint ReadPort(ushort port, int bytes);

    void WritePort(ushort port, int bytes, uint value);
}
