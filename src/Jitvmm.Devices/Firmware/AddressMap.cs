namespace Jitvmm.Devices.Firmware;

/// <summary>Where things are in the physical address space of a machine.</summary>
public static class AddressMap
{
    /// <summary>The end of conventional memory, where a PC keeps its extended BIOS data.</summary>
    public const ulong LowMemoryEnd = 0x9fc00;
    public const ulong VideoMemory = 0xa0000;

    /// <summary>Up to <see cref="Firmware"/>: RAM for a BIOS only, which keeps itself and option ROMs there.</summary>
    public const ulong OptionRoms = 0xc0000;

    /// <summary>The BIOS area, which holds the ACPI tables.</summary>
    public const ulong Firmware = 0xe0000;
    public const ulong OneMegabyte = 0x100000;

    /// <summary>RAM ends here; what does not fit goes above 4 GiB.</summary>
    public const ulong HoleStart = 0xc0000000;

    /// <summary>PCI memory windows.</summary>
    public const uint PciWindow = 0xc0000000;
    public const uint PciWindowLast = 0xdfffffff;

    /// <summary>Ports of PCI functions, from here.</summary>
    public const uint PciPorts = 0xc000;

    /// <summary>Another memory window, below the I/O APIC, where PC firmware that places ranges by itself puts them.</summary>
    public const uint PciFirmwareWindow = 0xf0000000;
    public const uint PciFirmwareWindowLast = 0xfebfffff;
    public const ulong PciWindow64 = 0x80_0000_0000;
    public const ulong PciWindow64Last = 0xff_ffff_ffff;

    /// <summary>PCI configuration space, 1 MiB for each of 256 buses.</summary>
    public const ulong Ecam = 0xe0000000;
    public const ulong EcamLength = 0x10000000;

    public const ulong Hpet = 0xfed00000;

    /// <summary>Pages of RAM by which a Xen guest reaches store and console, where Xen's toolstack also has them.</summary>
    public const ulong XenPages = 0xfeffc000;
    public const ulong XenPagesLength = 0x2000;

    public const ulong FourGigabytes = 0x1_0000_0000;

    /// <summary>Most RAM a machine can have: up to the 64-bit PCI window.</summary>
    public const ulong MaximumRam = PciWindow64 - FourGigabytes + HoleStart;

    /// <summary>GSI of a PCI slot's interrupt pin (0 for INTA): the four wires rotate by slot.</summary>
    public static int PciInterrupt(int slot, int pin) => 16 + ((slot + pin) & 3);
}
