using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Jitvmm.Runtime.Cpu;
using Jitvmm.Runtime.Execution;
using Jitvmm.Runtime.Host;
using Jitvmm.Runtime.Memory;

namespace Jitvmm.Runtime.CodeCache;

/// <summary>
/// The translations of one address space, shared by its vCPUs: found by guest address, thrown away when the
/// bytes they came from change, and flushed whole when they outgrow their limit.
/// </summary>
/// <remarks>
/// <see cref="Gate"/> serialises changes. Invalidation never waits: it overwrites the handlers of a block, so
/// that whoever runs or enters it leaves at the next instruction. A flush reuses memory and so waits until no
/// vCPU is inside generated code.
/// </remarks>
public sealed unsafe class CodeCache : IDisposable
{
    public const long DefaultLimit = 256L << 20;

    private readonly Dictionary<CodeLocation, TranslationBlock> _blocks = new(new CodeLocationComparer());
    private readonly Dictionary<ulong, List<TranslationBlock>> _blocksOfPage = [];

    /// <summary>
    /// How often translations of a page were invalidated, boxed because dictionaries of such values are compiled at start. Survives flushes: what was rewritten will be again.
    /// </summary>
    private readonly Dictionary<ulong, StrongBox<int>> _rewritesOfPage = [];

    /// <summary>Blocks in the order of their records, stale ones too.</summary>
    private readonly List<TranslationBlock> _byRecords = [];

    /// <summary>Pages that show the memory of translated pages at another address, with the numbers of those.</summary>
    private readonly Dictionary<ulong, List<ulong>> _codeSeenThrough = [];

    private readonly IBlockTranslator _translator;
    private readonly RecordHandlers _handlers;
    private readonly List<VCpu> _vcpus = [];
    private byte* _arena;
    private readonly long _limit;
    private long _used;

    public CodeCache(GuestPages memory, IBlockTranslator translator, in RecordHandlers handlers, long limit = DefaultLimit)
    {
        Memory = memory;
        _translator = translator;
        _handlers = handlers;
        _limit = Math.Max(limit, 1 << 20);
        _arena = HostMemory.ReserveZeroed((ulong)_limit);
        memory.CodeChanged = Invalidate;
    }

    /// <summary>Where the code is: a process guest's address space, or a machine's physical memory.</summary>
    public GuestPages Memory { get; }

    /// <summary>Held while blocks are made, invalidated or flushed. Taken inside <see cref="GuestPages.Gate"/>, never the other way round.</summary>
    public Lock Gate { get; } = new();

    public CodeCacheStatistics Statistics { get; } = new();

    /// <summary>The handler that ends the run of a single record.</summary>
    internal nint ReturnHandler => _handlers.Return;

    /// <summary>Bytes of predecoded records in use.</summary>
    public long UsedBytes => Volatile.Read(ref _used);

    /// <summary>Raised with <see cref="Gate"/> held when a block was made, for inspection.</summary>
    public Action<TranslationBlock>? BlockAdded { get; set; }

    /// <summary>Raised with <see cref="Gate"/> held when a block becomes stale: compiled regions made of it must go too.</summary>
    public Action<TranslationBlock>? BlockInvalidated { get; set; }

    /// <summary>Raised with <see cref="Gate"/> held when everything is thrown away.</summary>
    public Action? Flushed { get; set; }

    /// <summary>Who records what happens here; null for nobody. Set before any vCPU runs.</summary>
    public ICacheObserver? Observer { get; set; }

    /// <summary>Blocks at this moment, for inspection; call with <see cref="Gate"/> held.</summary>
    public IEnumerable<TranslationBlock> Blocks => _blocks.Values;

    /// <summary>
    /// Whether translations look for unmasked floating-point exceptions after each instruction that may cause one.
    /// Set for good when the first guest thread unmasks one: hardly any program does.
    /// </summary>
    public bool ChecksFloatExceptions { get; private set; }

    internal bool FlushPending { get; private set; }

    /// <summary>Whether nobody but the vCPU that translates can be storing: its process has one thread.</summary>
    private bool IsOnlyWriter => _vcpus.Count == 1 && Memory is not PhysicalMemory;

    internal void Attach(VCpu vcpu)
    {
        lock (Gate)
        {
            _vcpus.Add(vcpu);
        }
    }

