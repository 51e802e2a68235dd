using Jitvmm.Runtime.Memory;

namespace Jitvmm.Devices.Firmware;

/// <summary>One entry of the map that firmware hands to kernels (ACPI 6.5, chapter 15).</summary>
public readonly record struct MemoryRange(ulong Address, ulong Length, uint Type)
{
    public const uint Usable = 1;
    public const uint Reserved = 2;
}

/// <summary>The RAM of a machine and the map kernels get of it.</summary>
public sealed class MemoryMap
{
    private readonly bool _hasXenPages;

    /// <param name="ramSize">Bytes of RAM: whole pages.</param>
    /// <param name="hasXenPages">The guest is Xen's.</param>
    public MemoryMap(ulong ramSize, bool hasXenPages = false)
    {
        _hasXenPages = hasXenPages;
        RamBelow4G = Math.Min(ramSize, AddressMap.HoleStart);
        RamAbove4G = ramSize - RamBelow4G;
        List<MemoryRange> ranges =
        [
            new(0, AddressMap.LowMemoryEnd, MemoryRange.Usable),
            new(AddressMap.LowMemoryEnd, AddressMap.VideoMemory - AddressMap.LowMemoryEnd, MemoryRange.Reserved),
            new(AddressMap.Firmware, AddressMap.OneMegabyte - AddressMap.Firmware, MemoryRange.Reserved),
            new(AddressMap.OneMegabyte, RamBelow4G - AddressMap.OneMegabyte, MemoryRange.Usable),
            new(AddressMap.Ecam, AddressMap.EcamLength, MemoryRange.Reserved),
        ];
        if (hasXenPages)
        {
            ranges.Add(new MemoryRange(AddressMap.XenPages, AddressMap.XenPagesLength, MemoryRange.Reserved));
        }

        if (RamAbove4G > 0)
        {
            ranges.Add(new MemoryRange(AddressMap.FourGigabytes, RamAbove4G, MemoryRange.Usable));
        }

        Ranges = ranges;
    }

    public ulong RamBelow4G { get; }

    public ulong RamAbove4G { get; }

    /// <summary>By address.</summary>
    public IReadOnlyList<MemoryRange> Ranges { get; }

    /// <summary>Puts the RAM there.</summary>
    public void Populate(PhysicalMemory memory)
    {
        memory.AddRam(0, AddressMap.VideoMemory);
        memory.AddRam(AddressMap.Firmware, RamBelow4G - AddressMap.Firmware);
        if (_hasXenPages)
        {
            memory.AddRam(AddressMap.XenPages, AddressMap.XenPagesLength);
        }

        if (RamAbove4G > 0)
        {
            memory.AddRam(AddressMap.FourGigabytes, RamAbove4G);
        }
    }
}
