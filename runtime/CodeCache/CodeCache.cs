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

    private readonly Dictionary<ulong, TranslationBlock> _blocks = [];
    private readonly Dictionary<ulong, List<TranslationBlock>> _blocksOfPage = [];
    private readonly IBlockTranslator _translator;
    private readonly nint _staleHandler;
    private readonly List<VCpu> _vcpus = [];
    private byte* _arena;
    private readonly long _limit;
    private long _used;

    public CodeCache(AddressSpace memory, IBlockTranslator translator, nint staleHandler, long limit = DefaultLimit)
    {
        Memory = memory;
        _translator = translator;
        _staleHandler = staleHandler;
        _limit = Math.Max(limit, 1 << 20);
        _arena = HostMemory.ReserveZeroed((ulong)_limit);
        memory.CodeChanged = Invalidate;
    }

    public AddressSpace Memory { get; }

    /// <summary>Held while blocks are made, invalidated or flushed. Taken inside <see cref="GuestPages.Gate"/>, never the other way round.</summary>
    public Lock Gate { get; } = new();

    public CodeCacheStatistics Statistics { get; } = new();

    /// <summary>Bytes of predecoded records in use.</summary>
    public long UsedBytes => Volatile.Read(ref _used);

    /// <summary>Raised with <see cref="Gate"/> held when a block was made, for inspection.</summary>
    public Action<TranslationBlock>? BlockAdded { get; set; }

    /// <summary>Raised with <see cref="Gate"/> held when a block becomes stale: compiled regions made of it must go too.</summary>
    public Action<TranslationBlock>? BlockInvalidated { get; set; }

    /// <summary>Raised with <see cref="Gate"/> held when everything is thrown away.</summary>
    public Action? Flushed { get; set; }

    /// <summary>Blocks at this moment, for inspection; call with <see cref="Gate"/> held.</summary>
    public IEnumerable<TranslationBlock> Blocks => _blocks.Values;

    /// <summary>
    /// Whether translations look for unmasked floating-point exceptions after each instruction that may cause one.
    /// Set for good when the first guest thread unmasks one: hardly any program does.
    /// </summary>
    public bool ChecksFloatExceptions { get; private set; }

    internal bool FlushPending { get; private set; }

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

    /// <summary>The block at an address, if it is there.</summary>
    public TranslationBlock? Find(ulong address)
    {
        lock (Gate)
        {
            return _blocks.GetValueOrDefault(address);
        }
    }

    /// <summary>The block at an address, translated now if need be. Null when the guest may not execute there.</summary>
    public TranslationBlock? FindOrTranslate(ulong address)
    {
        // The address space's gate first: the bytes and permissions must not change between decoding and marking the pages.
        lock (Memory.Gate)
        {
            lock (Gate)
            {
                if (_blocks.TryGetValue(address, out TranslationBlock? block))
                {
                    return block;
                }

                block = _translator.Translate(this, Memory, address);
                if (block == null)
                {
                    return null;
                }

                Add(block);
                return block;
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
                foreach (VCpu vcpu in _vcpus)
                {
                    vcpu.ClearJumpCache();
                }

                foreach (ulong page in _blocksOfPage.Keys)
                {
                    Memory.Pages[page] &= unchecked((byte)~PageAccess.Code);
                }

                foreach (TranslationBlock block in _blocks.Values)
                {
                    // Whoever still holds the block, a compilation under way, must not write to its records.
                    block.IsStale = true;
                }

                _blocks.Clear();
                _blocksOfPage.Clear();
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
                    InvalidatePage(page, page << AddressSpace.PageShift, AddressSpace.PageSize);
                }
            }
        }
    }

    /// <summary>Chains the side of <paramref name="from"/> that continues at <paramref name="address"/> to its block, when both still stand.</summary>
    internal void Link(TbOp* from, ulong address)
    {
        if (FindOrTranslate(address) is not { } target)
        {
            return;
        }

        lock (Gate)
        {
            // A flush since the exit would have cleared the record; an invalidation would have made it stale.
            nint handler = *(nint*)&from->Handler;
            if (target.IsStale || handler == 0 || handler == _staleHandler)
            {
                return;
            }

            if (from->BranchTarget == address)
            {
                from->Target = target.Ops;
            }

            if (from->NextAddress == address)
            {
                from->Next = target.Ops;
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

    private void Add(TranslationBlock block)
    {
        _blocks[block.Address] = block;
        Statistics.BlocksTranslated++;
        Statistics.InstructionsTranslated += block.InstructionCount;
        BlockAdded?.Invoke(block);
        bool writable = false;
        for (ulong page = block.Address >> AddressSpace.PageShift; page <= (block.End - 1) >> AddressSpace.PageShift; page++)
        {
            if (!_blocksOfPage.TryGetValue(page, out List<TranslationBlock>? list))
            {
                _blocksOfPage[page] = list = [];
            }

            list.Add(block);
            writable |= (Memory.Pages[page] & (byte)PageAccess.Write) != 0;
            Memory.Pages[page] |= (byte)PageAccess.Code;
        }

        if (writable)
        {
            WritableCodeFound?.Invoke();
        }
    }

    /// <summary>Makes stale what was translated from [address, address + length). Called with the address space's gate held.</summary>
    private void Invalidate(ulong address, ulong length)
    {
        lock (Gate)
        {
            ulong first = address >> AddressSpace.PageShift;
            ulong last = (address + length - 1) >> AddressSpace.PageShift;
            if (last - first > (ulong)_blocksOfPage.Count)
            {
                foreach (ulong page in _blocksOfPage.Keys.Where(page => page >= first && page <= last).ToArray())
                {
                    InvalidatePage(page, address, length);
                }

                return;
            }

            for (ulong page = first; page <= last; page++)
            {
                InvalidatePage(page, address, length);
            }
        }
    }

    private void InvalidatePage(ulong page, ulong address, ulong length)
    {
        if (!_blocksOfPage.TryGetValue(page, out List<TranslationBlock>? list))
        {
            Memory.Pages[page] &= unchecked((byte)~PageAccess.Code);
            return;
        }

        for (int i = list.Count - 1; i >= 0; i--)
        {
            TranslationBlock block = list[i];
            if (block.Address < address + length && address < block.End)
            {
                MakeStale(block);
            }

            if (block.IsStale)
            {
                list.RemoveAt(i);
            }
        }

        if (list.Count == 0)
        {
            _blocksOfPage.Remove(page);
            Memory.Pages[page] &= unchecked((byte)~PageAccess.Code);
        }
    }

    private void MakeStale(TranslationBlock block)
    {
        if (block.IsStale)
        {
            return;
        }

        block.IsStale = true;
        Statistics.BlocksInvalidated++;
        if (_blocks.GetValueOrDefault(block.Address) == block)
        {
            _blocks.Remove(block.Address);
        }

        for (int i = 0; i < block.OpCount; i++)
        {
            Volatile.Write(ref *(nint*)&block.Ops[i].Handler, _staleHandler);
        }

        foreach (VCpu vcpu in _vcpus)
        {
            // A jump-cache entry may survive: it leads to the stale head, which leaves and looks up.
            ref JumpCacheEntry entry = ref Dispatch.JumpCacheSlot(vcpu.State, block.Address);
            if (entry.Op == block.Ops)
            {
                entry.Address = 0;
            }
        }

        BlockInvalidated?.Invoke(block);
    }
}
