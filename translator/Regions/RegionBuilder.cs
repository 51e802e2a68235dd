using Iced.Intel;
using Jitvmm.Runtime.CodeCache;
using Jitvmm.Runtime.Memory;
using Jitvmm.Runtime.Paravirt;
using Jitvmm.Translator.Decode;
using Jitvmm.Translator.Handlers;
using Jitvmm.Translator.Ir;
using Jitvmm.Translator.Lift;
using Jitvmm.Translator.Passes;

namespace Jitvmm.Translator.Regions;

/// <summary>
/// Chooses the blocks compiled together with a hot one, and lifts them: what direct branches, fall-through,
/// direct calls and the returns from them reach, as far as tier 0 has been there.
/// </summary>
/// <remarks>
/// A call whose callee is in the region is a push and a branch; a return compares with the region's return
/// sites. So a loop that calls small functions is one region, and so is a recursive function.
/// </remarks>
public sealed unsafe class RegionBuilder
{
    /// <summary>Guest instructions: beyond this RyuJIT's optimiser gives up on the method.</summary>
    private const int MaxInstructions = 220;

    private const int MaxBlocks = 48;

    /// <summary>Loops nested three deep still become one region.</summary>
    private const int MaxRegionsOfBlock = 3;

    private readonly CodeCache _cache;
    private readonly PageCallFinder? _pageCalls;
    private readonly bool _isMachine;
    private readonly BlockDecoder _decoder;
    private readonly RegionLifter _lifter;
    private readonly Dictionary<ulong, StatusFlags> _flagsReadAt = [];
    private readonly List<TranslationBlock> _dependencies = [];
    private CodeLocation _head;
    private CodeMap? _map;
    private readonly Instruction[] _instructions = new Instruction[BlockDecoder.MaxInstructions];

    /// <param name="cache">Of the guest whose blocks are compiled.</param>
    /// <param name="paravirtual">What its hypercalls mean; null when it has nobody to call.</param>
    public RegionBuilder(CodeCache cache, ParavirtualInterface? paravirtual)
    {
        _cache = cache;
        _isMachine = cache.Memory is PhysicalMemory;
        _decoder = new BlockDecoder(HandlerSet.Direct, 0) { Sites = paravirtual?.Sites };
        _lifter = new RegionLifter(_isMachine, paravirtual);
        _pageCalls = paravirtual == null ? null : new PageCallFinder(cache, paravirtual, _decoder);
    }

    /// <summary>What is known of the region built last.</summary>
    public RegionFlow Flow { get; private set; } = new([], false);

    /// <summary>Blocks outside the region built last whose code it relied on.</summary>
    public IReadOnlyList<TranslationBlock> Dependencies => _dependencies;

    /// <summary>The blocks of a region around <paramref name="head"/> in address order, lifted; null when the head cannot be compiled.</summary>
    /// <param name="head">The hot block.</param>
    /// <param name="map">Where a machine guest had code when it became hot.</param>
    /// <param name="isPrivate">Nobody but the one vCPU that executes the code writes to memory.</param>
    public List<RegionBlock>? Build(TranslationBlock head, CodeMap? map, bool isPrivate)
    {
        _map = map;
        _flagsReadAt.Clear();
        _dependencies.Clear();
        _head = head.Location;
        if (_isMachine && (!CanCompile(_head.Mode) || (head.Straddles && !IsContinued(_head)) || _pageCalls?.IsInPage(head) == true))
        {
            return null;
        }

        Dictionary<ulong, RegionBlock> chosen = [];
        HashSet<ulong> pages = [];
        Queue<TranslationBlock> pending = new();
        pending.Enqueue(head);
        int instructions = 0;
        while (pending.Count > 0 && chosen.Count < MaxBlocks && instructions < MaxInstructions && pages.Count < PageFlow.MaxPages - 1)
        {
            TranslationBlock source = pending.Dequeue();
            if (chosen.ContainsKey(source.Address) || Lift(source) is not { } block)
            {
                continue;
            }

            chosen.Add(source.Address, block);
            instructions += block.Instructions.Length;
            pages.UnionWith([source.Address & SoftTlb.PageMask, (source.End - 1) & SoftTlb.PageMask]);
            foreach (ulong successor in block.Successors)
            {
                if (Worthwhile(head, successor) is { } next)
                {
                    pending.Enqueue(next);
                }
            }
        }

        if (!chosen.ContainsKey(head.Address))
        {
            return null;
        }

        List<RegionBlock> blocks = [.. chosen.Values];
        blocks.ForEach(block => block.KeepComputedTargets(chosen));
        blocks.Sort((a, b) => a.Address.CompareTo(b.Address));
        RegionLifter.MarkLoopHeads(blocks, chosen);
        NumberEntries(blocks, head.Address, chosen);
        Flow = new RegionPasses(_isMachine, isPrivate, FlagsReadAt).Run(blocks, chosen);
        return blocks;
    }

    /// <summary>
    /// A block tier 0 has run often enough, relative to the head, to be worth its compile time, and that is not in
    /// many regions already: without that bound each entry into a large function would compile most of it again.
    /// </summary>
    private TranslationBlock? Worthwhile(TranslationBlock head, ulong address)
    {
        TranslationBlock? block = Find(address);
        if (block == null || block == head)
        {
            return block;
        }

        // A page that is rewritten often makes its blocks wait longer; they would take the region with them.
        bool isStable = block.HotThreshold <= head.HotThreshold || block.Executions >= block.HotThreshold;
        return isStable && block.RegionCount < MaxRegionsOfBlock && block.Executions * 16 >= head.Executions ? block : null;
    }

