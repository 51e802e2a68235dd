using System.Diagnostics;
using System.Runtime.InteropServices;
using Jitvmm.Runtime.CodeCache;
using Jitvmm.Runtime.Execution;
using Jitvmm.Runtime.Host;
using Jitvmm.Runtime.Interpret;
using Jitvmm.Translator.Emit;

namespace Jitvmm.Translator.Regions;

/// <summary>
/// Tier 1: takes hot blocks, compiles their regions on a background thread (or at once), and publishes each by
/// replacing the heads of its entry blocks. A region goes when any of its blocks becomes stale.
/// </summary>
public sealed unsafe class RegionCompiler : IRegionCompiler
{
    /// <summary>What RyuJIT makes of a guest instruction, about: what it reports is not available for dynamic methods.</summary>
    private const int HostBytesPerInstruction = 64;

    private const long SysFutex = 202;

    // FUTEX_WAIT and FUTEX_WAKE with FUTEX_PRIVATE_FLAG.
    private const int FutexWait = 128;
    private const int FutexWake = 129;

    private readonly CodeCache _cache;
    private readonly RegionBuilder _builder;
    private readonly bool _synchronous;
    private readonly ulong _threshold;
    private readonly Dictionary<TranslationBlock, List<Region>> _regionsOf = [];
    private readonly HashSet<Region> _regions = [];

    /// <summary>Regions no longer entered; a vCPU may still be inside, so they stay until the next flush.</summary>
    private readonly List<Region> _retired = [];

    private readonly Queue<TranslationBlock> _queue = new();
    private readonly Lock _queueGate = new();

    /// <summary>Counts enqueued blocks; the background thread sleeps on it as a futex.</summary>
    private readonly int* _enqueued;

    private Thread? _thread;

    /// <summary>The background thread's record (a <see cref="HostThread"/>); 0 until it runs.</summary>
    private nint _worker;

    public RegionCompiler(CodeCache cache, ulong threshold, bool synchronous, bool isChecked)
    {
        _cache = cache;
        _enqueued = (int*)NativeMemory.AllocZeroed(sizeof(int));
        _builder = new RegionBuilder(cache);
        _synchronous = synchronous;
        _threshold = threshold;
        IsChecked = isChecked;
        cache.BlockInvalidated = Retire;
        cache.Flushed = Forget;
        cache.WritableCodeFound = RequireChecks;
    }

    /// <summary>Held while a region is compiled: with synchronous compilation every vCPU does.</summary>
    private readonly Lock _compileGate = new();

    /// <summary>Whether compiled code checks each access (see <see cref="EngineOptions.Checked"/>).</summary>
    public bool IsChecked { get; private set; }

    public RegionStatistics Statistics { get; } = new();

    /// <summary>
    /// From now on compiled code checks permissions of each access; code that does not is left by every vCPU
    /// before this returns. The caller's vCPU is outside generated code.
    /// </summary>
    public void RequireChecks()
    {
        if (IsChecked)
        {
            return;
        }

        lock (_cache.Gate)
        {
            IsChecked = true;
            _cache.Quiesce(() =>
            {
                foreach (Region region in _regions.ToArray())
                {
                    Retire(region);
                }
            });
        }
    }

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
            if (_thread == null)
            {
                _thread = new Thread(Work) { IsBackground = true, Name = "Region compiler" };
                _thread.Start();
            }
        }

        Interlocked.Increment(ref *_enqueued);
        _ = HostCalls.Raw(SysFutex, (ulong)_enqueued, FutexWake, 1);
    }

    /// <summary>
    /// With the fork gate closed: returns when the background thread is stopped at it, or asleep. Wherever else a fork
    /// left it, the child's runtime would wait for it for ever.
    /// </summary>
    public void AwaitStopped()
    {
        while (_thread != null && (Volatile.Read(ref _worker) == 0 || ((HostThread*)_worker)->InNative == 0))
        {
            Thread.Yield();
        }
    }

    /// <summary>In the child of a fork, where the background thread is gone: the next hot block starts another.</summary>
    public void ResetAfterFork()
    {
        _queue.Clear();
        _thread = null;
        _worker = 0;
    }

    /// <summary>The background thread. It sleeps in the host kernel, not on .NET's primitives: a thread that a fork lost must not be in their queues.</summary>
    private void Work()
    {
        HostSignals.BlockInThisThread();
        HostThread* self = HostThreads.Enter();
        Volatile.Write(ref _worker, (nint)self);
        while (true)
        {
            self->Interrupt = 0;
            HostCalls.WaitAtGate(self);
            int seen = Volatile.Read(ref *_enqueued);
            TranslationBlock? block;
            lock (_queueGate)
            {
                _queue.TryDequeue(out block);
            }

            if (block != null)
            {
                Compile(block);
            }
            else
            {
                _ = HostCalls.Blocking(self, SysFutex, (ulong)_enqueued, FutexWait, (ulong)seen);
            }
        }
    }

    private void Compile(TranslationBlock block)
    {
        lock (_compileGate)
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

            bool isChecked = IsChecked;
            Region region = RegionEmitter.Compile(blocks, isChecked);
            Statistics.CompileTime += Stopwatch.GetElapsedTime(start);
            Statistics.RegionsCompiled++;
            Statistics.InstructionsCompiled += region.InstructionCount;
            Publish(region, isChecked);
        }
    }

    private void Publish(Region region, bool isChecked)
    {
        lock (_cache.Gate)
        {
            if (isChecked != IsChecked || region.Blocks.Exists(block => block.IsStale))
            {
                return;
            }

            _cache.RegionBytes += region.InstructionCount * HostBytesPerInstruction;

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
            Retire(region);
        }
    }

    private void Retire(Region region)
    {
        if (!_regions.Remove(region))
        {
            return;
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