    internal void Detach(VCpu vcpu)
    {
        lock (Gate)
        {
            _vcpus.Remove(vcpu);
        }
    }

    /// <summary>The block at an address of a process guest, if it is there.</summary>
    public TranslationBlock? Find(ulong address) => Find(CodeLocation.InProcess(address));

    /// <summary>The block at a location, if it is there. <see cref="CodeLocation.NextPage"/> is that of the block found, whatever was asked.</summary>
    public TranslationBlock? Find(in CodeLocation location)
    {
        lock (Gate)
        {
            return _blocks.GetValueOrDefault(location with { NextPage = 0 });
        }
    }

    /// <summary>The block at a location, translated now if need be. Null as <see cref="IBlockTranslator.Translate"/> says.</summary>
    public TranslationBlock? FindOrTranslate(in CodeLocation location)
    {
        // The address space's gate first: the bytes and permissions must not change between decoding and marking the pages.
        lock (Memory.Gate)
        {
            lock (Gate)
            {
                if (_blocks.TryGetValue(location with { NextPage = 0 }, out TranslationBlock? block))
                {
                    if (block.Location.NextPage == location.NextPage)
                    {
                        return block;
                    }

                    // Its page's successor is another one now.
                    MakeStale(block, new CodeChange(CodeChangeKind.Remapped));
                }

                return TranslateNow(location);
            }
        }
    }

    /// <summary>
    /// How often code on the pages of [physical, physical + length) was invalidated. Compiling it again costs more each time than
    /// running it did, unless the guest makes it worth by running it more. Call with <see cref="Gate"/> held.
    /// </summary>
    public int RewritesOf(ulong physical, ulong length)
    {
        int rewrites = 0;
        for (ulong page = physical >> GuestPages.PageShift; page <= (physical + length - 1) >> GuestPages.PageShift; page++)
        {
            rewrites = Math.Max(rewrites, _rewritesOfPage.GetValueOrDefault(page)?.Value ?? 0);
        }

        return rewrites;
    }

    /// <inheritdoc cref="IBlockTranslator.IsStackAccess"/>
    public bool IsStackAccess(CpuState* cpu, in CodeLocation location, ulong address)
    {
        lock (Memory.Gate)
        {
            lock (Gate)
            {
                return _translator.IsStackAccess(Memory, cpu, location, address);
            }
        }
    }

    /// <summary>Room for <paramref name="count"/> records, or null when the cache is full: the caller's vCPU must then call <see cref="Flush"/>.</summary>
    public TbOp* Allocate(int count)
    {
        long bytes = (long)count * TbOp.Size;
        if (_used + bytes > _limit)
        {
            return null;
        }

        TbOp* ops = (TbOp*)(_arena + _used);
        _used += bytes;
        return ops;
    }

    /// <summary>Whether a block's head is that of one whose bytes changed.</summary>
    internal bool IsStale(TbOp* head) => Volatile.Read(ref *(nint*)&head->Handler) == _handlers.Replaced;

    /// <summary>Whether a pointer is to a record.</summary>
    public bool IsRecord(TbOp* op) => (byte*)op >= _arena && (byte*)op < _arena + _limit;

    public bool IsNearlyFull => UsedBytes + RegionBytes + (1 << 16) > _limit;

    /// <summary>Host code compiled from these blocks, in bytes, retired code included: it counts towards the limit.</summary>
    public long RegionBytes { get; set; }

    /// <summary>Raised with <see cref="Gate"/> held when code is translated from a page the guest may write.</summary>
    public Action? WritableCodeFound { get; set; }

    /// <summary>Throws every translation away. The calling vCPU must be outside generated code.</summary>
    public void Flush()
    {
        lock (Gate)
        {
            Quiesce(() =>
            {
                Observer?.Flushing();
                foreach (VCpu vcpu in _vcpus)
                {
                    vcpu.ClearJumpCaches();
                }

                foreach (ulong page in _blocksOfPage.Keys)
                {
                    Memory.MarkCode(page, false);
                }

                foreach (ulong page in _codeSeenThrough.Keys)
                {
                    Memory.MarkCode(page, false);
                }

                foreach (TranslationBlock block in _blocks.Values)
                {
                    // Whoever still holds the block, a compilation under way, must not write to its records.
                    block.IsStale = true;
                }

                _blocks.Clear();
                _byRecords.Clear();
                _blocksOfPage.Clear();
                _codeSeenThrough.Clear();
                HostMemory.Discard(_arena, (ulong)_used);
                _used = 0;
                RegionBytes = 0;
                Statistics.Flushes++;
                Flushed?.Invoke();
            });
        }
    }

