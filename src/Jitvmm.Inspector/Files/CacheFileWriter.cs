using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Text;
using Jitvmm.Inspector.Symbols;

namespace Jitvmm.Inspector.Files;

/// <summary>Collects what a cache file is to hold, and writes it.</summary>
public sealed class CacheFileWriter
{
    private const int Sections = 13;

    private readonly ByteSection _text = new();
    private readonly Dictionary<string, TextReference> _texts = new(StringComparer.Ordinal);
    private BlockIndex? _index;

    /// <summary>Facts about the run.</summary>
    internal List<FactRecord> Facts { get; } = [];

    public List<BlockRecord> Blocks { get; } = [];

    /// <summary>Bytes of guest code.</summary>
    public ByteSection Code { get; } = new();

    public List<RegionRecord> Regions { get; } = [];

    public List<RegionPartRecord> Parts { get; } = [];

    public List<RegionJumpRecord> Jumps { get; } = [];

    /// <summary>Bytes of host code.</summary>
    public ByteSection HostCode { get; } = new();

    public List<ExitRecord> Exits { get; } = [];

    public List<InvalidationRecord> Invalidations { get; } = [];

    public List<SiteRecord> Sites { get; } = [];

    internal List<SymbolRecord> Symbols { get; } = [];

    internal List<ModuleRecord> Modules { get; } = [];

    /// <summary>Blocks by address, when all are there.</summary>
    public BlockIndex Index => _index ??= new BlockIndex(CollectionsMarshal.AsSpan(Blocks));

    /// <summary>Adds a fact about the run.</summary>
    public void AddFact(string name, string value) => Facts.Add(new FactRecord { Name = Text(name), Value = Text(value) });

    /// <summary>Adds a symbol of the guest's.</summary>
    public void AddSymbol(ulong address, ulong size, string name) => Symbols.Add(new SymbolRecord { Address = address, Size = size, Name = Text(name) });

    /// <summary>The symbols added so far.</summary>
    internal SymbolTable MakeSymbols() => new(Symbols.Select(symbol =>
        new GuestSymbol(symbol.Address, symbol.Size, Encoding.UTF8.GetString(_text.Bytes.Slice((int)symbol.Name.Offset, (int)symbol.Name.Length)))));

    /// <summary>Adds a mapped file.</summary>
    public void AddModule(ulong start, ulong end, ulong offset, string path) =>
        Modules.Add(new ModuleRecord { Start = start, End = end, Offset = offset, Path = Text(path) });

    /// <summary>Writes the file under a temporary name and then gives it its own, so that nobody sees half of it.</summary>
    /// <exception cref="IOException">It cannot be written.</exception>
    /// <exception cref="UnauthorizedAccessException">It must not be.</exception>
    public void Write(string path) => WholeFile.Write(path, Write);

    /// <summary>Forgets blocks and all that refers to them.</summary>
    internal void ForgetRecords()
    {
        Blocks.Clear();
        Code.Clear();
        Regions.Clear();
        Parts.Clear();
        Jumps.Clear();
        HostCode.Clear();
        Exits.Clear();
        Invalidations.Clear();
        Sites.Clear();
        _index = null;
    }

    /// <summary>Writes the file to a stream.</summary>
    public void Write(Stream stream)
    {
        SectionHeader[] table = new SectionHeader[Sections];
        ulong offset = (ulong)(Unsafe.SizeOf<FileHeader>() + (table.Length * Unsafe.SizeOf<SectionHeader>()));
        int next = 0;
        void Enter(SectionKind kind, int size, ReadOnlySpan<byte> bytes)
        {
            table[next++] = new SectionHeader { Kind = kind, RecordSize = (uint)size, Offset = offset, Length = (ulong)bytes.Length, Checksum = Checksum.Of(bytes) };
            offset = (offset + (ulong)bytes.Length + 7) & ~7ul;
        }

        Each(Enter);
        ReadOnlySpan<byte> tableBytes = MemoryMarshal.AsBytes<SectionHeader>(table);
        FileHeader header = new()
        {
            Magic = FileHeader.ExpectedMagic,
            Version = FileHeader.CurrentVersion,
            Sections = (uint)table.Length,
            Length = offset,
            TableChecksum = Checksum.Of(tableBytes),
        };
        header.Checksum = Checksum.Of(header);
        stream.Write(MemoryMarshal.AsBytes(new ReadOnlySpan<FileHeader>(in header)));
        stream.Write(tableBytes);
        Each((_, _, bytes) =>
        {
            stream.Write(bytes);
            stream.Write("\0\0\0\0\0\0\0"u8[..(-bytes.Length & 7)]);
        });
    }

    private delegate void SectionAction(SectionKind kind, int recordSize, ReadOnlySpan<byte> bytes);

    private void Each(SectionAction action)
    {
        Records(action, SectionKind.Facts, Facts);
        Records(action, SectionKind.Blocks, Blocks);
        action(SectionKind.Code, 1, Code.Bytes);
        Records(action, SectionKind.Regions, Regions);
        Records(action, SectionKind.RegionParts, Parts);
        Records(action, SectionKind.RegionJumps, Jumps);
        action(SectionKind.HostCode, 1, HostCode.Bytes);
        Records(action, SectionKind.Exits, Exits);
        Records(action, SectionKind.Invalidations, Invalidations);
        Records(action, SectionKind.Sites, Sites);
        Records(action, SectionKind.Symbols, Symbols);
        Records(action, SectionKind.Modules, Modules);
        action(SectionKind.Text, 1, _text.Bytes);
    }

    private static void Records<T>(SectionAction action, SectionKind kind, List<T> records)
        where T : unmanaged => action(kind, Unsafe.SizeOf<T>(), MemoryMarshal.AsBytes(CollectionsMarshal.AsSpan(records)));

    private TextReference Text(string text)
    {
        if (!_texts.TryGetValue(text, out TextReference known))
        {
            byte[] bytes = Encoding.UTF8.GetBytes(text);
            known = new TextReference { Offset = (uint)_text.Length, Length = (uint)bytes.Length };
            _text.Write(bytes);
            _texts.Add(text, known);
        }

        return known;
    }
}
