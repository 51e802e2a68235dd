using System.Buffers.Binary;
using Jitvmm.Runtime.Memory;

namespace Jitvmm.Devices.Processors;

/// <summary>The descriptor and page tables a kernel is entered with: low memory that it may reuse once it has its own.</summary>
public static class BootTables
{
    /// <summary>Selectors as Linux's boot protocol wants them (Documentation/arch/x86/boot.rst, "64-bit boot protocol").</summary>
    public const ushort CodeSelector = 0x10;
    public const ushort DataSelector = 0x18;
    public const ushort TaskSelector = 0x20;

    public const ulong GdtAddress = 0x6000;
    public const uint GdtLimit = 0x2f;
    public const ulong PageTableAddress = 0x9000;

    private const ulong PresentWritable = 3;
    private const ulong LargePage = 0x80;
    private const ulong Page = 0x1000;

    /// <summary>Writes the GDT: null, unused, code, data, task.</summary>
    public static void WriteGdt(PhysicalMemory memory, bool longMode)
    {
        Span<byte> table = stackalloc byte[(int)GdtLimit + 1];
        table.Clear();
        BinaryPrimitives.WriteUInt64LittleEndian(table[CodeSelector..], longMode ? 0x00af9b000000ffff : 0x00cf9b000000fffful);
        BinaryPrimitives.WriteUInt64LittleEndian(table[DataSelector..], 0x00cf93000000ffff);
        BinaryPrimitives.WriteUInt64LittleEndian(table[TaskSelector..], 0x00008b0000000067);
        _ = memory.Write(GdtAddress, table);
    }

    /// <summary>Maps the first 4 GiB to themselves in 2 MiB pages.</summary>
    public static void WriteIdentityMap(PhysicalMemory memory)
    {
        Span<byte> tables = new byte[6 * Page];
        BinaryPrimitives.WriteUInt64LittleEndian(tables, (PageTableAddress + Page) | PresentWritable);
        for (int i = 0; i < 4; i++)
        {
            ulong directory = PageTableAddress + (ulong)(2 + i) * Page;
            BinaryPrimitives.WriteUInt64LittleEndian(tables[((int)Page + 8 * i)..], directory | PresentWritable);
        }

        for (int i = 0; i < 2048; i++)
        {
            BinaryPrimitives.WriteUInt64LittleEndian(tables[((int)(2 * Page) + 8 * i)..], ((ulong)i << 21) | PresentWritable | LargePage);
        }

        _ = memory.Write(PageTableAddress, tables);
    }
}
