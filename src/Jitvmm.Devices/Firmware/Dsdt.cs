using Jitvmm.Devices.Chips;
using static Jitvmm.Devices.Firmware.AmlWriter;

namespace Jitvmm.Devices.Firmware;

/// <summary>The differentiated system description: soft-off, the PCI root with its windows and interrupt routing, and the devices no bus enumerates.</summary>
internal static class Dsdt
{
    private const int Slots = 32;

    public static byte[] Build(bool hasHpet)
    {
        byte[] softOff = Integer(AcpiPower.SoftOffType);
        byte[] system = Scope(
            "\\_SB",
            Device(
                "PCI0",
                Name("_HID", EisaId("PNP0A08")),
                Name("_CID", EisaId("PNP0A03")),
                Name("_UID", Integer(0)),
                Name("_BBN", Integer(0)),
                Name("_SEG", Integer(0)),
                Name("_CRS", RootWindows()),
                Name("_PRT", InterruptRouting()),
                Device("COM1", SerialPort()),
                Device("RTC", ClockPorts())),
            Device("MRES", BoardResources()),
            hasHpet ? Device("HPET", EventTimer()) : []);
        return Concat(Name("\\_S5", PackageOf(softOff, softOff, Integer(0), Integer(0))), system);
    }

    private static byte[] RootWindows() => new ResourceTemplate()
        .BusNumbers(0, 0xff)
        .Ports(0xcf8, 8)
        .PortWindow(0, 0xcf7)
        .PortWindow(0xd00, 0xffff)
        .MemoryWindow(AddressMap.PciWindow, AddressMap.PciWindowLast)
        .MemoryWindow64(AddressMap.PciWindow64, AddressMap.PciWindow64Last)
        .Build();

    /// <summary>Each pin of each slot to its I/O APIC input, without link devices.</summary>
    private static byte[] InterruptRouting()
    {
        var routes = new List<byte[]>();
        for (int slot = 1; slot < Slots; slot++)
        {
            for (int pin = 0; pin < 4; pin++)
            {
                byte[] address = Integer(((ulong)slot << 16) | 0xffff);
                routes.Add(PackageOf(address, Integer((ulong)pin), Integer(0), Integer((ulong)AddressMap.PciInterrupt(slot, pin))));
            }
        }

        return PackageOf([.. routes]);
    }

    private static byte[] SerialPort() => Concat(
        Name("_HID", EisaId("PNP0501")),
        Name("_UID", Integer(1)),
        Name("_CRS", new ResourceTemplate().Ports(0x3f8, 8).Interrupt(4).Build()));

    private static byte[] ClockPorts() => Concat(
        Name("_HID", EisaId("PNP0B00")),
        Name("_CRS", new ResourceTemplate().Ports(0x70, 2).Interrupt(8).Build()));

    /// <summary>What firmware reserves: configuration space, ACPI ports.</summary>
    private static byte[] BoardResources() => Concat(
        Name("_HID", EisaId("PNP0C02")),
        Name("_UID", Integer(1)),
        Name("_CRS", new ResourceTemplate().FixedMemory((uint)AddressMap.Ecam, (uint)AddressMap.EcamLength).Ports(AcpiPower.BasePort, 16).Build()));

    private static byte[] EventTimer() => Concat(
        Name("_HID", EisaId("PNP0103")),
        Name("_CRS", new ResourceTemplate().FixedMemory((uint)AddressMap.Hpet, 0x400).Build()));
}
