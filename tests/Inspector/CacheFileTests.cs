using System.Buffers.Binary;
using System.Diagnostics;
using System.Runtime.InteropServices;
using Jitvmm.Inspector.Files;
using Jitvmm.Inspector.Reports;
using Jitvmm.Tests.Guests;

namespace Jitvmm.Tests.Inspector;

/// <summary>Cache files: what is written is read, and what is damaged says how.</summary>
public sealed class CacheFileTests
{
    private const int HeaderLength = 32;
    private const int Sections = 13;
    private const int TableLength = Sections * 32;

    [Fact]
    public void What_is_written_is_read()
    {
        CacheFile file = CacheFile.Read(Sample());
        Assert.Equal("process", file.Fact("guest"));
        Assert.Equal(2, file.Blocks.Length);
        Assert.Equal([0x90, 0xc3], file.CodeOf(file.Blocks[1]).ToArray());
        Assert.Equal([0xcc], file.HostCodeOf(file.Regions[0]).ToArray());
        Assert.Equal("naïve", file.Text(file.Symbols[0].Name));
        Assert.Equal(7ul, file.Exits[0].Count);
        Assert.Equal(1u, file.PartsOf(file.Regions[0])[0].Block);
    }

    [Theory]
    [InlineData(CacheFileDamage.NotACacheFile, 0, 1)]
    [InlineData(CacheFileDamage.UnknownVersion, 8, 1)]
    [InlineData(CacheFileDamage.HeaderChecksum, 12, 1)]
    [InlineData(CacheFileDamage.HeaderChecksum, HeaderLength + 3, 0x40)]
    [InlineData(CacheFileDamage.SectionChecksum, HeaderLength + TableLength + 1, 4)]
    public void Flipped_bits_are_told(CacheFileDamage damage, int offset, byte bits)
    {
        byte[] bytes = Sample();
        bytes[offset] ^= bits;
        Assert.Equal(damage, Assert.Throws<CacheFileException>(() => CacheFile.Read(bytes)).Damage);
    }

    [Fact]
    public void A_wrong_length_is_told()
    {
        byte[] bytes = Sample();
        Assert.Equal(CacheFileDamage.NotACacheFile, Assert.Throws<CacheFileException>(static () => CacheFile.Read([])).Damage);
        Assert.Equal(CacheFileDamage.TooLong, Assert.Throws<CacheFileException>(() => CacheFile.Read([.. bytes, 0])).Damage);
        for (int length = sizeof(ulong); length < bytes.Length; length++)
        {
            Assert.Equal(CacheFileDamage.Truncated, Assert.Throws<CacheFileException>(() => CacheFile.Read(bytes[..length])).Damage);
        }
    }

    public static TheoryData<CacheFileDamage, Action<CacheFileWriter>> Lies => new()
    {
        { CacheFileDamage.Reference, static writer => Change(writer.Blocks, static (ref BlockRecord block) => block.CodeOffset = ulong.MaxValue) },
        { CacheFileDamage.Reference, static writer => Change(writer.Blocks, static (ref BlockRecord block) => block.CodeLength = 900) },
        { CacheFileDamage.Value, static writer => Change(writer.Blocks, static (ref BlockRecord block) => block.Instructions = 65) },
        { CacheFileDamage.Value, static writer => Change(writer.Blocks, static (ref BlockRecord block) => block.State = (TranslationState)3) },
        { CacheFileDamage.Value, static writer => Change(writer.Blocks, static (ref BlockRecord block) => block.Mode = 0x8000) },
        { CacheFileDamage.Reference, static writer => Change(writer.Regions, static (ref RegionRecord region) => region.Head = 2) },
        { CacheFileDamage.Reference, static writer => Change(writer.Regions, static (ref RegionRecord region) => region.Parts = uint.MaxValue) },
        { CacheFileDamage.Reference, static writer => Change(writer.Regions, static (ref RegionRecord region) => region.HostOffset = 2) },
        { CacheFileDamage.Value, static writer => Change(writer.Regions, static (ref RegionRecord region) => region.Access = 3) },
        { CacheFileDamage.Reference, static writer => Change(writer.Parts, static (ref RegionPartRecord part) => part.Block = 9) },
        { CacheFileDamage.Value, static writer => Change(writer.Parts, static (ref RegionPartRecord part) => part.Entry = -3) },
        { CacheFileDamage.Reference, static writer => Change(writer.Jumps, static (ref RegionJumpRecord jump) => jump.To = 2) },
        { CacheFileDamage.Reference, static writer => Change(writer.Regions, static (ref RegionRecord region) => region.Jumps = 2) },
        { CacheFileDamage.Reference, static writer => Change(writer.Exits, static (ref ExitRecord exit) => exit.Region = 1) },
        { CacheFileDamage.Value, static writer => Change(writer.Exits, static (ref ExitRecord exit) => exit.Kind = (ExitKind)31) },
        { CacheFileDamage.Reference, static writer => Change(writer.Invalidations, static (ref InvalidationRecord each) => each.Block = 2) },
        { CacheFileDamage.Value, static writer => Change(writer.Invalidations, static (ref InvalidationRecord each) => each.Kind = 200) },
        { CacheFileDamage.Value, static writer => Change(writer.Sites, static (ref SiteRecord site) => site.Kind = 3) },
        { CacheFileDamage.Value, static writer => writer.AddModule(2, 1, 0, "m") },
    };

