using System.Buffers.Binary;
using Jitvmm.Devices.Firmware;

namespace Jitvmm.Devices.Loading;

/// <summary>An ELF kernel with a PVH entry note (Xen's x86/HVM direct boot ABI): a Linux vmlinux, for one.</summary>
internal static class ElfKernel
{
    private const uint StartInfoMagic = 0x336ec578;
    private const uint PhysicalEntryNote = 18;
    private const int LoadSegment = 1;
    private const int NoteSegment = 4;
    private const int ModuleList = 0x100;
    private const int MapStart = 0x200;

    public static bool Recognizes(ReadOnlySpan<byte> file) => file.Length > 64 && BinaryPrimitives.ReadUInt32BigEndian(file) == 0x7f454c46;

    /// <summary>Loads the segments at their physical addresses and the start information.</summary>
    /// <exception cref="BootException">It is not for this processor, has no PVH entry, or does not fit.</exception>
    public static BootEntry Load(BootMemory memory, ReadOnlySpan<byte> file, ReadOnlySpan<byte> initrd, string commandLine)
    {
        var image = new ElfImage(file);
        uint entry = 0;
        for (int i = 0; i < image.SegmentCount; i++)
        {
            ElfSegment segment = image.Segment(file, i);
            switch (segment.Type)
            {
                case LoadSegment when segment.MemorySize > 0:
                    memory.LoadKernel(segment.PhysicalAddress, segment.Content(file), segment.MemorySize);
                    break;
                case NoteSegment when entry == 0:
                    entry = FindEntry(segment.Content(file));
                    break;
                default:
                    break;
            }
        }

        if (entry == 0)
        {
            throw new BootException("the kernel is an ELF file without PVH entry or multiboot header");
        }

        WriteStartInfo(memory, initrd, commandLine);
        return new BootEntry(false, entry, Rbx: memory.InformationAddress);
    }

    private static uint FindEntry(ReadOnlySpan<byte> notes)
    {
        while (notes.Length >= 12)
        {
            uint nameSize = BinaryPrimitives.ReadUInt32LittleEndian(notes);
            uint size = BinaryPrimitives.ReadUInt32LittleEndian(notes[4..]);
            uint type = BinaryPrimitives.ReadUInt32LittleEndian(notes[8..]);
            ulong content = 12 + ((nameSize + 3ul) & ~3ul);
            ulong end = content + ((size + 3ul) & ~3ul);
            if (end > (ulong)notes.Length)
            {
                return 0;
            }

            if (type == PhysicalEntryNote && nameSize == 4 && size >= 4 && notes[12..16].SequenceEqual("Xen\0"u8))
            {
                return BinaryPrimitives.ReadUInt32LittleEndian(notes[(int)content..]);
            }

            notes = notes[(int)end..];
        }

        return 0;
    }

    /// <summary>hvm_start_info version 1, its module list and its memory map.</summary>
    private static void WriteStartInfo(BootMemory memory, ReadOnlySpan<byte> initrd, string commandLine)
    {
        byte[] info = new byte[4096];
        Span<byte> bytes = info;
        BinaryPrimitives.WriteUInt32LittleEndian(bytes, StartInfoMagic);
        BinaryPrimitives.WriteUInt32LittleEndian(bytes[4..], 1);
        if (!initrd.IsEmpty)
        {
            BinaryPrimitives.WriteUInt32LittleEndian(bytes[12..], 1);
            BinaryPrimitives.WriteUInt64LittleEndian(bytes[16..], memory.InformationAddress + ModuleList);
            BinaryPrimitives.WriteUInt64LittleEndian(bytes[ModuleList..], memory.LoadInitrd(initrd, uint.MaxValue));
            BinaryPrimitives.WriteUInt64LittleEndian(bytes[(ModuleList + 8)..], (ulong)initrd.Length);
        }

        BinaryPrimitives.WriteUInt64LittleEndian(bytes[24..], memory.LoadCommandLine(commandLine, BootMemory.CommandLineLimit - 1));
        BinaryPrimitives.WriteUInt64LittleEndian(bytes[32..], AcpiTables.RootPointer);
        BinaryPrimitives.WriteUInt64LittleEndian(bytes[40..], memory.InformationAddress + MapStart);
        BinaryPrimitives.WriteUInt32LittleEndian(bytes[48..], (uint)memory.Map.Ranges.Count);
        int entry = MapStart;
        foreach (MemoryRange range in memory.Map.Ranges)
        {
            BinaryPrimitives.WriteUInt64LittleEndian(bytes[entry..], range.Address);
            BinaryPrimitives.WriteUInt64LittleEndian(bytes[(entry + 8)..], range.Length);
            BinaryPrimitives.WriteUInt32LittleEndian(bytes[(entry + 16)..], range.Type);
            entry += 24;
        }

        memory.Write(memory.InformationAddress, info);
    }
}
