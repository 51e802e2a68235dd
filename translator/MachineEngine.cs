using Jitvmm.Runtime.Callouts;
using Jitvmm.Runtime.CodeCache;
using Jitvmm.Runtime.Execution;
using Jitvmm.Runtime.Memory;
using Jitvmm.Translator.Decode;
using Jitvmm.Translator.Handlers;
using Jitvmm.Translator.Regions;

namespace Jitvmm.Translator;

/// <summary>Everything that executes the code of one machine guest.</summary>
public sealed class MachineEngine : IDisposable
{
    public MachineEngine(PhysicalMemory memory, EngineOptions? options = null)
    {
        Options = options ?? new EngineOptions();
        Memory = memory;
        HandlerSet handlers = HandlerSet.ForMachine(Options.CountsInstructions);
        ulong threshold = Options.CountsInstructions ? 0 : Engine.ThresholdOf(Options.Tiering);
        int blockLength = Options.CountsInstructions ? 1 : BlockDecoder.MaxInstructions;
        Cache = new CodeCache(memory, new BlockDecoder(handlers, threshold, blockLength) { Sites = Options.Paravirtual?.Sites }, handlers.Records, Options.CodeCacheLimit);
        if (threshold != 0)
        {
            Compiler = new RegionCompiler(Cache, handlers, Options.Tiering == Tiering.Tier1, false, paravirtual: Options.Paravirtual);
        }

        if (Options.Paravirtual is { } paravirtual)
        {
            Cache.BlockInvalidated += paravirtual.Sites.CodeChanged;
        }
    }

    public EngineOptions Options { get; }

    public PhysicalMemory Memory { get; }

    public CodeCache Cache { get; }

    /// <summary>Tier 1; null when only tier 0 may run.</summary>
    public RegionCompiler? Compiler { get; }

    /// <summary>A new CPU of the machine, for the calling thread.</summary>
    public MachineCpu CreateCpu(ICpuPlatform platform, int index) => new(Cache, platform, index, Compiler) { CountsInstructions = Options.CountsInstructions };

    /// <summary>Call when no CPU of the machine runs any more.</summary>
    public void Dispose()
    {
        Compiler?.Dispose();
        Cache.Dispose();
    }
}
