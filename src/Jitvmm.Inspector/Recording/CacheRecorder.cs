using System.Diagnostics.Tracing;
using System.Globalization;
using System.Runtime.InteropServices;
using Jitvmm.Inspector.Files;
using Jitvmm.Inspector.Live;
using Jitvmm.Inspector.Reports;
using Jitvmm.Runtime.CodeCache;
using Jitvmm.Runtime.Cpu;
using Jitvmm.Runtime.Execution;
using Jitvmm.Runtime.Memory;
using Jitvmm.Runtime.Paravirt;
using Jitvmm.Translator.Regions;

namespace Jitvmm.Inspector.Recording;

/// <summary>
/// Records what becomes of the translations of one guest, from before it runs, for <see cref="Describe"/> to put into a cache file (decision 0500).
/// </summary>
/// <remarks>
/// Blocks are kept by place and bytes, so that code thrown away and translated again is one block, and a program that rewrites itself for ever adds blocks only while its bytes are new.
/// </remarks>
public sealed unsafe class CacheRecorder : ICacheObserver, IRegionObserver
{
    /// <summary>Blocks, and exits of one kind, told apart; what comes beyond is only counted.</summary>
    public const int Capacity = 4_000_000;

    /// <summary>Other bytes at one place that are looked through for the same again.</summary>
    private const int LongestSearch = 16;

    /// <summary>Blocks that are described while the gate is held once.</summary>
    private const int Portion = 4096;

    /// <summary>Regions that are.</summary>
    private const int RegionPortion = 32;

    /// <summary>Bytes of code of a block, about: for the room that those need which come meanwhile.</summary>
    private const int BytesOfBlock = 32;

    private readonly CodeCache _cache;
    private readonly HypercallSites? _sites;

    /// <summary>Blocks as the file will have them, in one piece: a snapshot is a copy.</summary>
    private readonly List<BlockRecord> _records = [];

    /// <summary>The translation of each; null while it has none.</summary>
    private readonly List<TranslationBlock?> _translations = [];

    /// <summary>Their bytes, one behind the other.</summary>
    private readonly ByteSection _code = new();
    private readonly Dictionary<CodeLocation, RecordedBlock> _latest = [];
    private readonly Dictionary<TranslationBlock, RecordedBlock> _live = [];
    private readonly List<RecordedRegion> _regions = [];

    /// <summary>Those whose counters may still run.</summary>
    private readonly Dictionary<Region, RecordedRegion> _open = [];
    private readonly Dictionary<(uint Block, CodeChangeKind Kind, ulong Instruction), InvalidationRecord> _invalidations = [];
    private readonly Lock _exitGate = new();
    private readonly Dictionary<ulong, ulong>?[] _exits = new Dictionary<ulong, ulong>?[(int)ExitKind.Fetch + 1];
    private long _blocksNotRecorded;

    /// <summary>Counts the programs that began: what is recorded is of the last one.</summary>
    private int _programs;

    private CacheRecorder(CodeCache cache, HypercallSites? sites)
    {
        _cache = cache;
        _sites = sites;
    }

    /// <summary>Begins to record. Before any vCPU runs.</summary>
    /// <param name="cache">The guest's translations.</param>
    /// <param name="compiler">Its tier 1; null when there is none.</param>
    /// <param name="sites">Its hypercall sites; null when it has none.</param>
    /// <param name="counts">Whether compiled code counts what it runs.</param>
    public static CacheRecorder Attach(CodeCache cache, RegionCompiler? compiler, HypercallSites? sites = null, bool counts = true)
    {
        CacheRecorder recorder = new(cache, sites);
        cache.Observer = recorder;
        if (compiler != null)
        {
            compiler.Observer = recorder;
            compiler.CountsEvents = counts;
        }

        return recorder;
    }

    /// <summary>Who tells .NET's tools of it; null for nobody. Set before any vCPU runs.</summary>
    public JitvmmEventSource? Events { get; set; }

    /// <summary>When it began, in milliseconds of <see cref="Environment.TickCount64"/>.</summary>
    public long Start { get; } = Environment.TickCount64;

