
namespace Jitvmm.Runtime.CodeCache;

/// <summary>
/// A straight run of guest instructions from one entry, predecoded for tier 0. Blocks never move; a block whose
/// bytes changed is made stale in place and its memory reused when the whole cache is flushed.
/// </summary>
public sealed unsafe class TranslationBlock
{
    private const ulong MaxHotThreshold = 1ul << 40;

    /// <summary>What it counted before it last began anew.</summary>
    private ulong _countedBefore;

    /// <summary>Made by a translator; <paramref name="ops"/> come from <see cref="CodeCache.Allocate"/>.</summary>
    public TranslationBlock(in CodeLocation location, ulong end, TbOp* ops, int opCount, int instructionCount)
    {
        Location = location;
        End = end;
        Ops = ops;
        OpCount = opCount;
        InstructionCount = instructionCount;
    }

    public CodeLocation Location { get; }

    /// <summary>Guest address of the first instruction.</summary>
    public ulong Address => Location.Address;

    /// <summary>First guest address past the last instruction.</summary>
    public ulong End { get; }

    /// <summary>The records; the first is the safepoint and execution counter.</summary>
    public TbOp* Ops { get; }

    public int OpCount { get; }

    public int InstructionCount { get; }

    /// <summary>Where the computed jump or call that ends it went; null when it does not end in one.</summary>
    public JumpTargets* Targets { get; init; }

    /// <summary>Times entered in tier 0.</summary>
    public ulong Executions => Ops->Immediate;

    /// <summary>
    /// Times it really ran in tier 0 since it was made: <see cref="Executions"/> starts anew when a region goes, and counts where the block was offered to tier 1 and then entered
    /// again. Exact when one vCPU runs it.
    /// </summary>
    public ulong TimesInterpreted => _countedBefore + Executions - (ulong)TimesOffered;

    /// <summary>Times it was offered to tier 1 since it last counted from 0.</summary>
    internal int TimesOffered { get; set; }

    /// <summary>Executions at which the block is offered to tier 1; 0 for never.</summary>
    public ulong HotThreshold => Ops->Displacement;

    /// <summary>Live regions compiled from it, as their head or inside. Written with the cache's gate held.</summary>
    public int RegionCount { get; set; }

    /// <summary>Whether it meets NaNs so often that its compiled code had better reckon with them. Written with the cache's gate held.</summary>
    public bool KeepsNanOrder { get; set; }

    /// <summary>Whether its guest bytes changed since.</summary>
    public bool IsStale { get; internal set; }

    /// <summary>Code of the compiled region entered here, or 0.</summary>
    public nint RegionCode { get; private set; }

    public bool HasRegion => RegionCode != 0;

    /// <summary>Whether its one instruction goes on in another page, whose mapping no chain may take for granted.</summary>
    public bool Straddles => Location.NextPage != 0;

    /// <summary>Whether some of its bytes are in [physical, physical + length).</summary>
    public bool Overlaps(ulong physical, ulong length)
    {
        ulong bytes = End - Address;
        if (!Straddles)
        {
            return Location.Physical < physical + length && physical < Location.Physical + bytes;
        }

        ulong inFirst = (ulong)Memory.GuestPages.BytesInPage(Location.Physical);
        return (Location.Physical < physical + length && physical < Location.Physical + inFirst)
            || (Location.NextPage < physical + length && physical < Location.NextPage + (bytes - inFirst));
    }

    /// <summary>
    /// Makes a compiled region's code the handler of the block's head. It finds the number of its entry in the record, and checks
    /// it: a vCPU may have read the handler just before another region took the head over. Call with the cache's gate held.
    /// </summary>
    public void EnterRegion(nint code, int entry)
    {
        RegionCode = code;
        Ops->Next = (TbOp*)(nint)entry;
        Volatile.Write(ref *(nint*)&Ops->Handler, code);
    }

    /// <summary>Makes the block run in tier 0 again, counting from 0, twice as far: its region may go again. Call with the cache's gate held.</summary>
    public void LeaveRegion(nint handler)
    {
        RegionCode = 0;
        _countedBefore = TimesInterpreted;
        TimesOffered = 0;
        Ops->Immediate = 0;
        Ops->Displacement <<= Ops->Displacement < MaxHotThreshold ? 1 : 0;
        Volatile.Write(ref *(nint*)&Ops->Handler, handler);
    }

    /// <summary>Offers the block to tier 1 again only when it has run that often. Call with the cache's gate held.</summary>
    public void Postpone(ulong executions) => Ops->Displacement = executions;
}