    [Theory]
    [MemberData(nameof(Lies))]
    public void Records_that_cannot_be_are_told(CacheFileDamage damage, Action<CacheFileWriter> lie)
    {
        CacheFileWriter writer = SampleWriter();
        lie(writer);
        Assert.Equal(damage, Assert.Throws<CacheFileException>(() => CacheFile.Read(Bytes(writer))).Damage);
    }

    [Theory]
    [InlineData(CacheFileDamage.SectionTable, 8, ulong.MaxValue)]
    [InlineData(CacheFileDamage.SectionTable, 16, 1ul << 40)]
    [InlineData(CacheFileDamage.SectionTable, 0, 2ul | 16ul << 32)]
    [InlineData(CacheFileDamage.MissingSection, 0, 99ul | 16ul << 32)]
    public void A_table_that_cannot_be_is_told(CacheFileDamage damage, int offset, ulong value)
    {
        byte[] bytes = Sample();
        BinaryPrimitives.WriteUInt64LittleEndian(bytes.AsSpan(HeaderLength + offset), value);
        Seal(bytes);
        Assert.Equal(damage, Assert.Throws<CacheFileException>(() => CacheFile.Read(bytes)).Damage);
    }

    [Fact]
    public void Text_that_is_none_is_told()
    {
        byte[] bytes = Sample();
        int place = bytes.AsSpan().IndexOf("naïve"u8);
        bytes[place + 2] = 0xff;
        Seal(bytes);
        Assert.Equal(CacheFileDamage.Text, Assert.Throws<CacheFileException>(() => CacheFile.Read(bytes)).Damage);
    }

    /// <summary>Whatever a file says, with right checksums: it is refused with a reason, or every report can be made of it.</summary>
    [Fact]
    public void Random_damage_is_refused_or_harmless()
    {
        int seed = 20261123;
        var random = new Random(seed);
        int rounds = 3000 * int.Parse(Environment.GetEnvironmentVariable("JITVMM_FUZZ") ?? "1", System.Globalization.CultureInfo.InvariantCulture);
        int used = 0;
        for (int round = 0; round < rounds; round++)
        {
            byte[] bytes = Sample();
            for (int changes = random.Next(1, 6); changes > 0; changes--)
            {
                int offset = random.Next(16, bytes.Length);
                bytes[offset] = random.Next(3) switch { 0 => (byte)random.Next(256), 1 => 0xff, _ => (byte)(bytes[offset] ^ (1 << random.Next(8))) };
            }

            Seal(bytes);
            try
            {
                CacheView view = new(CacheFile.Read(bytes));
                UseAll(view);
                used++;
            }
            catch (CacheFileException)
            {
                // Refused.
            }
            catch (Exception error)
            {
                Assert.Fail($"seed {seed}, round {round}: {error}");
            }
        }

        Assert.InRange(used, rounds / 10, rounds - 1);
    }

    [Fact]
    public void A_million_blocks_are_listed_in_two_seconds_and_half_a_gigabyte()
    {
        const int Blocks = 1_000_000;
        using CacheRun run = new();
        CacheFileWriter writer = new();
        for (int i = 0; i < Blocks; i++)
        {
            writer.Blocks.Add(new BlockRecord { Address = 0x400000 + ((ulong)i * 16), CodeOffset = (ulong)writer.Code.Length, CodeLength = 2, Instructions = 2, Mode = 2, Interpreted = (ulong)(i * 7919L % Blocks), Gone = uint.MaxValue });
            writer.Code.Write([0x90, 0xc3]);
        }

        writer.Write(run.PathOf("cache"));
        TimeSpan best = TimeSpan.MaxValue;
        for (int attempt = 0; attempt < 3 && best > TimeSpan.FromSeconds(2); attempt++)
        {
            long start = Stopwatch.GetTimestamp();

            // The limit of what .NET's heap may have, in hexadecimal: 400 MiB, to which the runtime itself adds some 50.
            ProgramOutcome outcome = NativeProcess.Run(["env", "DOTNET_GCHeapHardLimit=0x19000000", ProgramComparison.Vmm, "cache", "list", run.PathOf("cache"), "--limit", "5"], "/tmp", "", TimeSpan.FromMinutes(1));
            TimeSpan elapsed = Stopwatch.GetElapsedTime(start);
            best = elapsed < best ? elapsed : best;
            Assert.True(outcome.Status == 0, System.Text.Encoding.UTF8.GetString(outcome.Errors));
            Assert.Contains("blocks: 1000000", System.Text.Encoding.UTF8.GetString(outcome.Output), StringComparison.Ordinal);
            Assert.Contains("  999999  ", System.Text.Encoding.UTF8.GetString(outcome.Output), StringComparison.Ordinal);
        }

        Assert.True(best < TimeSpan.FromSeconds(2), $"{best}");
    }

