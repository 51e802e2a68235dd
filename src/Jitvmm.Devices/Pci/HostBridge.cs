namespace Jitvmm.Devices.Pci;

/// <summary>Function 0 of the root bus: nothing but its numbers.</summary>
internal sealed class HostBridge() : PciFunction(new PciIdentity(0x1b36, 0x0008, 0x060000, 0, 0x1af4, 0x1100));
