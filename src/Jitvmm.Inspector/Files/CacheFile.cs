using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Text;
using Jitvmm.Runtime.CodeCache;
using Jitvmm.Runtime.Paravirt;
using Jitvmm.Translator.Decode;
using Jitvmm.Translator.Regions;

namespace Jitvmm.Inspector.Files;

/// <summary>
/// A cache file, checked as a whole when it is opened: whoever has one may rely on every offset, index and enumeration in it, wherever it came from.
/// </summary>
/// <remarks>
/// The records are the file's bytes themselves. A checksum only tells damage; it does not tell who wrote the file, and so nothing rests on it.
/// </remarks>
public sealed class CacheFile
{
    private const long LongestFile = 0x7fff_0000;
    private const int MostSections = 64;
    private const int LongestBlock = BlockDecoder.MaxInstructions * 15;

    private static readonly UTF8Encoding s_strict = new(false, true);

    private readonly byte[] _bytes;
    private readonly Dictionary<SectionKind, (int Offset, int Length)> _sections = [];

    private CacheFile(byte[] bytes) => _bytes = bytes;

    public ReadOnlySpan<BlockRecord> Blocks => Records<BlockRecord>(SectionKind.Blocks);

    public ReadOnlySpan<RegionRecord> Regions => Records<RegionRecord>(SectionKind.Regions);

    public ReadOnlySpan<RegionPartRecord> Parts => Records<RegionPartRecord>(SectionKind.RegionParts);

    public ReadOnlySpan<RegionJumpRecord> Jumps => Records<RegionJumpRecord>(SectionKind.RegionJumps);

    public ReadOnlySpan<ExitRecord> Exits => Records<ExitRecord>(SectionKind.Exits);

    public ReadOnlySpan<InvalidationRecord> Invalidations => Records<InvalidationRecord>(SectionKind.Invalidations);

    public ReadOnlySpan<SiteRecord> Sites => Records<SiteRecord>(SectionKind.Sites);

    public ReadOnlySpan<SymbolRecord> Symbols => Records<SymbolRecord>(SectionKind.Symbols);

    public ReadOnlySpan<ModuleRecord> Modules => Records<ModuleRecord>(SectionKind.Modules);

    private ReadOnlySpan<FactRecord> Facts => Records<FactRecord>(SectionKind.Facts);

    /// <summary>The guest's bytes of a block.</summary>
    public ReadOnlySpan<byte> CodeOf(in BlockRecord block) => Bytes(SectionKind.Code).Slice((int)block.CodeOffset, (int)block.CodeLength);

    /// <summary>The host's bytes of a region; empty when they were not read.</summary>
    public ReadOnlySpan<byte> HostCodeOf(in RegionRecord region) => Bytes(SectionKind.HostCode).Slice((int)region.HostOffset, (int)region.HostLength);

    /// <summary>The blocks of a region, and those outside it relied on.</summary>
    public ReadOnlySpan<RegionPartRecord> PartsOf(in RegionRecord region) => Parts.Slice((int)region.FirstPart, (int)region.Parts);

    /// <summary>The ways its computed jumps take inside a region.</summary>
    public ReadOnlySpan<RegionJumpRecord> JumpsOf(in RegionRecord region) => Jumps.Slice((int)region.FirstJump, region.Jumps);

    /// <summary>Text of the file.</summary>
    public string Text(TextReference reference) => Encoding.UTF8.GetString(Bytes(SectionKind.Text).Slice((int)reference.Offset, (int)reference.Length));

    /// <summary>A fact about the run; empty when the file does not have it.</summary>
    public string Fact(string name)
    {
        foreach (FactRecord fact in Facts)
        {
            if (Text(fact.Name) == name)
            {
                return Text(fact.Value);
            }
        }

        return "";
    }

