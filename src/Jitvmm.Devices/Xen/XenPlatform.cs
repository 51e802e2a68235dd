using Jitvmm.Devices.Buses;
using Jitvmm.Devices.Channels;
using Jitvmm.Devices.Pci;

namespace Jitvmm.Devices.Xen;

/// <summary>
/// The PCI function by which a guest that was booted as on any PC finds that Xen has devices for it: ranges it places grants in, an interrupt for events, and the ports by which drivers
/// send away emulated devices (xen/docs/misc/hvm-emulated-unplug.pandoc).
/// </summary>
/// <remarks>Nothing is sent away: Xen's toolstack shows a disk and a card twice, emulated and its own, and here each is there once, as the machine was told.</remarks>
public sealed class XenPlatform : PciFunction, IPortDevice
{
    private const ushort FirstPort = 0x10;
    private const ushort LogPort = 0x12;

    /// <summary>What the ports read: two bytes by which drivers know them, and the protocol's version. No driver is unwelcome.</summary>
    private const uint Answer = 0x0001_49d2;

    private const uint PortsLength = 0x100;

    /// <summary>As Xen has it; the largest grant table needs 128 KiB.</summary>
    private const uint MemoryLength = 16 << 20;

    private readonly ByteChannel _log;

    /// <param name="ports">Where drivers look.</param>
    /// <param name="log">Takes what they have to say. Bytes are dropped when nobody reads them.</param>
    public XenPlatform(PortBus ports, ByteChannel log)
        : base(new PciIdentity(0x5853, 0x0001, 0xff8000, 1, 0x5853, 0x0001))
    {
        _log = log;
        AddEmptyPortBar(0, PortsLength);
        AddEmptyBar(1, MemoryLength);
        UsesInterruptPin();
        ports.Claim(FirstPort, 4, this);
    }

    public int PortWidth => 4;

    public uint ReadPort(ushort port, int bytes) => Answer >> (8 * (port - FirstPort));

    /// <summary>Products, builds and masks of devices need no answer.</summary>
    public void WritePort(ushort port, int bytes, uint value)
    {
        if (port == LogPort && bytes == 1)
        {
            _ = _log.TryWrite([(byte)value]);
        }
    }
}
