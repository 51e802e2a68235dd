using System.Buffers.Binary;
using System.Text;
using Jitvmm.Runtime.Memory;

namespace Jitvmm.Linux.Loading;

/// <summary>One PT_LOAD program header, checked.</summary>
public sealed record ElfSegment(ulong Offset, ulong Address, ulong FileSize, ulong MemorySize, PageAccess Access)
{
    public ulong End => Address + MemorySize;
}

/// <summary>
/// The headers of an ELF executable (System V gABI, chapters 4 and 5), every field checked before it is used:
/// the file is the guest's.
/// </summary>
public sealed class ElfImage
{
    private const int HeaderSize = 64;
    private const int ProgramHeaderSize = 56;
    private const int TypeExecutable = 2;
    private const int TypeDynamic = 3;
    private const int MachineX64 = 62;
    private const uint SegmentLoad = 1;
    private const uint SegmentInterpreter = 3;
    private const uint SegmentProgramHeaders = 6;
    private const uint SegmentStack = 0x6474e551;

    private readonly string _name;
    private readonly List<ElfSegment> _segments = [];

    private ElfImage(string name) => _name = name;

    /// <summary>PT_LOAD segments by ascending address.</summary>
    public IReadOnlyList<ElfSegment> Segments => _segments;

    /// <summary>Guest path of the dynamic loader it asks for; null when it needs none.</summary>
    public byte[]? Interpreter { get; private set; }

    /// <summary>May go anywhere (ET_DYN).</summary>
    public bool IsRelocatable { get; private set; }

    /// <summary>PT_GNU_STACK asks for an executable stack.</summary>
    public bool ExecutableStack { get; private set; }

    public ulong Entry { get; private set; }

    /// <summary>Address of the program headers in memory, before relocation; 0 when not loaded.</summary>
    public ulong HeadersAddress { get; private set; }

    public int HeaderCount { get; private set; }

    /// <summary>Largest p_align: a power of two, at least a page.</summary>
    public ulong Alignment { get; private set; } = AddressSpace.PageSize;

    /// <summary>Address of the first page.</summary>
    public ulong Low => _segments[0].Address & ~(AddressSpace.PageSize - 1);

    /// <summary>First address past the last page.</summary>
    public ulong High => (_segments[^1].End + AddressSpace.PageSize - 1) & ~(AddressSpace.PageSize - 1);

    /// <summary>Reads and checks the headers.</summary>
    /// <exception cref="LoadException">The file is not an x86-64 ELF executable, or its headers make no sense.</exception>
    public static ElfImage Read(ExecutableFile file)
    {
        ElfImage image = new(file.DisplayPath);
        Span<byte> header = stackalloc byte[HeaderSize];
        long length = file.ReadAt(0, header);
        if (length < 0)
        {
            throw new LoadException($"{image._name}: cannot be read: {Errno.NameOf((int)-length)}", (int)-length);
        }

        image.ReadHeader(header[..(int)length]);
        int table = image.HeaderCount * ProgramHeaderSize;
        byte[] programHeaders = new byte[table];
        ulong tableOffset = BinaryPrimitives.ReadUInt64LittleEndian(header[32..]);
        if (tableOffset > file.Size || file.ReadAt(tableOffset, programHeaders) != table)
        {
            throw image.Bad("the program headers are truncated");
        }

        for (int i = 0; i < table; i += ProgramHeaderSize)
        {
            image.ReadProgramHeader(programHeaders.AsSpan(i, ProgramHeaderSize), file);
        }

        image.CheckSegments(tableOffset, (ulong)table);
        return image;
    }

    private void ReadHeader(ReadOnlySpan<byte> header)
    {
        if (header.Length < 4 || !header[..4].SequenceEqual("\u007fELF"u8))
        {
            throw Bad("is not an ELF program or a script");
        }

        if (header.Length < HeaderSize)
        {
            throw Bad("the ELF header is truncated");
        }

        int machine = BinaryPrimitives.ReadUInt16LittleEndian(header[18..]);
        if (header[4] != 2 || header[5] != 1 || machine != MachineX64)
        {
            throw Bad($"is a program for another architecture ({MachineName(header[5] == 2 ? BinaryPrimitives.ReverseEndianness((ushort)machine) : machine, header[4])}), not x86-64");
        }

        int type = BinaryPrimitives.ReadUInt16LittleEndian(header[16..]);
        if (type is not (TypeExecutable or TypeDynamic))
        {
            throw Bad($"is an ELF file of type {type}, not a program");
        }

        IsRelocatable = type == TypeDynamic;
        Entry = BinaryPrimitives.ReadUInt64LittleEndian(header[24..]);
        HeaderCount = BinaryPrimitives.ReadUInt16LittleEndian(header[56..]);
        if (BinaryPrimitives.ReadUInt16LittleEndian(header[54..]) != ProgramHeaderSize || HeaderCount == 0 || HeaderCount * ProgramHeaderSize > 65536)
        {
            throw Bad("has no usable program headers");
        }
    }