    /// <summary>The block at an address. In a machine guest, as the head's page is mapped, and other pages were when the head became hot.</summary>
    private TranslationBlock? Find(ulong address)
    {
        if (!_isMachine)
        {
            return _cache.Find(address);
        }

        return TryLocate(address, out ulong physical) && _cache.Find(new CodeLocation(address, physical, _head.Mode)) is { } block
            && (!block.Straddles || IsContinued(block.Location)) && _pageCalls?.IsInPage(block) != true
            ? block
            : null;
    }

    private bool TryLocate(ulong address, out ulong physical)
    {
        physical = (_head.Physical & SoftTlb.PageMask) | (address & ~SoftTlb.PageMask);
        return IsSamePage(address, _head.Address) || _map!.TryFind(address, out physical);
    }

    /// <summary>Whether a block in two pages has its second one where it was translated from.</summary>
    private bool IsContinued(in CodeLocation location) =>
        TryLocate((location.Address | ~SoftTlb.PageMask) + 1, out ulong next) && next == location.NextPage;

    private static bool IsSamePage(ulong address, ulong other) => ((address ^ other) & SoftTlb.PageMask) == 0;

    private int Decode(TranslationBlock block) => _cache.Memory is PhysicalMemory physical
        ? _decoder.DecodePage(physical, block.Location, _instructions, out _)
        : _decoder.Decode((AddressSpace)_cache.Memory, block.Address, _instructions, out _);

    private RegionBlock? Lift(TranslationBlock source)
    {
        int count;
        lock (_cache.Memory.Gate)
        {
            if (source.IsStale)
            {
                return null;
            }

            count = Math.Min(Decode(source), source.InstructionCount);
        }

        if (count <= 0)
        {
            return null;
        }

        Instruction[] instructions = _instructions.AsSpan(0, count).ToArray();
        PageCall? pageCall = _pageCalls?.Find(source, instructions);
        if (pageCall != null && !_dependencies.Contains(pageCall.Target))
        {
            _dependencies.Add(pageCall.Target);
        }

        RegionBlock? block = _lifter.Lift(source, instructions, _head.Mode, pageCall, _cache.ChecksFloatExceptions);
        if (block != null)
        {
            AddComputedTargets(block);
        }

        return block;
    }

    /// <summary>64-bit code, at most without the use of some unit.</summary>
    private static bool CanCompile(CodeMode mode) =>
        (mode & CodeMode.Long) != 0 && (mode & ~(CodeMode.Long | CodeMode.CheckedUnits | CodeMode.CheckedAvx)) == 0;

    /// <summary>What is compiled compares with these, and leaves the region for others.</summary>
    private void AddComputedTargets(RegionBlock block)
    {
        if (block.Source.Targets == null || block.PageCall != null || block.EndsInTierZero)
        {
            return;
        }

        foreach (ulong target in block.Source.Targets->Seen(block.Address))
        {
            if (Find(target) != null)
            {
                block.AddComputedTarget(target);
            }
        }
    }

    /// <summary>
    /// Entries: the head, loop heads (where tier 0 comes back from a side exit), return sites, functions, what follows an instruction of tier 0's, and what
    /// runs more often than the region leads to it. A block that is entered and has no entry would become the head of a region much like this one.
    /// </summary>
    private static void NumberEntries(List<RegionBlock> blocks, ulong head, Dictionary<ulong, RegionBlock> chosen)
    {
        Dictionary<ulong, ulong> led = [];
        HashSet<ulong> entered = [];
        foreach (RegionBlock block in blocks)
        {
            foreach (ulong successor in block.Successors)
            {
                // Of a call, both where it goes and where it comes back to.
                if (block.ReturnSite != 0 || block.EndsInTierZero || block.PageCall != null)
                {
                    entered.Add(successor);
                }

                led[successor] = led.GetValueOrDefault(successor) + block.Source.Executions;
            }
        }

        int next = 0;
        chosen[head].Entry = next++;
        foreach (RegionBlock block in blocks)
        {
            ulong executions = block.Source.Executions;
            bool isEntered = block.IsLoopHead || entered.Contains(block.Address) || executions > led.GetValueOrDefault(block.Address) + executions / 8;
            if (block.Entry < 0 && isEntered)
            {
                block.Entry = next++;
            }
        }
    }

    /// <summary>Flags that the code where the region is left reads; the region then depends on that code.</summary>
    private StatusFlags FlagsReadAt(ulong address)
    {
        if (_flagsReadAt.TryGetValue(address, out StatusFlags known))
        {
            return known;
        }

        StatusFlags read = StatusFlags.All;
        lock (_cache.Memory.Gate)
        {
            if (Find(address) is { } block && !(_isMachine && block.Straddles))
            {
                int count = Decode(block);
                read = FlagUse.ReadBy(_instructions.AsSpan(0, Math.Clamp(count, 0, block.InstructionCount)));
                if (read != StatusFlags.All)
                {
                    _dependencies.Add(block);
                }
            }
        }

        _flagsReadAt.Add(address, read);
        return read;
    }
}