    private uint Now => (uint)Math.Min(Environment.TickCount64 - Start, uint.MaxValue - 1);

    /// <inheritdoc/>
    public void Added(TranslationBlock block)
    {
        ArgumentNullException.ThrowIfNull(block);
        byte[] code = Read(block);
        RecordedBlock? recorded = FindSame(block.Location, code) ?? Enter(block, code);
        if (recorded == null)
        {
            _blocksNotRecorded++;
            return;
        }

        ref BlockRecord record = ref RecordOf(recorded);
        record.NextPage = block.Location.NextPage;
        record.Instructions = (ushort)block.InstructionCount;
        record.Threshold = block.HotThreshold;
        record.ChecksFloat = _cache.ChecksFloatExceptions ? (byte)1 : (byte)0;
        record.Translations++;
        record.State = TranslationState.Live;
        record.Gone = uint.MaxValue;
        _translations[(int)recorded.Index] = block;
        _live[block] = recorded;
    }

    /// <inheritdoc/>
    public void Invalidated(TranslationBlock block, in CodeChange change)
    {
        if (!_live.Remove(block, out RecordedBlock? recorded))
        {
            return;
        }

        uint now = Now;
        _translations[(int)recorded.Index] = null;
        ref BlockRecord record = ref RecordOf(recorded);
        record.Interpreted += block.TimesInterpreted;
        record.State = TranslationState.Invalidated;
        record.Gone = now;
        record.Invalidations++;
        ref InvalidationRecord invalidation = ref CollectionsMarshal.GetValueRefOrAddDefault(_invalidations, (recorded.Index, change.Kind, change.Instruction), out bool isKnown);
        if (!isKnown)
        {
            invalidation = new InvalidationRecord { Block = recorded.Index, Kind = (byte)change.Kind, Instruction = change.Instruction, First = now };
        }

        invalidation.Count++;
        invalidation.Address = change.Address;
        invalidation.Length = change.Length;
        invalidation.Last = now;
        if (Events?.IsEnabled(EventLevel.Informational, JitvmmEventSource.Keywords.Invalidate) == true)
        {
            Events.BlockInvalidated((long)block.Address, InvalidationsReport.NameOf(change.Kind), (long)change.Instruction);
        }
    }

    /// <inheritdoc/>
    public void Flushing()
    {
        uint now = Now;
        if (Events?.IsEnabled(EventLevel.Informational, JitvmmEventSource.Keywords.Invalidate) == true)
        {
            Events.CacheFlushed(_live.Count);
        }

        foreach ((TranslationBlock block, RecordedBlock recorded) in _live)
        {
            _translations[(int)recorded.Index] = null;
            ref BlockRecord record = ref RecordOf(recorded);
            record.Interpreted += block.TimesInterpreted;
            record.State = TranslationState.Flushed;
            record.Gone = now;
        }

        _live.Clear();
        foreach (RecordedRegion region in _open.Values)
        {
            region.End();
            if (region.Record.State == TranslationState.Live)
            {
                region.Record.State = TranslationState.Flushed;
                region.Record.Gone = now;
            }
        }

        _open.Clear();
    }

    /// <summary>Forgets all: what is recorded is one program, whose addresses and symbols mean something together.</summary>
    public void ProgramReplaced()
    {
        lock (_cache.Gate)
        {
            _records.Clear();
            _translations.Clear();
            _code.Clear();
            _latest.Clear();
            _live.Clear();
            _regions.Clear();
            _invalidations.Clear();
            _blocksNotRecorded = 0;
            _programs++;
        }

        lock (_exitGate)
        {
            Array.Clear(_exits);
        }
    }

    /// <inheritdoc/>
    public void Left(BlockExit exit, CpuState* state)
    {
        ulong address = exit is BlockExit.Link ? ((TbOp*)state->CurrentOp)->Address : state->Rip;
        int kind = (int)ExitKinds.Of(exit);
        lock (_exitGate)
        {
            Dictionary<ulong, ulong> counts = _exits[kind] ??= [];
            if (counts.Count >= Capacity && !counts.ContainsKey(address))
            {
                address = 0;
            }

            CollectionsMarshal.GetValueRefOrAddDefault(counts, address, out _)++;
        }
    }