    private void ReadProgramHeader(ReadOnlySpan<byte> header, ExecutableFile file)
    {
        uint type = BinaryPrimitives.ReadUInt32LittleEndian(header);
        uint flags = BinaryPrimitives.ReadUInt32LittleEndian(header[4..]);
        ulong offset = BinaryPrimitives.ReadUInt64LittleEndian(header[8..]);
        ulong address = BinaryPrimitives.ReadUInt64LittleEndian(header[16..]);
        ulong fileSize = BinaryPrimitives.ReadUInt64LittleEndian(header[32..]);
        ulong memorySize = BinaryPrimitives.ReadUInt64LittleEndian(header[40..]);
        ulong align = BinaryPrimitives.ReadUInt64LittleEndian(header[48..]);
        switch (type)
        {
            case SegmentLoad:
                // ELF's flag bits run execute, write, read.
                PageAccess access = (PageAccess)((flags & 4) >> 2 | (flags & 2) | (flags & 1) << 2);
                AddSegment(new ElfSegment(offset, address, fileSize, memorySize, access), file.Size);
                if (align > Alignment && ulong.IsPow2(align) && align <= 1ul << 30)
                {
                    Alignment = align;
                }

                break;
            case SegmentInterpreter:
                ReadInterpreter(offset, fileSize, file);
                break;
            case SegmentProgramHeaders:
                HeadersAddress = address;
                break;
            case SegmentStack:
                ExecutableStack = (flags & 1) != 0;
                break;
        }
    }

    private void AddSegment(ElfSegment segment, ulong size)
    {
        if (segment.MemorySize == 0 && segment.FileSize == 0)
        {
            return;
        }

        if (segment.FileSize > segment.MemorySize)
        {
            throw Bad($"the segment at 0x{segment.Address:x} has more bytes in the file than in memory");
        }

        if (((segment.Address ^ segment.Offset) & (AddressSpace.PageSize - 1)) != 0)
        {
            throw Bad($"the segment at 0x{segment.Address:x} is not aligned with its place in the file");
        }

        if (!AddressSpace.InWindow(segment.Address, segment.MemorySize))
        {
            throw Bad($"the segment at 0x{segment.Address:x} with {segment.MemorySize} bytes does not fit into memory");
        }

        if (segment.Offset > size || segment.FileSize > size - segment.Offset)
        {
            throw Bad($"the file is truncated: the segment at 0x{segment.Address:x} ends past its {size} bytes");
        }

        _segments.Add(segment);
    }

    private void ReadInterpreter(ulong offset, ulong size, ExecutableFile file)
    {
        if (size < 2 || size > GuestThread.PathMax)
        {
            throw Bad("names its interpreter in a senseless length");
        }

        byte[] path = new byte[size];
        if (offset > file.Size || file.ReadAt(offset, path) != path.Length || path[^1] != 0)
        {
            throw Bad("the name of its interpreter is truncated");
        }

        Interpreter = path[..path.AsSpan().IndexOf((byte)0)];
        if (Interpreter.Length == 0)
        {
            throw Bad("names an empty interpreter");
        }
    }

    private void CheckSegments(ulong tableOffset, ulong tableSize)
    {
        if (_segments.Count == 0)
        {
            throw Bad("has no segment to load");
        }

        ulong previousEnd = 0;
        foreach (ElfSegment segment in _segments)
        {
            if (segment.Address < previousEnd)
            {
                throw Bad($"the segment at 0x{segment.Address:x} overlaps another, or is out of order");
            }

            previousEnd = segment.End;
            if (HeadersAddress == 0 && tableOffset >= segment.Offset && tableOffset + tableSize <= segment.Offset + segment.FileSize)
            {
                HeadersAddress = tableOffset - segment.Offset + segment.Address;
            }
        }

        if (!IsRelocatable && Low < LinuxLayout.MinAddress)
        {
            throw new LoadException($"{_name}: wants memory at 0x{Low:x}, below the lowest address allowed", Errno.EPERM);
        }

        if (!IsRelocatable && High > LinuxLayout.MapCeiling)
        {
            throw Bad($"wants memory at 0x{High:x}, where the stack goes");
        }
    }

    private LoadException Bad(string what) => new($"{_name}: {what}", Errno.ENOEXEC);

    private static string MachineName(int machine, byte elfClass) => machine switch
    {
        3 => "i386",
        8 => "MIPS",
        20 => "PowerPC",
        21 => "PowerPC64",
        22 => "S/390",
        40 => "ARM",
        43 => "SPARC V9",
        MachineX64 => elfClass == 1 ? "x32" : "x86-64, big-endian",
        183 => "AArch64",
        243 => "RISC-V",
        258 => "LoongArch",
        _ => $"ELF machine {machine}",
    };
}
