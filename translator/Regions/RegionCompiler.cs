using System.Runtime.InteropServices;
using Jitvmm.Runtime.CodeCache;
using Jitvmm.Runtime.Execution;
using Jitvmm.Runtime.Host;
using Jitvmm.Runtime.Memory;
using Jitvmm.Runtime.Paravirt;
using Jitvmm.Translator.Emit;
using Jitvmm.Translator.Handlers;

namespace Jitvmm.Translator.Regions;

/// <summary>
/// Tier 1: takes hot blocks, compiles their regions on a background thread (or at once), and publishes each by
/// replacing the heads of its entry blocks. A region goes when any of its blocks becomes stale.
/// </summary>
public sealed unsafe class RegionCompiler : IRegionCompiler, IDisposable
{
    /// <summary>What RyuJIT makes of a guest instruction, about: what it reports is not available for dynamic methods.</summary>
    private const int HostBytesPerInstruction = 64;

    /// <summary>Regions whose host code is measured: the first, and then one of so many.</summary>
    private const int AlwaysMeasured = 32;
    private const int MeasuredOneOf = 8;

    /// <summary>A region that was left so often because of NaNs is compiled again, to keep their order.</summary>
    private const int MostNansMet = 16;

    private const long SysFutex = 202;

    // FUTEX_WAIT and FUTEX_WAKE with FUTEX_PRIVATE_FLAG.
    private const int FutexWait = 128;
    private const int FutexWake = 129;

    /// <summary>What waits to be compiled, and where its vCPU's code was when it became hot.</summary>
    private readonly record struct HotBlock(TranslationBlock Block, CodeMap? Map);

    private readonly CodeCache _cache;
    private readonly HandlerSet _handlers;
    private readonly RegionAccess _access;
    private readonly RegionBuilder _builder;

    /// <summary>Null when vCPUs do not wait for compilations.</summary>
    private readonly WaitingBudget? _budget;

    private readonly Dictionary<TranslationBlock, List<Region>> _regionsOf = [];
    private readonly HashSet<Region> _regions = [];

    /// <summary>Regions no longer entered; a vCPU may still be inside, so they stay until the next flush.</summary>
    private readonly List<Region> _retired = [];

    private readonly List<HotBlock> _queue = [];
    private readonly Lock _queueGate = new();

    /// <summary>Counts enqueued blocks; the background thread sleeps on it as a futex.</summary>
    private readonly int* _enqueued;

    /// <summary>Whether nobody but the one vCPU writes to memory, and whether that was so at first.</summary>
    private bool _isPrivate;
    private readonly bool _wasPrivate;

    private Thread? _thread;
    private volatile bool _stop;

    /// <summary>The background thread's record (a <see cref="HostThread"/>); 0 until it runs.</summary>
    private nint _worker;

    public RegionCompiler(CodeCache cache, HandlerSet handlers, bool synchronous, bool isChecked, bool isPrivate = false, ParavirtualInterface? paravirtual = null)
    {
        _cache = cache;
        _handlers = handlers;
        _enqueued = (int*)NativeMemory.AllocZeroed(sizeof(int));
        _builder = new RegionBuilder(cache, paravirtual);
        _budget = synchronous ? new WaitingBudget() : null;
        IsChecked = isChecked;
        _isPrivate = _wasPrivate = isPrivate;
        cache.BlockInvalidated += Retire;
        cache.Flushed += Forget;
        _access = cache.Memory is PhysicalMemory ? RegionAccess.Paged : RegionAccess.Direct;
        if (_access != RegionAccess.Paged)
        {
            cache.WritableCodeFound = RequireChecks;
        }
    }

    /// <summary>Held while a region is compiled: with synchronous compilation every vCPU does.</summary>
    private readonly Lock _compileGate = new();

    /// <summary>Whether compiled code checks each access (see <see cref="EngineOptions.Checked"/>).</summary>
    public bool IsChecked { get; private set; }

    public RegionStatistics Statistics { get; } = new();

    /// <summary>Who records what is compiled; null for nobody. Set before any vCPU runs.</summary>
    public IRegionObserver? Observer { get; set; }

    /// <summary>Compiled code counts the blocks it runs and the ways it is left. Set before any vCPU runs.</summary>
    public bool CountsEvents { get; set; }

