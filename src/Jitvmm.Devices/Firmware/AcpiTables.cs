using System.Buffers.Binary;
using System.Text;
using Jitvmm.Devices.Chips;
using Jitvmm.Devices.Interrupts;
using Jitvmm.Runtime.Memory;

namespace Jitvmm.Devices.Firmware;

/// <summary>The ACPI tables of a machine (ACPI 6.5, 5.2), which lie in the BIOS area: RSDP, XSDT, FADT, FACS, DSDT, MADT, MCFG, HPET.</summary>
public sealed class AcpiTables
{
    /// <summary>Where the root pointer is.</summary>
    public const ulong RootPointer = AddressMap.Firmware;

    private const int SciInterrupt = 9;
    private const byte SystemIo = 1;

    private readonly PhysicalMemory _memory;
    private readonly int _processors;
    private readonly bool _hasHpet;
    private ulong _next = RootPointer + 64;

    private AcpiTables(PhysicalMemory memory, int processors, bool hasHpet)
    {
        _memory = memory;
        _processors = processors;
        _hasHpet = hasHpet;
    }

    /// <summary>Writes all tables for a machine with this many processors.</summary>
    public static void Write(PhysicalMemory memory, int processors, bool hasHpet) => new AcpiTables(memory, processors, hasHpet).WriteAll();

    private void WriteAll()
    {
        ulong facs = Place(Facs(), 64);
        ulong dsdt = Place(Table("DSDT", 2, Dsdt.Build(_hasHpet)), 16);
        var entries = new List<ulong>
        {
            Place(Table("FACP", 6, FixedDescription(facs, dsdt)), 16),
            Place(Table("APIC", 5, Processors()), 16),
            Place(Table("MCFG", 1, PciConfiguration()), 16),
        };
        if (_hasHpet)
        {
            entries.Add(Place(Table("HPET", 1, EventTimer()), 16));
        }

        byte[] pointers = new byte[8 * entries.Count];
        for (int i = 0; i < entries.Count; i++)
        {
            BinaryPrimitives.WriteUInt64LittleEndian(pointers.AsSpan(8 * i), entries[i]);
        }

        WriteRoot(Place(Table("XSDT", 1, pointers), 16));
    }

    private ulong Place(byte[] table, ulong alignment)
    {
        ulong address = (_next + alignment - 1) & ~(alignment - 1);
        _next = address + (ulong)table.Length;
        _ = _memory.Write(address, table);
        return address;
    }

    private void WriteRoot(ulong xsdt)
    {
        byte[] root = new byte[36];
        Encoding.ASCII.GetBytes("RSD PTR ").CopyTo(root, 0);
        Encoding.ASCII.GetBytes("JITVMM").CopyTo(root, 9);
        root[15] = 2;
        BinaryPrimitives.WriteInt32LittleEndian(root.AsSpan(20), root.Length);
        BinaryPrimitives.WriteUInt64LittleEndian(root.AsSpan(24), xsdt);
        root[8] = Checksum(root.AsSpan(0, 20));
        root[32] = Checksum(root);
        _ = _memory.Write(RootPointer, root);
    }

    /// <summary>A table with its 36-byte header.</summary>
    private static byte[] Table(string signature, byte revision, byte[] content)
    {
        byte[] table = new byte[36 + content.Length];
        Encoding.ASCII.GetBytes(signature).CopyTo(table, 0);
        BinaryPrimitives.WriteInt32LittleEndian(table.AsSpan(4), table.Length);
        table[8] = revision;
        Encoding.ASCII.GetBytes("JITVMM").CopyTo(table, 10);
        Encoding.ASCII.GetBytes("MACHINE ").CopyTo(table, 16);
        BinaryPrimitives.WriteInt32LittleEndian(table.AsSpan(24), 1);
        Encoding.ASCII.GetBytes("JITV").CopyTo(table, 28);
        BinaryPrimitives.WriteInt32LittleEndian(table.AsSpan(32), 1);
        content.CopyTo(table, 36);
        table[9] = Checksum(table);
        return table;
    }

    private static byte Checksum(ReadOnlySpan<byte> bytes)
    {
        byte sum = 0;
        foreach (byte value in bytes)
        {
            sum += value;
        }

        return (byte)-sum;
    }