    /// <inheritdoc/>
    public void Published(Region region)
    {
        ArgumentNullException.ThrowIfNull(region);
        RecordedRegion recorded = new(region, HostCodeReader.Read(region.Code), Now, block => _live.TryGetValue(block, out RecordedBlock? known) ? known.Index : null);
        foreach (RegionPartRecord part in recorded.Parts)
        {
            CollectionsMarshal.AsSpan(_records)[(int)part.Block].Regions += part.Entry == RegionPartRecord.Dependency ? 0u : 1u;
        }

        _regions.Add(recorded);
        _open[region] = recorded;
        if (Events?.IsEnabled(EventLevel.Informational, JitvmmEventSource.Keywords.Compile) == true)
        {
            Events.RegionCompiled((long)region.Entries[0].Block.Address, region.InstructionCount, recorded.HostCode.Length, recorded.Record.CompileTime);
        }
    }

    /// <inheritdoc/>
    public void Retired(Region region)
    {
        if (_open.TryGetValue(region, out RecordedRegion? recorded))
        {
            recorded.Record.State = TranslationState.Invalidated;
            recorded.Record.Gone = Now;
        }
    }

    /// <summary>Sums of what was recorded so far. Any thread; the gate is held for a part of the records at a time.</summary>
    public CacheTotals Total()
    {
        CacheTotals totals = new() { Exits = ExitsToLoop() };
        bool isDone = false;
        for (int i = 0; !isDone;)
        {
            lock (_cache.Gate)
            {
                ReadOnlySpan<BlockRecord> records = CollectionsMarshal.AsSpan(_records);
                for (int end = Math.Min(records.Length, i + Portion); i < end; i++)
                {
                    double interpreted = records[i].Interpreted + (_translations[i]?.TimesInterpreted ?? 0);
                    totals = totals with
                    {
                        Interpreted = totals.Interpreted + (interpreted * records[i].Instructions),
                        Translations = totals.Translations + records[i].Translations,
                        Invalidations = totals.Invalidations + records[i].Invalidations,
                    };
                }

                isDone = i >= records.Length;
            }
        }

        isDone = false;
        for (int i = 0; !isDone;)
        {
            lock (_cache.Gate)
            {
                _cache.RequestExits();
                for (int end = Math.Min(_regions.Count, i + RegionPortion); i < end; i++)
                {
                    totals = Add(totals, _regions[i]);
                }

                isDone = i >= _regions.Count;
                totals = totals with { Regions = _regions.Count, CacheBytes = _cache.UsedBytes + _cache.RegionBytes };
            }
        }

        return totals;
    }

    private CacheTotals Add(in CacheTotals totals, RecordedRegion region)
    {
        double compiled = 0;
        double exits = 0;
        region.Count();
        foreach (RegionPartRecord part in region.Parts)
        {
            compiled += (double)part.Executions * _records[(int)part.Block].Instructions;
        }

        foreach ((_, ulong count) in region.Exits)
        {
            exits += count;
        }

        return totals with { Compiled = totals.Compiled + compiled, Exits = totals.Exits + exits };
    }

    private double ExitsToLoop()
    {
        double exits = 0;
        lock (_exitGate)
        {
            foreach (Dictionary<ulong, ulong>? counts in _exits)
            {
                foreach (ulong count in counts?.Values ?? Enumerable.Empty<ulong>())
                {
                    exits += count;
                }
            }
        }

        return exits;
    }

