namespace Jitvmm.Devices.Buses;

/// <summary>The 64 K I/O ports. Ports may be claimed and given up while vCPUs run (PCI BARs move).</summary>
public sealed class PortBus
{
    private readonly IPortDevice?[] _devices = new IPortDevice?[0x10000];

    /// <summary>Gives a range of ports to a device; who came last answers.</summary>
    public void Claim(ushort first, int count, IPortDevice device)
    {
        for (int port = first; port < Math.Min(first + count, 0x10000); port++)
        {
            Volatile.Write(ref _devices[port], device);
        }
    }

    /// <summary>Takes a range away from a device, where it still has it.</summary>
    public void Release(ushort first, int count, IPortDevice device)
    {
        for (int port = first; port < Math.Min(first + count, 0x10000); port++)
        {
            _ = Interlocked.CompareExchange(ref _devices[port], null, device);
        }
    }

    /// <summary>Reads 1, 2 or 4 bytes; all ones where nothing answers.</summary>
    public uint Read(ushort port, int bytes)
    {
        IPortDevice? device = Volatile.Read(ref _devices[port]);
        if (device != null && bytes <= device.PortWidth)
        {
            return device.ReadPort(port, bytes) & Mask(bytes);
        }

        if (bytes == 1)
        {
            return 0xff;
        }

        uint value = 0;
        for (int i = 0; i < bytes; i++)
        {
            value |= Read((ushort)(port + i), 1) << (8 * i);
        }

        return value;
    }

    public void Write(ushort port, int bytes, uint value)
    {
        IPortDevice? device = Volatile.Read(ref _devices[port]);
        if (device != null && bytes <= device.PortWidth)
        {
            device.WritePort(port, bytes, value & Mask(bytes));
            return;
        }

        for (int i = 0; bytes > 1 && i < bytes; i++)
        {
            Write((ushort)(port + i), 1, (value >> (8 * i)) & 0xff);
        }
    }

    private static uint Mask(int bytes) => bytes >= 4 ? uint.MaxValue : (1u << (8 * bytes)) - 1;
}
