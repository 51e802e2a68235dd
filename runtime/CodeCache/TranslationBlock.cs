
namespace Jitvmm.Runtime.CodeCache;

/// <summary>
/// A straight run of guest instructions from one entry, predecoded for tier 0. Blocks never move; a block whose
/// bytes changed is made stale in place and its memory reused when the whole cache is flushed.
/// </summary>
public sealed unsafe class TranslationBlock
{
    /// <summary>Made by a translator; <paramref name="ops"/> come from <see cref="CodeCache.Allocate"/>.</summary>
    public TranslationBlock(ulong address, ulong end, TbOp* ops, int opCount, int instructionCount)
    {
        Address = address;
        End = end;
        Ops = ops;
        OpCount = opCount;
        InstructionCount = instructionCount;
    }

    /// <summary>Guest address of the first instruction.</summary>
    public ulong Address { get; }

    /// <summary>First guest address past the last instruction.</summary>
    public ulong End { get; }

    /// <summary>The records; the first is the safepoint and execution counter.</summary>
    public TbOp* Ops { get; }

    public int OpCount { get; }

    public int InstructionCount { get; }

    /// <summary>Times entered in tier 0.</summary>
    public ulong Executions => Ops->Immediate;

    /// <summary>Whether its guest bytes changed since.</summary>
    public bool IsStale { get; internal set; }
}
