using System.Buffers.Binary;
using System.Text;

namespace Jitvmm.Inspector.Symbols;

/// <summary>
/// The functions an ELF file names in its symbol tables (System V gABI, chapter 4, "Sections" and "Symbol Table"). Every field is checked before it is used: the file is the guest's.
/// </summary>
public sealed class ElfSymbols
{
    private const int HeaderSize = 64;
    private const int SectionSize = 64;
    private const int SegmentSize = 56;
    private const int SymbolSize = 24;
    private const int MostSections = 65536;
    private const int MostSegments = 65536;
    private const long LongestTable = 256L << 20;
    private const int LongestName = 4096;
    private const uint SegmentLoad = 1;
    private const uint SectionSymbols = 2;
    private const uint SectionDynamicSymbols = 11;
    private const int TypeNone = 0;
    private const int TypeFunction = 2;
    private const int TypeIndirectFunction = 10;
    private const int Undefined = 0;
    private const int FirstReserved = 0xff00;

    private readonly Stream _file;
    private readonly string _name;
    private readonly List<(ulong Offset, ulong Address, ulong Size)> _segments = [];
    private readonly List<GuestSymbol> _symbols = [];

    private ElfSymbols(Stream file, string name)
    {
        _file = file;
        _name = name;
    }

    /// <summary>PT_LOAD segments: file offset, address before relocation, bytes in the file.</summary>
    public IReadOnlyList<(ulong Offset, ulong Address, ulong Size)> Segments => _segments;

    /// <summary>Functions with a name, at addresses before relocation, in the file's order; those of .symtab before those of .dynsym.</summary>
    public IReadOnlyList<GuestSymbol> Functions => _symbols;

    /// <summary>Reads a file.</summary>
    /// <exception cref="SymbolFileException">It is not a 64-bit little-endian ELF file, or its tables make no sense.</exception>
    /// <exception cref="IOException">It cannot be read.</exception>
    public static ElfSymbols Read(Stream file, string name)
    {
        ElfSymbols symbols = new(file, name);
        byte[] header = symbols.ReadAt(0, HeaderSize, "header");
        if (!header.AsSpan(0, 4).SequenceEqual("\u007fELF"u8) || header[4] != 2 || header[5] != 1)
        {
            throw symbols.Bad("it is not a 64-bit little-endian ELF file");
        }

        symbols.ReadSegments(header);
        symbols.ReadSections(header);
        return symbols;
    }

    /// <summary>What is added to addresses of the file where its bytes at a file offset are mapped at an address; null when no segment has that offset.</summary>
    public ulong? BiasOf(ulong mappedAt, ulong offset)
    {
        const ulong PageMask = ~0xffful;
        foreach ((ulong segmentOffset, ulong address, ulong size) in _segments)
        {
            if (offset >= (segmentOffset & PageMask) && offset < segmentOffset + size)
            {
                return mappedAt - offset + segmentOffset - address;
            }
        }

        return null;
    }

    private SymbolFileException Bad(string reason) => new($"{_name}: {reason}");

    private byte[] ReadAt(ulong offset, long length, string what)
    {
        if (length < 0 || length > LongestTable || offset > (ulong)_file.Length || (ulong)length > (ulong)_file.Length - offset)
        {
            throw Bad($"its {what} is outside the file");
        }

        byte[] bytes = new byte[length];
        _file.Position = (long)offset;
        _file.ReadExactly(bytes);
        return bytes;
    }

    private void ReadSegments(byte[] header)
    {
        ulong offset = BinaryPrimitives.ReadUInt64LittleEndian(header.AsSpan(32));
        int size = BinaryPrimitives.ReadUInt16LittleEndian(header.AsSpan(54));
        int count = BinaryPrimitives.ReadUInt16LittleEndian(header.AsSpan(56));
        if (count == 0)
        {
            return;
        }

        if (size != SegmentSize || count >= MostSegments)
        {
            throw Bad("its program headers have an unknown size");
        }

        byte[] table = ReadAt(offset, (long)count * size, "program header table");
        for (int i = 0; i < table.Length; i += SegmentSize)
        {
            ReadOnlySpan<byte> segment = table.AsSpan(i, SegmentSize);
            ulong fileOffset = BinaryPrimitives.ReadUInt64LittleEndian(segment[8..]);
            ulong fileSize = BinaryPrimitives.ReadUInt64LittleEndian(segment[32..]);
            if (BinaryPrimitives.ReadUInt32LittleEndian(segment) == SegmentLoad && fileOffset + fileSize >= fileOffset)
            {
                _segments.Add((fileOffset, BinaryPrimitives.ReadUInt64LittleEndian(segment[16..]), fileSize));
            }
        }
    }