    private static void UseAll(CacheView view)
    {
        Report[] reports =
        [
            ListReport.Make(view, new ListFilter { Symbol = "n" }), ExitsReport.Make(view, 0, null), InvalidationsReport.Make(view, 0), SitesReport.Make(view, 0), VerifyReport.Make(view, 0),
            DiffReport.Make(view, view, 0), ShowReport.Make(view, 0x1000), ShowReport.Make(view, 0x1010), ExplainReport.Make(view, 0x1010), GraphReport.Make(view, 0x1010, false), GraphReport.Make(view, 0x1010, true),
        ];
        foreach (Report report in reports)
        {
            report.WriteText(TextWriter.Null);
            report.WriteJson(Stream.Null);
        }
    }

    private static byte[] Sample() => Bytes(SampleWriter());

    private static byte[] Bytes(CacheFileWriter writer)
    {
        using var stream = new MemoryStream();
        writer.Write(stream);
        return stream.ToArray();
    }

    private static CacheFileWriter SampleWriter()
    {
        CacheFileWriter writer = new();
        writer.AddFact("guest", "process");
        writer.Code.Write([0x48, 0xff, 0xc0, 0xeb, 0xfb, 0x90, 0xc3]);
        writer.Blocks.Add(new BlockRecord { Address = 0x1000, Physical = 0x1000, CodeLength = 5, Instructions = 2, Mode = 2, Interpreted = 4, Gone = uint.MaxValue });
        writer.Blocks.Add(new BlockRecord { Address = 0x1010, Physical = 0x1010, CodeOffset = 5, CodeLength = 2, Instructions = 2, Mode = 2, Regions = 1, Gone = uint.MaxValue });
        writer.HostCode.Write([0xcc]);
        writer.Regions.Add(new RegionRecord { HostAddress = 0x7f0000000000, HostLength = 1, Parts = 2, Instructions = 4, Head = 1, Gone = uint.MaxValue });
        writer.Parts.Add(new RegionPartRecord { Block = 1, Executions = 3 });
        writer.Parts.Add(new RegionPartRecord { Block = 0, Entry = -1 });
        writer.Jumps.Add(new RegionJumpRecord { From = 1 });
        writer.Exits.Add(new ExitRecord { Address = 0x1010, Count = 7, Kind = ExitKind.RegionBranch, Block = 1 });
        writer.Invalidations.Add(new InvalidationRecord { Instruction = 0x1000, Address = 0x1010, Length = 1, Count = 2, Block = 1 });
        writer.Sites.Add(new SiteRecord { Address = 0x1000, Count = 1 });
        writer.AddSymbol(0x1000, 16, "naïve");
        writer.AddModule(0x1000, 0x2000, 0, "/bin/program");
        return writer;
    }

    /// <summary>Makes the checksums right again, as far as the table still leads to sections.</summary>
    private static void Seal(byte[] bytes)
    {
        for (int i = 0; i < Sections; i++)
        {
            Span<byte> section = bytes.AsSpan(HeaderLength + (i * 32), 32);
            ulong offset = BinaryPrimitives.ReadUInt64LittleEndian(section[8..]);
            ulong length = BinaryPrimitives.ReadUInt64LittleEndian(section[16..]);
            if (offset <= (ulong)bytes.Length && length <= (ulong)bytes.Length - offset)
            {
                BinaryPrimitives.WriteUInt32LittleEndian(section[24..], Checksum.Of(bytes.AsSpan((int)offset, (int)length)));
            }
        }

        BinaryPrimitives.WriteUInt32LittleEndian(bytes.AsSpan(24), Checksum.Of(bytes.AsSpan(HeaderLength, TableLength)));
        BinaryPrimitives.WriteUInt32LittleEndian(bytes.AsSpan(28), Checksum.Of(bytes.AsSpan(0, 28)));
    }

    private delegate void Edit<T>(ref T record);

    private static void Change<T>(List<T> records, Edit<T> edit) => edit(ref CollectionsMarshal.AsSpan(records)[0]);
}
