using Jitvmm.Runtime.CodeCache;
using Jitvmm.Runtime.Cpu;
using Jitvmm.Runtime.Execution;
using Jitvmm.Translator.Regions;

namespace Jitvmm.Inspector.Recording;

/// <summary>How many guest instructions each tier has executed by some time.</summary>
/// <param name="Milliseconds">Since sampling began.</param>
/// <param name="Interpreted">In tier 0, as blocks count them: one that was left in its middle counts whole.</param>
/// <param name="Compiled">In tier 1.</param>
public readonly record struct TierSample(double Milliseconds, ulong Interpreted, ulong Compiled);

/// <summary>
/// Samples how guest instructions are shared between the tiers while a guest runs. In place of a <see cref="CacheRecorder"/>: it keeps totals, and nothing of any block.
/// </summary>
/// <remarks>
/// A vCPU that comes back from generated code takes a sample when one is due. So there is no thread that a fork would lose, and where vCPUs stay in compiled code for long a sample is of all that time.
/// Compiled code counts the blocks it runs, which makes it slower by some percent: shares are right, times are not those of a run that is not sampled.
/// </remarks>
public sealed unsafe class TierSampler : ICacheObserver, IRegionObserver
{
    /// <summary>Beyond this every other one is forgotten, and as many are taken from then on.</summary>
    private const int MostSamples = 2048;

    /// <summary>Taking a sample may cost at most this part of the time between two.</summary>
    private const double LargestPart = 0.05;

    private readonly CodeCache _cache;
    private readonly long _start = System.Diagnostics.Stopwatch.GetTimestamp();
    private readonly List<TierSample> _samples = [new(0, 0, 0)];
    private readonly List<(RegionCounters Counters, (int Counter, int Instructions)[] Blocks)> _regions = [];
    private double _interval = 5;
    private double _next;

    /// <summary>Of blocks and regions that are gone.</summary>
    private ulong _interpretedBefore;
    private ulong _compiledBefore;

    private TierSampler(CodeCache cache) => _cache = cache;

    private double Now => System.Diagnostics.Stopwatch.GetElapsedTime(_start).TotalMilliseconds;

    /// <summary>Begins to sample. Before any vCPU runs.</summary>
    /// <param name="cache">The guest's translations, which nobody else observes.</param>
    /// <param name="compiler">Its tier 1; null when there is none.</param>
    public static TierSampler Attach(CodeCache cache, RegionCompiler? compiler)
    {
        TierSampler sampler = new(cache);
        cache.Observer = sampler;
        if (compiler != null)
        {
            compiler.Observer = sampler;
            compiler.CountsEvents = true;
        }

        return sampler;
    }

    /// <summary>The samples so far, with one of now, oldest first.</summary>
    public IReadOnlyList<TierSample> Finish()
    {
        lock (_cache.Gate)
        {
            Take();
            return [.. _samples];
        }
    }

    /// <inheritdoc/>
    public void Left(BlockExit exit, CpuState* state)
    {
        // A sample that somebody else takes, or that would wait, can come later.
        if (Now < Volatile.Read(ref _next) || !_cache.Gate.TryEnter())
        {
            return;
        }

        try
        {
            Take();
        }
        finally
        {
            _cache.Gate.Exit();
        }
    }

    /// <inheritdoc/>
    public void Added(TranslationBlock block)
    {
    }

    /// <inheritdoc/>
    public void Invalidated(TranslationBlock block, in CodeChange change)
    {
        ArgumentNullException.ThrowIfNull(block);
        _interpretedBefore += block.TimesInterpreted * (ulong)block.InstructionCount;
    }

    /// <inheritdoc/>
    public void Flushing()
    {
        _interpretedBefore += InterpretedByBlocks();
        _compiledBefore += CompiledByRegions();
        foreach ((RegionCounters counters, _) in _regions)
        {
            counters.Dispose();
        }

        _regions.Clear();
    }

    /// <inheritdoc/>
    public void ProgramReplaced()
    {
    }

    /// <inheritdoc/>
    public void Published(Region region)
    {
        ArgumentNullException.ThrowIfNull(region);
        if (region.Counters is not { } counters)
        {
            return;
        }

        Dictionary<ulong, int> instructions = [];
        foreach (TranslationBlock block in region.Blocks)
        {
            instructions[block.Address] = block.InstructionCount;
        }

        List<(int, int)> blocks = [];
        for (int i = 0; i < counters.Count; i++)
        {
            if (counters[i].Event == RegionEvent.Block)
            {
                blocks.Add((i, instructions.GetValueOrDefault(counters[i].Address)));
            }
        }

        _regions.Add((counters, [.. blocks]));
    }

    /// <summary>A vCPU may still be inside: it counts until the cache is flushed.</summary>
    public void Retired(Region region)
    {
    }

    private void Take()
    {
        double before = Now;

        // A block that is just being offered to tier 1 has counted once too often until it is entered again.
        ulong interpreted = Math.Max(_samples[^1].Interpreted, _interpretedBefore + InterpretedByBlocks());
        _samples.Add(new TierSample(before, interpreted, _compiledBefore + CompiledByRegions()));
        if (_samples.Count > MostSamples)
        {
            for (int i = _samples.Count - 2; i > 0; i -= 2)
            {
                _samples.RemoveAt(i);
            }

            _interval *= 2;
        }

        double after = Now;
        Volatile.Write(ref _next, after + Math.Max(_interval, (after - before) / LargestPart));
    }

    private ulong InterpretedByBlocks()
    {
        ulong sum = 0;
        foreach (TranslationBlock block in _cache.Blocks)
        {
            sum += block.TimesInterpreted * (ulong)block.InstructionCount;
        }

        return sum;
    }

    private ulong CompiledByRegions()
    {
        ulong sum = 0;
        foreach ((RegionCounters counters, (int Counter, int Instructions)[] blocks) in _regions)
        {
            foreach ((int counter, int instructions) in blocks)
            {
                sum += counters.Read(counter) * (ulong)instructions;
            }
        }

        return sum;
    }
}
