using Jitvmm.Runtime.Memory;

namespace Jitvmm.Devices.Pci;

/// <summary>A range that a base address register places (PCI Local Bus 3.0, 6.2.5.1): 32-bit memory, or ports.</summary>
internal sealed class PciBar(int index, uint length, uint kind, IMemoryDevice? device)
{
    /// <summary>What the low bits of the register say of memory: 32-bit, not prefetchable.</summary>
    public const uint Memory = 0;

    /// <summary>Of ports.</summary>
    public const uint Ports = 1;

    /// <summary>Register number, 0 to 5.</summary>
    public int Index => index;

    /// <summary>A power of two; of memory at least 4 KiB so that no two devices share a page.</summary>
    public uint Length => length;

    /// <summary><see cref="Memory"/> or <see cref="Ports"/>.</summary>
    public uint Kind => kind;

    /// <summary>What answers there; null for a range that the function only keeps free.</summary>
    public IMemoryDevice? Device => device;

    /// <summary>What the register holds.</summary>
    public uint Address { get; set; }

    /// <summary>Where it is mapped now; 0 for nowhere.</summary>
    public uint MappedAt { get; set; }
}
