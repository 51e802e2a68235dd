using Jitvmm.Runtime.Memory;

namespace Jitvmm.Devices.Pci;

/// <summary>A memory range that a function answers at, where its base address register says (PCI Local Bus 3.0, 6.2.5.1).</summary>
internal sealed class PciBar(int index, uint length, IMemoryDevice device)
{
    /// <summary>Register number, 0 to 5. Ranges are 32-bit and not prefetchable.</summary>
    public int Index => index;

    /// <summary>A power of two, at least 4 KiB so that no two devices share a page.</summary>
    public uint Length => length;

    public IMemoryDevice Device => device;

    /// <summary>What the register holds.</summary>
    public uint Address { get; set; }

    /// <summary>Where it is mapped now; 0 for nowhere.</summary>
    public uint MappedAt { get; set; }
}
