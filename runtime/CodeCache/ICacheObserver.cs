using Jitvmm.Runtime.Cpu;
using Jitvmm.Runtime.Execution;

namespace Jitvmm.Runtime.CodeCache;

/// <summary>Whoever records what becomes of translations. Nothing but a test for null is spent where there is nobody.</summary>
public unsafe interface ICacheObserver
{
    /// <summary>A block was made; called with <see cref="CodeCache.Gate"/> held.</summary>
    void Added(TranslationBlock block);

    /// <summary>A block became stale; called with <see cref="CodeCache.Gate"/> held, before regions made of it go.</summary>
    void Invalidated(TranslationBlock block, in CodeChange change);

    /// <summary>Every block and region is about to go; called with <see cref="CodeCache.Gate"/> held, while no vCPU is inside generated code.</summary>
    void Flushing();

    /// <summary>The address space is about to hold another program; everything of the old one was flushed. Called by its only vCPU.</summary>
    void ProgramReplaced();

    /// <summary>A vCPU came back from generated code to its loop. On the vCPU's thread.</summary>
    void Left(BlockExit exit, CpuState* state);
}