    private void ReadSections(byte[] header)
    {
        ulong offset = BinaryPrimitives.ReadUInt64LittleEndian(header.AsSpan(40));
        int size = BinaryPrimitives.ReadUInt16LittleEndian(header.AsSpan(58));
        long count = BinaryPrimitives.ReadUInt16LittleEndian(header.AsSpan(60));
        if (offset == 0)
        {
            return;
        }

        if (size != SectionSize)
        {
            throw Bad("its section headers have an unknown size");
        }

        if (count == 0)
        {
            // More sections than the field holds: the first one's size is their number.
            count = (long)Math.Min(BinaryPrimitives.ReadUInt64LittleEndian(ReadAt(offset, SectionSize, "section table").AsSpan(32)), long.MaxValue);
        }

        if (count > MostSections)
        {
            throw Bad($"it has {count} sections");
        }

        byte[] table = ReadAt(offset, count * size, "section table");
        foreach (uint wanted in (ReadOnlySpan<uint>)[SectionSymbols, SectionDynamicSymbols])
        {
            for (int i = 0; i < table.Length; i += SectionSize)
            {
                ReadOnlySpan<byte> section = table.AsSpan(i, SectionSize);
                if (BinaryPrimitives.ReadUInt32LittleEndian(section[4..]) == wanted)
                {
                    ReadSymbols(table, section);
                }
            }
        }
    }

    private void ReadSymbols(byte[] sections, ReadOnlySpan<byte> section)
    {
        ulong link = BinaryPrimitives.ReadUInt32LittleEndian(section[40..]);
        ulong entry = BinaryPrimitives.ReadUInt64LittleEndian(section[56..]);
        if (entry != SymbolSize || link >= (ulong)(sections.Length / SectionSize))
        {
            throw Bad("a symbol table has an unknown form");
        }

        byte[] table = ReadSection(section, "symbol table");
        byte[] names = ReadSection(sections.AsSpan((int)link * SectionSize, SectionSize), "table of names");
        for (int i = 0; i + SymbolSize <= table.Length; i += SymbolSize)
        {
            ReadSymbol(table.AsSpan(i, SymbolSize), names);
        }
    }

    private byte[] ReadSection(ReadOnlySpan<byte> section, string what)
    {
        ulong length = BinaryPrimitives.ReadUInt64LittleEndian(section[32..]);
        return ReadAt(BinaryPrimitives.ReadUInt64LittleEndian(section[24..]), length > long.MaxValue ? long.MaxValue : (long)length, what);
    }

    private void ReadSymbol(ReadOnlySpan<byte> symbol, ReadOnlySpan<byte> names)
    {
        uint name = BinaryPrimitives.ReadUInt32LittleEndian(symbol);
        int type = symbol[4] & 15;
        int section = BinaryPrimitives.ReadUInt16LittleEndian(symbol[6..]);
        if (type is not (TypeNone or TypeFunction or TypeIndirectFunction) || section is Undefined or >= FirstReserved || name == 0 || name >= (uint)names.Length)
        {
            return;
        }

        ReadOnlySpan<byte> text = names[(int)name..];
        int end = text.IndexOf((byte)0);
        if (end is > 0 and <= LongestName)
        {
            _symbols.Add(new GuestSymbol(BinaryPrimitives.ReadUInt64LittleEndian(symbol[8..]), BinaryPrimitives.ReadUInt64LittleEndian(symbol[16..]), Encoding.UTF8.GetString(text[..end])));
        }
    }
}
