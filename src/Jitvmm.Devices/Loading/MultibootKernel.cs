using System.Buffers.Binary;
using System.Text;
using Jitvmm.Devices.Firmware;

namespace Jitvmm.Devices.Loading;

/// <summary>A kernel with a multiboot header (Multiboot Specification 0.6.96), loaded as the header says or as ELF; an initrd is its module.</summary>
internal static class MultibootKernel
{
    private const uint HeaderMagic = 0x1badb002;
    private const ulong LoaderMagic = 0x2badb002;
    private const int SearchLength = 8192;
    private const uint HasAddresses = 1 << 16;

    // Memory sizes, command line, modules, memory map, loader name; the header's wish for a video mode cannot be met.
    private const uint ProvidedFields = 0x1 | 0x4 | 0x8 | 0x40 | 0x200;
    private const uint VideoMode = 4;
    private const uint KnownRequirements = 3;

    private const int ModuleList = 0x100;
    private const int LoaderName = 0x180;
    private const int MapStart = 0x200;

    public static bool Recognizes(ReadOnlySpan<byte> file) => FindHeader(file) >= 0;

    /// <exception cref="BootException">It asks for what is not provided, or does not fit.</exception>
    public static BootEntry Load(BootMemory memory, ReadOnlySpan<byte> file, ReadOnlySpan<byte> initrd, string commandLine)
    {
        int at = FindHeader(file);
        uint flags = U32(file, at + 4);
        if ((flags & 0xffff & ~KnownRequirements) != 0)
        {
            string what = (flags & VideoMode) != 0 ? "a video mode" : $"unknown features (flags {flags:x})";
            throw new BootException($"the multiboot kernel requires {what}");
        }

        ulong entry = (flags & HasAddresses) != 0 ? LoadByHeader(memory, file, at) : LoadElf(memory, file);
        WriteInformation(memory, initrd, commandLine);
        return new BootEntry(false, entry, Rax: LoaderMagic, Rbx: memory.InformationAddress);
    }

    private static int FindHeader(ReadOnlySpan<byte> file)
    {
        for (int at = 0; at + 12 <= Math.Min(file.Length, SearchLength); at += 4)
        {
            if (U32(file, at) == HeaderMagic && U32(file, at) + U32(file, at + 4) + U32(file, at + 8) == 0)
            {
                return at;
            }
        }

        return -1;
    }

    private static ulong LoadByHeader(BootMemory memory, ReadOnlySpan<byte> file, int at)
    {
        if (at + 32 > file.Length)
        {
            throw new BootException("the multiboot header is cut short");
        }

        uint headerAddress = U32(file, at + 12);
        uint loadAddress = U32(file, at + 16);
        uint loadEnd = U32(file, at + 20);
        uint zeroEnd = U32(file, at + 24);
        long start = at - ((long)headerAddress - loadAddress);
        long length = loadEnd == 0 ? file.Length - start : (long)loadEnd - loadAddress;
        if (start < 0 || start > file.Length || length < 0 || length > file.Length - start)
        {
            throw new BootException("the addresses in the multiboot header do not fit the file");
        }

        ulong size = zeroEnd > loadAddress ? zeroEnd - loadAddress : 0;
        memory.LoadKernel(loadAddress, file.Slice((int)start, (int)length), size);
        return U32(file, at + 28);
    }

    private static ulong LoadElf(BootMemory memory, ReadOnlySpan<byte> file)
    {
        if (!ElfKernel.Recognizes(file))
        {
            throw new BootException("the multiboot kernel is neither ELF nor says where it wants to be");
        }

        var image = new ElfImage(file);
        for (int i = 0; i < image.SegmentCount; i++)
        {
            ElfSegment segment = image.Segment(file, i);
            if (segment is { Type: 1, MemorySize: > 0 })
            {
                memory.LoadKernel(segment.PhysicalAddress, segment.Content(file), segment.MemorySize);
            }
        }

        return image.Entry;
    }

    private static void WriteInformation(BootMemory memory, ReadOnlySpan<byte> initrd, string commandLine)
    {
        byte[] info = new byte[4096];
        Set(info, 0, ProvidedFields);
        Set(info, 4, (uint)(AddressMap.LowMemoryEnd >> 10));
        Set(info, 8, (uint)((memory.Map.RamBelow4G - AddressMap.OneMegabyte) >> 10));
        ulong text = memory.LoadCommandLine(commandLine, BootMemory.CommandLineLimit - 1);
        Set(info, 16, (uint)text);
        if (!initrd.IsEmpty)
        {
            ulong module = memory.LoadInitrd(initrd, uint.MaxValue);
            Set(info, 20, 1);
            Set(info, 24, (uint)memory.InformationAddress + ModuleList);
            Set(info, ModuleList, (uint)module);
            Set(info, ModuleList + 4, (uint)module + (uint)initrd.Length);
        }

        int entry = MapStart;
        foreach (MemoryRange range in memory.Map.Ranges)
        {
            Set(info, entry, 20);
            BinaryPrimitives.WriteUInt64LittleEndian(info.AsSpan(entry + 4), range.Address);
            BinaryPrimitives.WriteUInt64LittleEndian(info.AsSpan(entry + 12), range.Length);
            Set(info, entry + 20, range.Type);
            entry += 24;
        }

        Set(info, 44, (uint)(entry - MapStart));
        Set(info, 48, (uint)memory.InformationAddress + MapStart);
        Set(info, 64, (uint)memory.InformationAddress + LoaderName);
        Encoding.ASCII.GetBytes("jitvmm").CopyTo(info, LoaderName);
        memory.Write(memory.InformationAddress, info);
    }

    private static void Set(byte[] info, int offset, uint value) => BinaryPrimitives.WriteUInt32LittleEndian(info.AsSpan(offset), value);

    private static uint U32(ReadOnlySpan<byte> bytes, int offset) => BinaryPrimitives.ReadUInt32LittleEndian(bytes[offset..]);
}
