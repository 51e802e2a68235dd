using System.Diagnostics;
using Jitvmm.Runtime.CodeCache;
using Jitvmm.Runtime.Execution;
using Jitvmm.Runtime.Interpret;
using Jitvmm.Translator.Emit;

namespace Jitvmm.Translator.Regions;

/// <summary>
/// Tier 1: takes hot blocks, compiles their regions on a background thread (or at once), and publishes each by
/// replacing the heads of its entry blocks. A region goes when any of its blocks becomes stale.
/// </summary>
public sealed unsafe class RegionCompiler : IRegionCompiler
{
    private readonly CodeCache _cache;
    private readonly RegionBuilder _builder;
    private readonly bool _synchronous;
    private readonly ulong _threshold;
    private readonly Dictionary<TranslationBlock, List<Region>> _regionsOf = [];
    private readonly List<Region> _regions = [];

    /// <summary>Regions no longer entered; a vCPU may still be inside, so they stay until the next flush.</summary>
    private readonly List<Region> _retired = [];

    private Queue<TranslationBlock> _queue = new();

    /// <summary>Guards and signals the queue.</summary>
    private object _queueGate = new();
    private Thread? _thread;

    public RegionCompiler(CodeCache cache, ulong threshold, bool synchronous, bool isChecked)
    {
        _cache = cache;
        _builder = new RegionBuilder(cache);
        _synchronous = synchronous;
        _threshold = threshold;
        IsChecked = isChecked;
        cache.BlockInvalidated = Retire;
        cache.Flushed = Forget;
    }

    /// <summary>Held while a region is compiled. A fork takes it, so that no compilation is cut in half.</summary>
    public Lock CompileGate { get; } = new();

    public bool IsChecked { get; }

    public RegionStatistics Statistics { get; } = new();

    public void BlockIsHot(TranslationBlock block)
    {
        if (_synchronous)
        {
            Compile(block);
            return;
        }

        lock (_queueGate)
        {
            _queue.Enqueue(block);
            Monitor.Pulse(_queueGate);
            if (_thread == null)
            {
                _thread = new Thread(Work) { IsBackground = true, Name = "Region compiler" };
                _thread.Start();
            }
        }

    }

    /// <summary>In the child of a fork, where the background thread is gone: starts with a new queue.</summary>
    public void ResetAfterFork()
    {
        _queue = new Queue<TranslationBlock>();
        _queueGate = new object();
        _thread = null;
    }

    private void Work()
    {
        while (true)
        {
            TranslationBlock? block;
            lock (_queueGate)
            {
                while (!_queue.TryDequeue(out block))
                {
                    Monitor.Wait(_queueGate);
                }
            }

            Compile(block);
        }
    }

    private void Compile(TranslationBlock block)
    {
        lock (CompileGate)
        {
            if (block.IsStale || _regionsOf.ContainsKey(block) && block.HasRegion)
            {
                return;
            }

            long start = Stopwatch.GetTimestamp();
            if (_builder.Build(block) is not { } blocks)
            {
                return;
            }

            Region region = RegionEmitter.Compile(blocks, IsChecked);
            Statistics.CompileTime += Stopwatch.GetElapsedTime(start);
            Statistics.RegionsCompiled++;
            Statistics.InstructionsCompiled += region.InstructionCount;
            Publish(region);
        }
    }

    private void Publish(Region region)
    {
        lock (_cache.Gate)
        {
            if (region.Blocks.Exists(block => block.IsStale))
            {
                _retired.Add(region);
                return;
            }

            _regions.Add(region);
            foreach (TranslationBlock block in region.Blocks)
            {
                if (!_regionsOf.TryGetValue(block, out List<Region>? list))
                {
                    _regionsOf[block] = list = [];
                }

                list.Add(region);
            }

            foreach ((TranslationBlock block, int entry) in region.Entries)
            {
                // An entry another region owns keeps it, except the block this region was made for.
                if (!block.HasRegion || entry == 0)
                {
                    block.EnterRegion(region.Code, entry, BlockHandlers.RegionAddress);
                }
            }
        }
    }

    /// <summary>A block's bytes changed: every region made of it must not be entered again.</summary>
    private void Retire(TranslationBlock block)
    {
        if (!_regionsOf.Remove(block, out List<Region>? regions))
        {
            return;
        }

        foreach (Region region in regions)
        {
            if (!_regions.Remove(region))
            {
                continue;
            }

            _retired.Add(region);
            Statistics.RegionsInvalidated++;
            foreach ((TranslationBlock entry, _) in region.Entries)
            {
                if (!entry.IsStale && entry.RegionCode == region.Code)
                {
                    entry.LeaveRegion(BlockHandlers.EnterAddress, _threshold);
                }
            }
        }
    }

    private void Forget()
    {
        _regions.Clear();
        _retired.Clear();
        _regionsOf.Clear();
        lock (_queueGate)
        {
            _queue.Clear();
        }
    }
}