    /// <summary>
    /// Runs <paramref name="change"/> while no vCPU is inside generated code. The caller holds <see cref="Gate"/>
    /// and its own vCPU, if any, is outside.
    /// </summary>
    public void Quiesce(Action change)
    {
        FlushPending = true;
        try
        {
            Interlocked.MemoryBarrierProcessWide();
            foreach (VCpu vcpu in _vcpus)
            {
                while (vcpu.IsInGeneratedCode)
                {
                    vcpu.RequestExit();
                    Thread.Yield();
                }
            }

            change();
        }
        finally
        {
            FlushPending = false;
        }
    }

    /// <summary>
    /// Makes <see cref="ChecksFloatExceptions"/> true and all translations stale: a vCPU inside one leaves it at its
    /// next instruction and goes on in a checking one.
    /// </summary>
    internal void CheckFloatExceptions()
    {
        if (ChecksFloatExceptions)
        {
            return;
        }

        lock (Memory.Gate)
        {
            lock (Gate)
            {
                ChecksFloatExceptions = true;
                foreach (ulong page in _blocksOfPage.Keys.ToArray())
                {
                    InvalidatePage(page, page << GuestPages.PageShift, GuestPages.PageSize, new CodeChange(CodeChangeKind.FloatChecks));
                }
            }
        }
    }

    /// <summary>Chains the side of <paramref name="from"/> that continues at <paramref name="location"/> to its block, when both still stand.</summary>
    internal void Link(TbOp* from, in CodeLocation location)
    {
        // A block that straddles pages is found without its second page here: it is not to be translated again for that.
        if ((Find(location) ?? FindOrTranslate(location)) is not { Straddles: false } target)
        {
            return;
        }

        ulong address = location.Address;

        lock (Gate)
        {
            // A flush since the exit would have cleared the record; an invalidation would have made it stale.
            nint handler = *(nint*)&from->Handler;
            if (target.IsStale || handler == 0 || handler == _handlers.Stale || !MayChain(from, target))
            {
                return;
            }

            if (handler == _handlers.Replaced)
            {
                from->Target = target.Ops;
                return;
            }

            // A repeated string instruction ends its block too, and has a mask where a branch has its target: null only in branches.
            if (from->BranchTarget == address && from->Target == null)
            {
                from->Target = target.Ops;
            }

            if (from->NextAddress == address)
            {
                from->Next = target.Ops;
            }
        }
    }

    /// <summary>
    /// Whether a chain from a record holds wherever its block runs. A machine guest's page may be mapped elsewhere by now, without a flush that would have kept the record's block from
    /// running: the chain would outlast that.
    /// </summary>
    private bool MayChain(TbOp* from, TranslationBlock target)
    {
        if (Memory is not PhysicalMemory)
        {
            return true;
        }

        int low = 0;
        int high = _byRecords.Count;
        while (high - low > 1)
        {
            int middle = (low + high) / 2;
            (low, high) = _byRecords[middle].Ops <= from ? (middle, high) : (low, middle);
        }

        return low < _byRecords.Count && (_byRecords[low].Location.Physical ^ target.Location.Physical) >> GuestPages.PageShift == 0 && _byRecords[low].Location.Mode == target.Location.Mode;
    }

    /// <summary>Makes every vCPU but the calling thread's leave compiled code at its next safepoint. Call with <see cref="Gate"/> held.</summary>
    public void RequestExits()
    {
        foreach (VCpu vcpu in _vcpus)
        {
            if (vcpu != VCpu.Current)
            {
                vcpu.RequestExit();
            }
        }
    }

    /// <summary>Forgets every vCPU but the one that goes on in the child of a fork.</summary>
    public void KeepOnly(VCpu survivor)
    {
        lock (Gate)
        {
            _vcpus.Clear();
            _vcpus.Add(survivor);
        }
    }

    /// <summary>Called by a vCPU about to enter generated code while a flush waits.</summary>
    internal void AwaitFlush()
    {
        lock (Gate)
        {
            // The flush holds the gate until it is done.
        }
    }

