using System.Buffers.Binary;
using System.Diagnostics;
using System.Text;
using Jitvmm.Devices.Firmware;
using Jitvmm.Runtime.Memory;
using Jitvmm.Tests.Guests;

namespace Jitvmm.Tests.Devices;

public sealed class AcpiTablesTests : IDisposable
{
    private readonly PhysicalMemory _memory = new();

    public AcpiTablesTests()
    {
        new MemoryMap(64 << 20).Populate(_memory);
        AcpiTables.Write(_memory, 3, hasHpet: true);
    }

    public void Dispose() => _memory.Dispose();

    [Fact]
    public void The_root_pointer_leads_to_tables_with_right_sums()
    {
        byte[] root = Read(AcpiTables.RootPointer, 36);
        Assert.Equal("RSD PTR ", Encoding.ASCII.GetString(root, 0, 8));
        Assert.Equal(0, Sum(root.AsSpan(0, 20)));
        Assert.Equal(0, Sum(root));
        Dictionary<string, byte[]> tables = Tables();
        Assert.Equal(["APIC", "DSDT", "FACP", "HPET", "MCFG", "XSDT"], tables.Keys.Order());
        Assert.All(tables.Values, table => Assert.Equal(0, Sum(table)));
    }

    [Fact]
    public void Every_processor_has_an_entry()
    {
        byte[] madt = Tables()["APIC"];
        int processors = 0;
        for (int at = 44; at < madt.Length; at += madt[at + 1])
        {
            processors += madt[at] == 0 ? 1 : 0;
        }

        Assert.Equal(3, processors);
    }

    [ToolFact("iasl")]
    public void The_description_is_valid_machine_language()
    {
        string folder = Directory.CreateTempSubdirectory("acpi").FullName;
        try
        {
            File.WriteAllBytes(Path.Combine(folder, "dsdt.dat"), Tables()["DSDT"]);
            Assert.Contains("Disassembly completed", Iasl(folder, "-d", "dsdt.dat"), StringComparison.Ordinal);
            Assert.Contains("0 Errors", Iasl(folder, "dsdt.dsl"), StringComparison.Ordinal);
        }
        finally
        {
            Directory.Delete(folder, true);
        }
    }

    private static string Iasl(string folder, params string[] arguments)
    {
        var start = new ProcessStartInfo("/usr/bin/iasl", arguments) { WorkingDirectory = folder, RedirectStandardOutput = true, RedirectStandardError = true };
        using Process process = Process.Start(start)!;
        Task<string> errors = process.StandardError.ReadToEndAsync();
        string output = process.StandardOutput.ReadToEnd() + errors.Result;
        process.WaitForExit();
        return output;
    }

    private static byte Sum(ReadOnlySpan<byte> bytes)
    {
        byte sum = 0;
        foreach (byte value in bytes)
        {
            sum += value;
        }

        return sum;
    }

    private byte[] Read(ulong address, int length)
    {
        byte[] bytes = new byte[length];
        Assert.True(_memory.Read(address, bytes));
        return bytes;
    }

    private byte[] Table(ulong address) => Read(address, BinaryPrimitives.ReadInt32LittleEndian(Read(address + 4, 4)));

    private Dictionary<string, byte[]> Tables()
    {
        var tables = new Dictionary<string, byte[]>();
        byte[] xsdt = Table(BinaryPrimitives.ReadUInt64LittleEndian(Read(AcpiTables.RootPointer + 24, 8)));
        tables.Add("XSDT", xsdt);
        for (int at = 36; at < xsdt.Length; at += 8)
        {
            byte[] table = Table(BinaryPrimitives.ReadUInt64LittleEndian(xsdt.AsSpan(at)));
            tables.Add(Encoding.ASCII.GetString(table, 0, 4), table);
        }

        tables.Add("DSDT", Table(BinaryPrimitives.ReadUInt64LittleEndian(tables["FACP"].AsSpan(140))));
        return tables;
    }
}