    /// <summary>Puts what was recorded so far into a file that has no records yet. Any thread; counts of vCPUs that run are those of about now.</summary>
    /// <remarks>
    /// The cache's gate is held for a part of the records at a time: a guest that runs waits for a millisecond at most, not for all of a hundred thousand blocks. Blocks and regions are
    /// only ever added, so what was copied before stays right; where another program began meanwhile, all is begun anew.
    /// </remarks>
    public void Describe(CacheFileWriter writer)
    {
        ArgumentNullException.ThrowIfNull(writer);
        lock (_cache.Gate)
        {
            // A loop of one block counts in a local: vCPUs that leave write it down.
            _cache.RequestExits();
            writer.AddFact("recorded-ms", Now.ToString(CultureInfo.InvariantCulture));
            writer.AddFact("blocks-not-recorded", _blocksNotRecorded.ToString(CultureInfo.InvariantCulture));
            writer.AddFact("cache-flushes", _cache.Statistics.Flushes.ToString(CultureInfo.InvariantCulture));
            writer.AddFact("programs", _programs.ToString(CultureInfo.InvariantCulture));
            writer.AddFact("cache-bytes", (_cache.UsedBytes + _cache.RegionBytes).ToString(CultureInfo.InvariantCulture));
        }

        while (!TryDescribeRecords(writer))
        {
            writer.ForgetRecords();
        }

        DescribeExits(writer);
    }

    /// <summary>False when another program began meanwhile.</summary>
    private bool TryDescribeRecords(CacheFileWriter writer)
    {
        int program;
        int blocks;
        int bytes;
        lock (_cache.Gate)
        {
            program = _programs;
            blocks = _records.Count;
            bytes = _code.Length;
        }

        writer.Blocks.EnsureCapacity(blocks + Portion);
        writer.Code.Reserve(bytes + (Portion * BytesOfBlock));

        int regions = -1;
        while (regions < 0)
        {
            lock (_cache.Gate)
            {
                if (program != _programs)
                {
                    return false;
                }

                DescribeBlocks(writer, Math.Min(_records.Count, writer.Blocks.Count + Portion));
                if (writer.Blocks.Count == _records.Count)
                {
                    // What refers to blocks, while there are no others.
                    regions = _regions.Count;
                    writer.Invalidations.AddRange(_invalidations.Values);
                    DescribeSites(writer);
                }
            }
        }

        while (writer.Regions.Count < regions)
        {
            lock (_cache.Gate)
            {
                if (program != _programs)
                {
                    return false;
                }

                DescribeRegions(writer, Math.Min(regions, writer.Regions.Count + RegionPortion));
            }
        }

        return true;
    }

    private void DescribeBlocks(CacheFileWriter writer, int end)
    {
        int first = writer.Blocks.Count;
        if (first == end)
        {
            return;
        }

        ref BlockRecord last = ref CollectionsMarshal.AsSpan(_records)[end - 1];
        writer.Code.Write(_code.Bytes[writer.Code.Length..(int)(last.CodeOffset + last.CodeLength)]);
        writer.Blocks.AddRange(CollectionsMarshal.AsSpan(_records)[first..end]);
        Span<BlockRecord> records = CollectionsMarshal.AsSpan(writer.Blocks);
        for (int i = first; i < end; i++)
        {
            if (_translations[i] is { } block)
            {
                records[i].Interpreted += block.TimesInterpreted;
                records[i].IsEntry = block.HasRegion ? (byte)1 : (byte)0;
            }
        }
    }

    private void DescribeRegions(CacheFileWriter writer, int end)
    {
        Span<BlockRecord> blocks = CollectionsMarshal.AsSpan(writer.Blocks);
        for (int i = writer.Regions.Count; i < end; i++)
        {
            RecordedRegion region = _regions[i];
            region.Count();
            uint index = (uint)writer.Regions.Count;
            RegionRecord record = region.Record;
            record.HostOffset = (ulong)writer.HostCode.Length;
            record.FirstPart = (uint)writer.Parts.Count;
            record.Parts = (uint)region.Parts.Length;
            record.FirstJump = (uint)writer.Jumps.Count;
            record.Jumps = (ushort)region.Jumps.Count;
            writer.Jumps.AddRange(region.Jumps);
            writer.HostCode.Write(region.HostCode);
            foreach (RegionPartRecord part in region.Parts)
            {
                writer.Parts.Add(part);
                blocks[(int)part.Block].Compiled += part.Executions;
            }

            writer.Regions.Add(record);
            foreach (((ExitKind kind, ulong address), ulong count) in region.Exits)
            {
                if (count > 0)
                {
                    writer.Exits.Add(new ExitRecord { Kind = kind, Address = address, Count = count, Region = index, Block = ExitRecord.None });
                }
            }
        }
    }