    private static byte[] Facs()
    {
        byte[] table = new byte[64];
        Encoding.ASCII.GetBytes("FACS").CopyTo(table, 0);
        table[4] = 64;
        table[32] = 2;
        return table;
    }

    /// <summary>The FADT's fields after its header; offsets below are those of table 5.9 less 36.</summary>
    private static byte[] FixedDescription(ulong facs, ulong dsdt)
    {
        const uint WriteBackFlush = 1;
        const uint HaltIsC1 = 4;
        const uint NoSleepButton = 1 << 5;
        const uint ClockWakeNotFixed = 1 << 6;
        const uint TimerIs32Bits = 1 << 8;
        const uint ResetRegister = 1 << 10;
        const ushort LegacyDevices = 1;
        const ushort NoVga = 4;

        byte[] t = new byte[240];
        U32(t, 0, (uint)facs);
        U32(t, 4, (uint)dsdt);
        t[9] = 1;
        U16(t, 10, SciInterrupt);
        U32(t, 20, AcpiPower.EventPort);
        U32(t, 28, AcpiPower.ControlPort);
        U32(t, 40, AcpiPower.TimerPort);
        t[52] = 4;
        t[53] = 2;
        t[55] = 4;
        U16(t, 60, 0xfff);
        U16(t, 62, 0xfff);
        t[72] = 0x32;
        U16(t, 73, LegacyDevices | NoVga);
        U32(t, 76, WriteBackFlush | HaltIsC1 | NoSleepButton | ClockWakeNotFixed | TimerIs32Bits | ResetRegister);
        Address(t, 80, 8, 1, ResetPorts.ResetControlPort);
        t[92] = ResetPorts.ResetValue;
        t[95] = 5;
        U64(t, 96, facs);
        U64(t, 104, dsdt);
        Address(t, 112, 32, 2, AcpiPower.EventPort);
        Address(t, 136, 16, 2, AcpiPower.ControlPort);
        Address(t, 172, 32, 3, AcpiPower.TimerPort);
        return t;
    }

    /// <summary>The MADT: a local APIC each, the I/O APIC, and how ISA interrupts differ from its inputs.</summary>
    private byte[] Processors()
    {
        const byte ActiveHighLevel = 0xd;
        List<byte> t = [.. BitConverter.GetBytes((uint)LocalApic.DefaultAddress), 1, 0, 0, 0];
        for (int i = 0; i < _processors; i++)
        {
            t.AddRange([0, 8, (byte)i, (byte)i, 1, 0, 0, 0]);
        }

        t.AddRange([1, 12, 0, 0, .. BitConverter.GetBytes((uint)IoApic.Address), 0, 0, 0, 0]);
        t.AddRange([2, 10, 0, 0, 2, 0, 0, 0, 0, 0]);
        t.AddRange([2, 10, 0, SciInterrupt, SciInterrupt, 0, 0, 0, ActiveHighLevel, 0]);
        t.AddRange([4, 6, 0xff, 0, 0, 1]);
        return [.. t];
    }

    private static byte[] PciConfiguration()
    {
        byte[] t = new byte[24];
        U64(t, 8, AddressMap.Ecam);
        t[19] = 0xff;
        return t;
    }

    private static byte[] EventTimer()
    {
        byte[] t = new byte[20];
        U32(t, 0, Hpet.Identity);
        Address(t, 4, 0, 0, AddressMap.Hpet);
        t[4] = 0;
        t[5] = 64;
        U16(t, 17, 100);
        return t;
    }

    private static void U16(byte[] table, int offset, int value) => BinaryPrimitives.WriteUInt16LittleEndian(table.AsSpan(offset), (ushort)value);

    private static void U32(byte[] table, int offset, uint value) => BinaryPrimitives.WriteUInt32LittleEndian(table.AsSpan(offset), value);

    private static void U64(byte[] table, int offset, ulong value) => BinaryPrimitives.WriteUInt64LittleEndian(table.AsSpan(offset), value);

    /// <summary>A generic address structure in I/O space.</summary>
    private static void Address(byte[] table, int offset, byte bits, byte accessSize, ulong address)
    {
        table[offset] = SystemIo;
        table[offset + 1] = bits;
        table[offset + 3] = accessSize;
        U64(table, offset + 4, address);
    }
}
