using System.Globalization;
using System.Runtime.InteropServices;
using Jitvmm.Inspector.Files;
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

    private readonly CodeCache _cache;
    private readonly HypercallSites? _sites;
    private readonly long _start = Environment.TickCount64;
    private readonly List<RecordedBlock> _blocks = [];
    private readonly Dictionary<CodeLocation, RecordedBlock> _latest = [];
    private readonly Dictionary<TranslationBlock, RecordedBlock> _live = [];
    private readonly List<RecordedRegion> _regions = [];

    /// <summary>Those whose counters may still run.</summary>
    private readonly Dictionary<Region, RecordedRegion> _open = [];
    private readonly Dictionary<(uint Block, CodeChangeKind Kind, ulong Instruction), InvalidationRecord> _invalidations = [];
    private readonly Lock _exitGate = new();
    private readonly Dictionary<ulong, ulong>?[] _exits = new Dictionary<ulong, ulong>?[(int)ExitKind.Fetch + 1];
    private long _blocksNotRecorded;

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

    private uint Now => (uint)Math.Min(Environment.TickCount64 - _start, uint.MaxValue - 1);

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

        ref BlockRecord record = ref recorded.Record;
        record.NextPage = block.Location.NextPage;
        record.Instructions = (ushort)block.InstructionCount;
        record.Threshold = block.HotThreshold;
        record.ChecksFloat = _cache.ChecksFloatExceptions ? (byte)1 : (byte)0;
        record.Translations++;
        record.State = TranslationState.Live;
        record.Gone = uint.MaxValue;
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
        recorded.Record.Interpreted += block.TimesInterpreted;
        recorded.Record.State = TranslationState.Invalidated;
        recorded.Record.Gone = now;
        recorded.Record.Invalidations++;
        ref InvalidationRecord invalidation = ref CollectionsMarshal.GetValueRefOrAddDefault(_invalidations, (recorded.Index, change.Kind, change.Instruction), out bool isKnown);
        if (!isKnown)
        {
            invalidation = new InvalidationRecord { Block = recorded.Index, Kind = (byte)change.Kind, Instruction = change.Instruction, First = now };
        }

        invalidation.Count++;
        invalidation.Address = change.Address;
        invalidation.Length = change.Length;
        invalidation.Last = now;
    }

    /// <inheritdoc/>
    public void Flushing()
    {
        uint now = Now;
        foreach ((TranslationBlock block, RecordedBlock recorded) in _live)
        {
            recorded.Record.Interpreted += block.TimesInterpreted;
            recorded.Record.State = TranslationState.Flushed;
            recorded.Record.Gone = now;
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
            _blocks.Clear();
            _latest.Clear();
            _live.Clear();
            _regions.Clear();
            _invalidations.Clear();
            _blocksNotRecorded = 0;
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
            _blocks[(int)part.Block].Record.Regions += part.Entry == RegionPartRecord.Dependency ? 0u : 1u;
        }

        _regions.Add(recorded);
        _open[region] = recorded;
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

    /// <summary>Puts what was recorded so far into a file. Any thread; counts of vCPUs that run are those of about now.</summary>
    public void Describe(CacheFileWriter writer)
    {
        ArgumentNullException.ThrowIfNull(writer);
        lock (_cache.Gate)
        {
            writer.AddFact("recorded-ms", Now.ToString(CultureInfo.InvariantCulture));
            writer.AddFact("blocks-not-recorded", _blocksNotRecorded.ToString(CultureInfo.InvariantCulture));
            writer.AddFact("cache-flushes", _cache.Statistics.Flushes.ToString(CultureInfo.InvariantCulture));
            DescribeBlocks(writer);
            DescribeRegions(writer);
            writer.Invalidations.AddRange(_invalidations.Values);
            DescribeSites(writer);
        }

        DescribeExits(writer);
    }

    private void DescribeBlocks(CacheFileWriter writer)
    {
        int first = writer.Blocks.Count;
        foreach (RecordedBlock block in _blocks)
        {
            BlockRecord record = block.Record;
            record.CodeOffset = (ulong)writer.Code.Length;
            writer.Code.Write(block.Code);
            writer.Blocks.Add(record);
        }

        Span<BlockRecord> records = CollectionsMarshal.AsSpan(writer.Blocks)[first..];
        foreach ((TranslationBlock block, RecordedBlock recorded) in _live)
        {
            ref BlockRecord record = ref records[(int)recorded.Index];
            record.Interpreted += block.TimesInterpreted;
            record.IsEntry = block.HasRegion ? (byte)1 : (byte)0;
        }
    }

    private void DescribeRegions(CacheFileWriter writer)
    {
        Span<BlockRecord> blocks = CollectionsMarshal.AsSpan(writer.Blocks);
        foreach (RecordedRegion region in _regions)
        {
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
            for (int kind = 0; kind < _exits.Length; kind++)
            {
                foreach ((ulong address, ulong count) in _exits[kind] ?? [])
                {
                    writer.Exits.Add(new ExitRecord { Kind = (ExitKind)kind, Address = address, Count = count, Region = ExitRecord.None, Block = ExitRecord.None });
                }
            }
        }

        BlockIndex index = new(CollectionsMarshal.AsSpan(writer.Blocks));
        foreach (ref ExitRecord exit in CollectionsMarshal.AsSpan(writer.Exits))
        {
            exit.Block = index.Find(exit.Address) is { } block ? (uint)block : ExitRecord.None;
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
            if (candidate.Code.AsSpan().SequenceEqual(code))
            {
                return candidate;
            }

            candidate = candidate.Before;
        }

        return null;
    }

    private RecordedBlock? Enter(TranslationBlock block, byte[] code)
    {
        if (_blocks.Count == Capacity)
        {
            return null;
        }

        CodeLocation key = block.Location with { NextPage = 0 };
        RecordedBlock recorded = new(block.Location, code) { Index = (uint)_blocks.Count, Before = _latest.GetValueOrDefault(key) };
        recorded.Record.Made = Now;
        _blocks.Add(recorded);
        _latest[key] = recorded;
        return recorded;
    }
}