    /// <summary>Statistics have the size of host code, of one region in some: following it to its end takes a few percent of what compiling it took. Set before any vCPU runs.</summary>
    public bool MeasuresHostCode { get; set; }

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

    /// <summary>
    /// From now on others write to memory, too: compiled code that assumes otherwise is left before this returns. The caller's vCPU is outside generated code.
    /// </summary>
    public void ShareMemory()
    {
        lock (_cache.Gate)
        {
            if (!_isPrivate)
            {
                return;
            }

            _isPrivate = false;
            _cache.Quiesce(() =>
            {
                foreach (Region region in _regions.Where(static region => region.AssumesPrivateMemory).ToArray())
                {
                    Retire(region);
                }
            });
        }
    }

    public void BlockIsHot(TranslationBlock block, CodeMap? map)
    {
        HotBlock hot = new(block, map);
        if (_budget != null)
        {
            lock (_queueGate)
            {
                Statistics.BlocksOffered++;
            }

            Compile(hot);
            return;
        }

        lock (_queueGate)
        {
            _queue.Add(hot);
            Statistics.LongestQueue = Math.Max(Statistics.LongestQueue, _queue.Count);
            Statistics.BlocksOffered++;
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

    /// <summary>Ends the background thread: blocks are about to go. No vCPU may run any more.</summary>
    public void Dispose()
    {
        _stop = true;
        Interlocked.Increment(ref *_enqueued);
        _ = HostCalls.Raw(SysFutex, (ulong)_enqueued, FutexWake, 1);
        _thread?.Join();
        _thread = null;
    }

    /// <summary>In the child of a fork, where the background thread is gone: the next hot block starts another.</summary>
    public void ResetAfterFork()
    {
        _queue.Clear();
        _thread = null;
        _worker = 0;
        _budget?.Forked(Statistics.CompileTime);
    }

    /// <summary>The address space holds another program from now on.</summary>
    public void ProgramReplaced()
    {
        lock (_cache.Gate)
        {
            _isPrivate = _wasPrivate;
        }

        _budget?.Restart(Statistics.CompileTime);
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
            if (_stop)
            {
                HostThreads.Leave();
                return;
            }

            int seen = Volatile.Read(ref *_enqueued);
            HotBlock? hot;
            lock (_queueGate)
            {
                hot = TakeHottest();
            }

            if (hot is { } next)
            {
                Compile(next);
            }
            else
            {
                _ = HostCalls.Blocking(self, SysFutex, (ulong)_enqueued, FutexWait, (ulong)seen);
            }
        }
    }

    /// <summary>The waiting block that ran most: while the queue is long, what became hot first need not be what is hot.</summary>
    private HotBlock? TakeHottest()
    {
        int best = -1;
        ulong most = 0;
        for (int i = _queue.Count - 1; i >= 0; i--)
        {
            TranslationBlock block = _queue[i].Block;
            if (block.IsStale || block.HasRegion)
            {
                // The last element, which moves here, was looked at already; the best may be it.
                best = best == _queue.Count - 1 ? i : best;
                _queue[i] = _queue[^1];
                _queue.RemoveAt(_queue.Count - 1);
            }
            else if (block.Executions >= most)
            {
                best = i;
                most = block.Executions;
            }
        }

        if (best < 0)
        {
            return null;
        }

        HotBlock hottest = _queue[best];
        _queue[best] = _queue[^1];
        _queue.RemoveAt(_queue.Count - 1);
        return hottest;
    }

    /// <summary>
    /// Whether a vCPU that waits for its compilations has waited enough for now: tier 0 would have been faster. The block
    /// is then offered again when it has run more.
    /// </summary>
    private bool IsOverBudget(TranslationBlock block)
    {
        if (_budget?.Allows(Statistics.CompileTime) != false)
        {
            return false;
        }

        lock (_cache.Gate)
        {
            block.Postpone(16 * block.Executions);
            Statistics.CompilesPutOff++;
        }

        return true;
    }

    private void Compile(HotBlock hot)
    {
        TranslationBlock block = hot.Block;
        lock (_compileGate)
        {
            if (block.IsStale || block.HasRegion || IsOverBudget(block))
            {
                return;
            }

            TimeSpan start = ThreadTime.Now;
            if (_builder.Build(block, hot.Map, _isPrivate) is not { } blocks)
            {
                return;
            }

            bool isChecked = IsChecked;
            Region region = RegionEmitter.Compile(blocks, _builder.Flow, isChecked && _access == RegionAccess.Direct ? RegionAccess.Checked : _access, _builder.Dependencies, _handlers, CountsEvents ? new RegionCounters() : null);
            region.CompileTime = ThreadTime.Now - start;
            Statistics.CompileTime += region.CompileTime;
            Statistics.RegionsCompiled++;
            Statistics.InstructionsCompiled += region.InstructionCount;
            Statistics.EmitTime += region.EmitTime;
            Statistics.JitTime += region.JitTime;
            Statistics.PassTime += region.CompileTime - region.EmitTime - region.JitTime;
            if (MeasuresHostCode && (Statistics.RegionsCompiled <= AlwaysMeasured || Statistics.RegionsCompiled % MeasuredOneOf == 0))
            {
                Measure(region);
            }

            Publish(region, isChecked);
        }
    }

    private void Measure(Region region)
    {
        int bytes = HostCodeReader.LengthOf(region.Code);
        if (bytes > 0)
        {
            Statistics.HostBytesMeasured += bytes;
            Statistics.GuestBytesMeasured += region.GuestBytes;
        }
    }

    public void MetNan(TbOp* entry)
    {
        lock (_cache.Gate)
        {
            Region? region = _regions.FirstOrDefault(region => region.Entries.Exists(known => known.Block.Ops == entry && known.Block.RegionCode == region.Code));
            if (region == null || ++region.NansMet < MostNansMet)
            {
                return;
            }

            foreach (TranslationBlock block in region.Blocks)
            {
                block.KeepsNanOrder = true;
            }

            Statistics.RegionsOfNans++;
            Retire(region);
        }
    }

    private void Publish(Region region, bool isChecked)
    {
        lock (_cache.Gate)
        {
            if (isChecked != IsChecked || (region.AssumesPrivateMemory && !_isPrivate) || region.Blocks.Exists(static block => block.IsStale) || region.Dependencies.Any(static block => block.IsStale))
            {
                region.Counters?.Dispose();
                return;
            }

            _cache.RegionBytes += region.InstructionCount * HostBytesPerInstruction;

            _regions.Add(region);
            foreach (TranslationBlock block in region.Blocks)
            {
                block.RegionCount++;
                RegionsOf(block).Add(region);
            }

            foreach (TranslationBlock block in region.Dependencies)
            {
                RegionsOf(block).Add(region);
            }

            foreach ((TranslationBlock block, int entry) in region.Entries)
            {
                // An entry another region owns keeps it, except the block this region was made for.
                if (!block.HasRegion || entry == 0)
                {
                    block.EnterRegion(region.Code, entry);
                }
            }

            Observer?.Published(region);
        }
    }

    private List<Region> RegionsOf(TranslationBlock block)
    {
        if (!_regionsOf.TryGetValue(block, out List<Region>? list))
        {
            _regionsOf[block] = list = [];
        }

        return list;
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
        Observer?.Retired(region);
        Statistics.RegionsInvalidated++;
        foreach (TranslationBlock block in region.Blocks)
        {
            block.RegionCount--;
            Unlist(block, region);
        }

        foreach (TranslationBlock block in region.Dependencies)
        {
            Unlist(block, region);
        }

        foreach ((TranslationBlock entry, _) in region.Entries)
        {
            if (!entry.IsStale && entry.RegionCode == region.Code)
            {
                // It counts from 0 now, and twice as far.
                entry.LeaveRegion(_handlers.Enter);
                Statistics.Deoptimisations++;
                Statistics.CompilesPutOff++;
            }
        }

        // Who is inside must not loop there for ever. After the entries are closed, or it would come back through another one.
        _cache.RequestExits();
    }

    /// <summary>Does nothing for the block whose list is being retired: that is no longer listed.</summary>
    private void Unlist(TranslationBlock block, Region region)
    {
        if (_regionsOf.TryGetValue(block, out List<Region>? list) && list.Remove(region) && list.Count == 0)
        {
            _regionsOf.Remove(block);
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
