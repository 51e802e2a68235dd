using System.Buffers.Binary;

namespace Jitvmm.Devices.Loading;

/// <summary>One program header.</summary>
internal readonly record struct ElfSegment(int Type, ulong Offset, ulong PhysicalAddress, ulong FileSize, ulong MemorySize)
{
    /// <summary>Its bytes in the file.</summary>
    /// <exception cref="BootException">The file ends before.</exception>
    public ReadOnlySpan<byte> Content(ReadOnlySpan<byte> file)
    {
        if (Offset > (ulong)file.Length || FileSize > (ulong)file.Length - Offset)
        {
            throw new BootException("the kernel's ELF file is cut short");
        }

        return file.Slice((int)Offset, (int)FileSize);
    }
}

/// <summary>The headers of an executable for x86, 32 or 64 bits.</summary>
internal readonly struct ElfImage
{
    private const int Machine386 = 3;
    private const int MachineX64 = 62;

    private readonly bool _is64;
    private readonly ulong _headers;
    private readonly int _headerSize;

    /// <exception cref="BootException">It is not an executable for x86.</exception>
    public ElfImage(ReadOnlySpan<byte> file)
    {
        _is64 = file[4] == 2;
        int machine = BinaryPrimitives.ReadUInt16LittleEndian(file[18..]);
        if (file[5] != 1 || (file[4] is not (1 or 2)) || (machine != MachineX64 && (_is64 || machine != Machine386)))
        {
            throw new BootException("the kernel is an ELF file for another processor");
        }

        _headers = _is64 ? BinaryPrimitives.ReadUInt64LittleEndian(file[32..]) : BinaryPrimitives.ReadUInt32LittleEndian(file[28..]);
        _headerSize = BinaryPrimitives.ReadUInt16LittleEndian(file[(_is64 ? 54 : 42)..]);
        SegmentCount = BinaryPrimitives.ReadUInt16LittleEndian(file[(_is64 ? 56 : 44)..]);
        Entry = _is64 ? BinaryPrimitives.ReadUInt64LittleEndian(file[24..]) : BinaryPrimitives.ReadUInt32LittleEndian(file[24..]);
        ulong length = (ulong)(SegmentCount * _headerSize);
        if (_headerSize < (_is64 ? 56 : 32) || _headers > (ulong)file.Length || length > (ulong)file.Length - _headers)
        {
            throw new BootException("the kernel's ELF headers are damaged");
        }
    }

    public int SegmentCount { get; }

    public ulong Entry { get; }

    public ElfSegment Segment(ReadOnlySpan<byte> file, int index)
    {
        ReadOnlySpan<byte> h = file[(int)(_headers + (ulong)(index * _headerSize))..];
        int type = BinaryPrimitives.ReadInt32LittleEndian(h);
        return _is64
            ? new ElfSegment(type, U64(h, 8), U64(h, 24), U64(h, 32), U64(h, 40))
            : new ElfSegment(type, U32(h, 4), U32(h, 12), U32(h, 16), U32(h, 20));
    }

    private static ulong U64(ReadOnlySpan<byte> bytes, int offset) => BinaryPrimitives.ReadUInt64LittleEndian(bytes[offset..]);

    private static uint U32(ReadOnlySpan<byte> bytes, int offset) => BinaryPrimitives.ReadUInt32LittleEndian(bytes[offset..]);
}
