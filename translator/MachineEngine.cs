using Jitvmm.Runtime.Callouts;
using Jitvmm.Runtime.CodeCache;
using Jitvmm.Runtime.Execution;
using Jitvmm.Runtime.Memory;
using Jitvmm.Translator.Decode;
using Jitvmm.Translator.Handlers;

namespace Jitvmm.Translator;

/// <summary>Everything that executes the code of one machine guest.</summary>
public sealed class MachineEngine : IDisposable
{
    public MachineEngine(PhysicalMemory memory, EngineOptions? options = null)
    {
        Options = options ?? new EngineOptions();
        Memory = memory;
        HandlerSet handlers = HandlerSet.ForMachine();
        Cache = new CodeCache(memory, new BlockDecoder(handlers, 0), handlers.Stale, handlers.Return, Options.CodeCacheLimit);
    }

    public EngineOptions Options { get; }

    public PhysicalMemory Memory { get; }

    public CodeCache Cache { get; }

    /// <summary>A new CPU of the machine, for the calling thread.</summary>
    public MachineCpu CreateCpu(ICpuPlatform platform, int index) => new(Cache, platform, index);

    public void Dispose() => Cache.Dispose();
}