    public void Dispose()
    {
        if (_arena != null)
        {
            HostMemory.Release(_arena, (ulong)_limit);
            _arena = null;
        }
    }

    /// <summary>
    /// Translates and adds a block. A store whose look at the page's mark came before the mark may come after the decoder's look at the bytes: so these are looked at again.
    /// </summary>
    /// <remarks>What escapes is a store that the host interrupts between its test and itself for as long as all this takes.</remarks>
    private TranslationBlock? TranslateNow(in CodeLocation location)
    {
        while (true)
        {
            TranslationBlock? block = _translator.Translate(this, location);
            if (block == null || !Add(block) || IsOnlyWriter)
            {
                return block;
            }

            Interlocked.MemoryBarrierProcessWide();
            if (!_translator.HasChanged(this, location))
            {
                return block;
            }

            MakeStale(block, new CodeChange(CodeChangeKind.Race));
        }
    }

    /// <summary>Enters a block; whether one of its pages, to which the guest may write, here or at another address, is marked only now.</summary>
    private bool Add(TranslationBlock block)
    {
        _blocks[block.Location with { NextPage = 0 }] = block;
        _byRecords.Add(block);
        Statistics.BlocksTranslated++;
        Statistics.InstructionsTranslated += block.InstructionCount;
        Statistics.BytesTranslated += (long)(block.End - block.Address);
        BlockAdded?.Invoke(block);
        Observer?.Added(block);
        bool writable = false;
        bool marked = false;
        ulong first = block.Location.Physical >> GuestPages.PageShift;
        ulong last = block.Straddles ? first : (block.Location.Physical + (block.End - block.Address) - 1) >> GuestPages.PageShift;
        for (ulong page = first; page <= last; page++)
        {
            writable |= AddToPage(page, block, ref marked);
        }

        if (block.Straddles)
        {
            writable |= AddToPage(block.Location.NextPage >> GuestPages.PageShift, block, ref marked);
        }

        if (writable)
        {
            WritableCodeFound?.Invoke();
        }

        return writable && marked;
    }

    /// <summary>Notes that a block has bytes in a page; whether the guest may write there. Sets <paramref name="marked"/> when the page held none before.</summary>
    private bool AddToPage(ulong page, TranslationBlock block, ref bool marked)
    {
        bool writable = false;
        if (!_blocksOfPage.TryGetValue(page, out List<TranslationBlock>? list))
        {
            _blocksOfPage[page] = list = [];
            writable = MarkAliases(page);
            marked = true;
        }

        list.Add(block);
        writable |= (Memory.Pages[page] & (byte)PageAccess.Write) != 0;
        if ((Memory.Pages[page] & (byte)PageAccess.Code) == 0)
        {
            Memory.MarkCode(page, true);
            foreach (VCpu vcpu in _vcpus)
            {
                vcpu.PageHoldsCode(Memory.HostBase + (page << GuestPages.PageShift));
            }
        }

        return writable;
    }

    /// <summary>Has writes through other addresses of a page invalidate what is translated from it; whether there may be such writes.</summary>
    private bool MarkAliases(ulong page)
    {
        bool writable = false;
        foreach (ulong alias in Memory.AliasesOf?.Invoke(page) ?? [])
        {
            if (!_codeSeenThrough.TryGetValue(alias, out List<ulong>? pages))
            {
                _codeSeenThrough[alias] = pages = [];
            }

            if (!pages.Contains(page))
            {
                pages.Add(page);
            }

            writable |= (Memory.Pages[alias] & (byte)PageAccess.Write) != 0;
            Memory.MarkCode(alias, true);
        }

        return writable;
    }

    /// <summary>Makes stale what was translated from [address, address + length). Called with the address space's gate held.</summary>
    private void Invalidate(ulong address, ulong length, ulong writer)
    {
        CodeChange change = Observer == null ? default : DescribeChange(address, length, writer);
        lock (Gate)
        {
            ulong first = address >> GuestPages.PageShift;
            ulong last = (address + length - 1) >> GuestPages.PageShift;
            if (last - first > (ulong)(_blocksOfPage.Count + _codeSeenThrough.Count))
            {
                foreach (ulong page in _blocksOfPage.Keys.Concat(_codeSeenThrough.Keys).Where(page => page >= first && page <= last).ToArray())
                {
                    InvalidatePage(page, address, length, change);
                }

                return;
            }

            for (ulong page = first; page <= last; page++)
            {
                InvalidatePage(page, address, length, change);
            }
        }
    }