    /// <summary>All facts, in their order.</summary>
    public IReadOnlyList<(string Name, string Value)> AllFacts()
    {
        var facts = new List<(string, string)>();
        foreach (FactRecord fact in Facts)
        {
            facts.Add((Text(fact.Name), Text(fact.Value)));
        }

        return facts;
    }

    /// <summary>Opens and checks a file.</summary>
    /// <exception cref="CacheFileException">It cannot be read, or something is wrong with it.</exception>
    public static CacheFile Open(string path)
    {
        try
        {
            using var stream = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read, 1, FileOptions.SequentialScan);
            if (stream.Length > LongestFile)
            {
                throw new CacheFileException(CacheFileDamage.TooLong, $"{stream.Length} bytes are more than the {LongestFile} that are read");
            }

            byte[] bytes = GC.AllocateUninitializedArray<byte>((int)stream.Length);
            stream.ReadExactly(bytes);
            return Read(bytes);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException or NotSupportedException)
        {
            throw new CacheFileException(CacheFileDamage.Unreadable, error is FileNotFoundException or DirectoryNotFoundException ? "no such file" : error.Message, error);
        }
    }

    /// <summary>Checks a file's bytes, which are kept.</summary>
    /// <exception cref="CacheFileException">Something is wrong with them.</exception>
    public static CacheFile Read(byte[] bytes)
    {
        CacheFile file = new(bytes);
        file.ReadSections();
        file.CheckTexts();
        file.CheckBlocks();
        file.CheckRegions();
        file.CheckEvents();
        return file;
    }

    private static CacheFileException Bad(CacheFileDamage damage, string message) => new(damage, message);

    private void ReadSections()
    {
        int headerSize = Unsafe.SizeOf<FileHeader>();
        if (_bytes.Length < sizeof(ulong) || MemoryMarshal.Read<ulong>(_bytes) != FileHeader.ExpectedMagic)
        {
            throw Bad(CacheFileDamage.NotACacheFile, "this is not a cache file");
        }

        if (_bytes.Length < headerSize)
        {
            throw Bad(CacheFileDamage.Truncated, "the file ends within its header");
        }

        FileHeader header = MemoryMarshal.Read<FileHeader>(_bytes);
        if (header.Version != FileHeader.CurrentVersion)
        {
            throw Bad(CacheFileDamage.UnknownVersion, $"the file has format {header.Version}; this program reads format {FileHeader.CurrentVersion}");
        }

        if (header.Checksum != Checksum.Of(header))
        {
            throw Bad(CacheFileDamage.HeaderChecksum, "the header is damaged: its checksum does not match");
        }

        if (header.Length > (ulong)_bytes.Length)
        {
            throw Bad(CacheFileDamage.Truncated, $"the file has {_bytes.Length} bytes of {header.Length}");
        }

        if (header.Length < (ulong)_bytes.Length)
        {
            throw Bad(CacheFileDamage.TooLong, $"the file goes on after its end, which is at {header.Length}");
        }

        int tableLength = (int)Math.Min(header.Sections, MostSections + 1) * Unsafe.SizeOf<SectionHeader>();
        if (header.Sections > MostSections || headerSize + tableLength > _bytes.Length)
        {
            throw Bad(CacheFileDamage.SectionTable, $"{header.Sections} sections cannot be");
        }

        ReadOnlySpan<byte> table = _bytes.AsSpan(headerSize, tableLength);
        if (Checksum.Of(table) != header.TableChecksum)
        {
            throw Bad(CacheFileDamage.HeaderChecksum, "the table of sections is damaged: its checksum does not match");
        }

        ulong end = (ulong)(headerSize + tableLength);
        foreach (SectionHeader section in MemoryMarshal.Cast<byte, SectionHeader>(table))
        {
            Enter(section, ref end);
        }

        foreach (SectionKind kind in Enum.GetValues<SectionKind>())
        {
            if (!_sections.ContainsKey(kind))
            {
                throw Bad(CacheFileDamage.MissingSection, $"there is no section {kind}");
            }
        }
    }

    /// <summary>Sections follow each other; ones that this format does not know are left out.</summary>
    private void Enter(in SectionHeader section, ref ulong end)
    {
        if (section.Offset < end || (section.Offset & 7) != 0 || section.Offset > (ulong)_bytes.Length || section.Length > (ulong)_bytes.Length - section.Offset)
        {
            throw Bad(CacheFileDamage.SectionTable, $"section {section.Kind} is at {section.Offset} with {section.Length} bytes, which is not in its place");
        }

        end = section.Offset + section.Length;
        if (RecordSizeOf(section.Kind) is not { } size)
        {
            return;
        }

        if (section.RecordSize != size || section.Length % size != 0)
        {
            throw Bad(CacheFileDamage.SectionTable, $"section {section.Kind} has records of {section.RecordSize} bytes in {section.Length}, not of {size}");
        }

        if (!_sections.TryAdd(section.Kind, ((int)section.Offset, (int)section.Length)))
        {
            throw Bad(CacheFileDamage.SectionTable, $"section {section.Kind} is there twice");
        }

        if (Checksum.Of(Bytes(section.Kind)) != section.Checksum)
        {
            throw Bad(CacheFileDamage.SectionChecksum, $"section {section.Kind} is damaged: its checksum does not match");
        }
    }

    private static uint? RecordSizeOf(SectionKind kind) => kind switch
    {
        SectionKind.Facts => (uint)Unsafe.SizeOf<FactRecord>(),
        SectionKind.Blocks => (uint)Unsafe.SizeOf<BlockRecord>(),
        SectionKind.Regions => (uint)Unsafe.SizeOf<RegionRecord>(),
        SectionKind.RegionParts => (uint)Unsafe.SizeOf<RegionPartRecord>(),
        SectionKind.RegionJumps => (uint)Unsafe.SizeOf<RegionJumpRecord>(),
        SectionKind.Exits => (uint)Unsafe.SizeOf<ExitRecord>(),
        SectionKind.Invalidations => (uint)Unsafe.SizeOf<InvalidationRecord>(),
        SectionKind.Sites => (uint)Unsafe.SizeOf<SiteRecord>(),
        SectionKind.Symbols => (uint)Unsafe.SizeOf<SymbolRecord>(),
        SectionKind.Modules => (uint)Unsafe.SizeOf<ModuleRecord>(),
        SectionKind.Code or SectionKind.HostCode or SectionKind.Text => 1,
        _ => null,
    };

    private void CheckTexts()
    {
        foreach (FactRecord fact in Facts)
        {
            CheckText(fact.Name);
            CheckText(fact.Value);
        }

        foreach (SymbolRecord symbol in Symbols)
        {
            CheckText(symbol.Name);
        }

        foreach (ModuleRecord module in Modules)
        {
            CheckText(module.Path);
            Require(module.Start <= module.End, "a module ends before it starts");
        }
    }

    private void CheckText(TextReference reference)
    {
        ReadOnlySpan<byte> text = Bytes(SectionKind.Text);
        if (reference.Offset > (uint)text.Length || reference.Length > (uint)text.Length - reference.Offset)
        {
            throw Bad(CacheFileDamage.Reference, "text is outside its section");
        }

        try
        {
            _ = s_strict.GetCharCount(text.Slice((int)reference.Offset, (int)reference.Length));
        }
        catch (DecoderFallbackException error)
        {
            throw new CacheFileException(CacheFileDamage.Text, "text is not UTF-8", error);
        }
    }

    private void CheckBlocks()
    {
        const CodeMode AllModes = (CodeMode)0x1ff;
        ulong code = (ulong)Bytes(SectionKind.Code).Length;
        foreach (ref readonly BlockRecord block in Blocks)
        {
            if (block.CodeOffset > code || block.CodeLength > code - block.CodeOffset)
            {
                throw Bad(CacheFileDamage.Reference, $"the code of block {block.Address:x} is outside its section");
            }

            // Texts are made only when they are needed: there may be a million blocks.
            if (block.State > TranslationState.Flushed || ((CodeMode)block.Mode & ~AllModes) != 0)
            {
                throw Bad(CacheFileDamage.Value, $"block {block.Address:x} has an unknown state or mode");
            }

            if (block is not { CodeLength: <= LongestBlock, Instructions: <= BlockDecoder.MaxInstructions })
            {
                throw Bad(CacheFileDamage.Value, $"block {block.Address:x} has {block.CodeLength} bytes and {block.Instructions} instructions");
            }
        }
    }

    private void CheckRegions()
    {
        uint blocks = (uint)Blocks.Length;
        ulong hostCode = (ulong)Bytes(SectionKind.HostCode).Length;
        foreach (ref readonly RegionRecord region in Regions)
        {
            if (region.HostOffset > hostCode || region.HostLength > hostCode - region.HostOffset || region.FirstPart > (uint)Parts.Length || region.Parts > (uint)Parts.Length - region.FirstPart
                || region.FirstJump > (uint)Jumps.Length || region.Jumps > (uint)Jumps.Length - region.FirstJump || region.Head >= blocks)
            {
                throw Bad(CacheFileDamage.Reference, "a region refers to what is not there");
            }

            Require(region.State <= TranslationState.Flushed && (RegionAccess)region.Access <= RegionAccess.Paged && region.KeepsNanOrder <= 1 && region.AssumesPrivateMemory <= 1, "a region has an unknown state or access");
        }

        foreach (ref readonly RegionPartRecord part in Parts)
        {
            if (part.Block >= blocks)
            {
                throw Bad(CacheFileDamage.Reference, "a region refers to a block that is not there");
            }

            Require(part.Entry >= RegionPartRecord.Dependency, "a region's entry has no such number");
        }

        foreach (ref readonly RegionJumpRecord jump in Jumps)
        {
            if (jump.From >= blocks || jump.To >= blocks)
            {
                throw Bad(CacheFileDamage.Reference, "a jump refers to a block that is not there");
            }
        }
    }

    private void CheckEvents()
    {
        uint blocks = (uint)Blocks.Length;
        uint regions = (uint)Regions.Length;
        foreach (ref readonly ExitRecord exit in Exits)
        {
            if ((exit.Block >= blocks && exit.Block != ExitRecord.None) || (exit.Region >= regions && exit.Region != ExitRecord.None))
            {
                throw Bad(CacheFileDamage.Reference, "an exit refers to what is not there");
            }

            Require(ExitKinds.IsKnown(exit.Kind), "an exit is of an unknown kind");
        }

        foreach (ref readonly InvalidationRecord invalidation in Invalidations)
        {
            if (invalidation.Block >= blocks)
            {
                throw Bad(CacheFileDamage.Reference, "an invalidation refers to a block that is not there");
            }

            Require((CodeChangeKind)invalidation.Kind <= CodeChangeKind.Race, "an invalidation is of an unknown kind");
        }

        foreach (ref readonly SiteRecord site in Sites)
        {
            Require((HypercallInstruction)site.Instruction <= HypercallInstruction.Call && (HypercallSiteKind)site.Kind <= HypercallSiteKind.Page, "a site is of an unknown kind");
        }
    }

    private static void Require(bool holds, string message)
    {
        if (!holds)
        {
            throw Bad(CacheFileDamage.Value, message);
        }
    }

    private ReadOnlySpan<byte> Bytes(SectionKind kind)
    {
        (int offset, int length) = _sections[kind];
        return _bytes.AsSpan(offset, length);
    }

    private ReadOnlySpan<T> Records<T>(SectionKind kind)
        where T : unmanaged => MemoryMarshal.Cast<byte, T>(Bytes(kind));
}