    private void DescribeExits(CacheFileWriter writer)
    {
        lock (_exitGate)
        {
            writer.Exits.EnsureCapacity(writer.Exits.Count + _exits.Sum(static counts => counts?.Count ?? 0));
            for (int kind = 0; kind < _exits.Length; kind++)
            {
                foreach ((ulong address, ulong count) in _exits[kind] ?? [])
                {
                    writer.Exits.Add(new ExitRecord { Kind = (ExitKind)kind, Address = address, Count = count, Region = ExitRecord.None, Block = ExitRecord.None });
                }
            }
        }
    }

    private void DescribeSites(CacheFileWriter writer)
    {
        foreach (HypercallSite site in _sites?.All ?? [])
        {
            writer.Sites.Add(new SiteRecord
            {
                Address = site.Address,
                Physical = site.Physical,
                Number = site.Number ?? 0,
                HasNumber = site.Number.HasValue ? (byte)1 : (byte)0,
                Count = _sites!.TimesTaken(site.Index),
                Instruction = (byte)site.Instruction,
                Kind = (byte)site.Kind,
                IsReplaced = site.IsReplaced ? (byte)1 : (byte)0,
            });
        }
    }

    private byte[] Read(TranslationBlock block)
    {
        CodeLocation location = block.Location;
        int length = (int)(block.End - block.Address);
        byte[] code = new byte[length];
        int inFirst = location.NextPage == 0 ? length : Math.Min(length, GuestPages.BytesInPage(location.Physical));
        new ReadOnlySpan<byte>(CodeAt(location.Physical), inFirst).CopyTo(code);
        if (inFirst < length)
        {
            new ReadOnlySpan<byte>(CodeAt(location.NextPage), length - inFirst).CopyTo(code.AsSpan(inFirst));
        }

        return code;
    }

    private byte* CodeAt(ulong physical) => _sites?.Page is { } page && page.Owns(physical) ? page.CodeAt(physical) : _cache.Memory.HostBase + physical;

    private RecordedBlock? FindSame(in CodeLocation location, byte[] code)
    {
        RecordedBlock? candidate = _latest.GetValueOrDefault(location with { NextPage = 0 });
        for (int i = 0; candidate != null && i < LongestSearch; i++)
        {
            if (CodeOf(candidate).SequenceEqual(code))
            {
                return candidate;
            }

            candidate = candidate.Before;
        }

        return null;
    }

    private RecordedBlock? Enter(TranslationBlock block, byte[] code)
    {
        if (_records.Count == Capacity)
        {
            return null;
        }

        CodeLocation key = block.Location with { NextPage = 0 };
        RecordedBlock recorded = new((uint)_records.Count, _latest.GetValueOrDefault(key));
        _records.Add(new BlockRecord
        {
            Address = block.Location.Address,
            Physical = block.Location.Physical,
            NextPage = block.Location.NextPage,
            Mode = (ushort)block.Location.Mode,
            CodeOffset = (ulong)_code.Length,
            CodeLength = (uint)code.Length,
            Made = Now,
        });
        _translations.Add(null);
        _code.Write(code);
        _latest[key] = recorded;
        return recorded;
    }

    private ref BlockRecord RecordOf(RecordedBlock block) => ref CollectionsMarshal.AsSpan(_records)[(int)block.Index];

    private ReadOnlySpan<byte> CodeOf(RecordedBlock block)
    {
        ref BlockRecord record = ref RecordOf(block);
        return _code.Bytes.Slice((int)record.CodeOffset, (int)record.CodeLength);
    }
}