    /// <summary>Without a storing instruction, it is the VMM's thread that tells who caused a change: one that runs a vCPU is answering its guest.</summary>
    private CodeChange DescribeChange(ulong address, ulong length, ulong writer)
    {
        if (writer != 0)
        {
            return new CodeChange(CodeChangeKind.Store, writer, address, length);
        }

        VCpu? vcpu = VCpu.Current;
        return vcpu == null || vcpu.Memory != Memory
            ? new CodeChange(CodeChangeKind.Device, 0, address, length)
            : new CodeChange(vcpu.Machine == null ? CodeChangeKind.SystemCall : CodeChangeKind.Callout, vcpu.State->Rip, address, length);
    }

    private void InvalidatePage(ulong page, ulong address, ulong length, in CodeChange change)
    {
        bool showsOther = InvalidateSeenThrough(page, address, length, change);
        InvalidateBlocks(page, address, length, change);
        if (!showsOther && !_blocksOfPage.ContainsKey(page))
        {
            Memory.MarkCode(page, false);
        }
    }

    /// <summary>Invalidates translations of the same memory at other addresses; whether any are left.</summary>
    private bool InvalidateSeenThrough(ulong page, ulong address, ulong length, in CodeChange change)
    {
        if (_codeSeenThrough.Count == 0 || !_codeSeenThrough.TryGetValue(page, out List<ulong>? pages))
        {
            return false;
        }

        ulong start = Math.Max(address, page << GuestPages.PageShift);
        ulong end = Math.Min(address + length, (page + 1) << GuestPages.PageShift);
        foreach (ulong code in pages)
        {
            InvalidateBlocks(code, start + ((code - page) << GuestPages.PageShift), end - start, change);
        }

        pages.RemoveAll(code => !_blocksOfPage.ContainsKey(code));
        if (pages.Count > 0)
        {
            return true;
        }

        _codeSeenThrough.Remove(page);
        return false;
    }

    private void InvalidateBlocks(ulong page, ulong address, ulong length, in CodeChange change)
    {
        if (!_blocksOfPage.TryGetValue(page, out List<TranslationBlock>? list))
        {
            return;
        }

        bool rewritten = false;
        for (int i = list.Count - 1; i >= 0; i--)
        {
            TranslationBlock block = list[i];
            if (block.Overlaps(address, length))
            {
                rewritten |= !block.IsStale;
                MakeStale(block, change);
            }

            if (block.IsStale)
            {
                list.RemoveAt(i);
            }
        }

        if (rewritten)
        {
            if (!_rewritesOfPage.TryGetValue(page, out StrongBox<int>? count))
            {
                _rewritesOfPage[page] = count = new StrongBox<int>();
            }

            count.Value++;
        }

        if (list.Count == 0)
        {
            _blocksOfPage.Remove(page);
        }
    }

    private void MakeStale(TranslationBlock block, in CodeChange change)
    {
        if (block.IsStale)
        {
            return;
        }

        block.IsStale = true;
        Statistics.BlocksInvalidated++;
        CodeLocation key = block.Location with { NextPage = 0 };
        if (_blocks.GetValueOrDefault(key) == block)
        {
            _blocks.Remove(key);
        }

        // Branches of other blocks are chained to the head, and stay so.
        block.Ops->Target = null;
        Volatile.Write(ref *(nint*)&block.Ops->Handler, _handlers.Replaced);
        for (int i = 1; i < block.OpCount; i++)
        {
            Volatile.Write(ref *(nint*)&block.Ops[i].Handler, _handlers.Stale);
        }

        // Either a vCPU that remembers the block just now sees that it is stale, or this sees what it remembers.
        Interlocked.MemoryBarrier();
        foreach (VCpu vcpu in _vcpus)
        {
            vcpu.ForgetTarget(block.Address, block.Ops);
        }

        // Before regions made of it go, whose counts are theirs.
        Observer?.Invalidated(block, change);
        BlockInvalidated?.Invoke(block);
    }
}
