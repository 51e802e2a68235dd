using Jitvmm.Runtime.CodeCache;
using Jitvmm.Runtime.Execution;
using Jitvmm.Runtime.Host;
using Jitvmm.Runtime.Interpret;
using Jitvmm.Runtime.Memory;
using Jitvmm.Runtime.Paravirt;
using Jitvmm.Translator.Decode;
using Jitvmm.Translator.Handlers;
using Jitvmm.Translator.Regions;

namespace Jitvmm.Translator;

/// <summary>Which tiers may run guest code.</summary>
public enum Tiering
{
    /// <summary>Tier 0 first, hot code in tier 1.</summary>
    Auto,

    /// <summary>The threaded interpreter only.</summary>
    Tier0,

    /// <summary>Every block is compiled before it first runs; tier 0 executes only what compiled code leaves to it.</summary>
    Tier1,
}

/// <summary>Settings of an <see cref="Engine"/>.</summary>
public sealed record EngineOptions
{
    public Tiering Tiering { get; init; } = Tiering.Auto;

    /// <summary>Bytes of predecoded and compiled code after which everything is thrown away and made anew.</summary>
    public long CodeCacheLimit { get; init; } = CodeCache.DefaultLimit;

    /// <summary>
    /// Compiled code checks the permissions of each access, so that faults have exact state, from the start. It
    /// does so in any case once the guest handles faults or executes code it may write.
    /// </summary>
    public bool Checked { get; init; }

    /// <summary>
    /// Nobody writes to the guest's memory while its one vCPU runs, until <see cref="Engine.ShareMemory"/> is called: compiled code may keep what it read or wrote.
    /// </summary>
    public bool IsMemoryPrivate { get; init; }

    /// <summary>What a machine's guest may call; null for nothing.</summary>
    public ParavirtualInterface? Paravirtual { get; init; }

    /// <summary>A machine's CPU counts the instructions it executes, one by one, and asks the platform for time to pass. Tier 0 only.</summary>
    public bool CountsInstructions { get; init; }
}

/// <summary>Everything that executes the code of one address space: cache, decoder, compiler.</summary>
public sealed unsafe class Engine : IDisposable
{
    public Engine(AddressSpace memory, EngineOptions? options = null)
    {
        Options = options ?? new EngineOptions();
        HostFaults.Install();
        HostFaults.RegisterWindow(memory.HostBase - AddressSpace.GuardSize, AddressSpace.Limit + 2 * AddressSpace.GuardSize);
        ulong threshold = ThresholdOf(Options.Tiering);
        Cache = new CodeCache(memory, new BlockDecoder(HandlerSet.Direct, threshold), HandlerSet.Direct.Records, Options.CodeCacheLimit);
        if (threshold != 0)
        {
            Compiler = new RegionCompiler(Cache, HandlerSet.Direct, Options.Tiering == Tiering.Tier1, Options.Checked, Options.IsMemoryPrivate);
        }
    }

    /// <summary>
    /// Executions of a block before its region is compiled: about as many as cost in tier 0 what compiling an instruction does
    /// (some 60 µs against 4 ns saved each time), so that guessing wrong costs at most twice the best.
    /// </summary>
    private const ulong HotThreshold = 16000;

    public EngineOptions Options { get; }

    /// <summary>Tier 1; null when only tier 0 may run.</summary>
    public RegionCompiler? Compiler { get; }

    public CodeCache Cache { get; }

    public AddressSpace Memory => (AddressSpace)Cache.Memory;

    /// <summary>Executions after which a block is offered to tier 1; 0 for never.</summary>
    internal static ulong ThresholdOf(Tiering tiering) => tiering switch
    {
        Tiering.Tier0 => 0,
        Tiering.Tier1 => 1,
        _ => HotThreshold,
    };

    /// <summary>A new vCPU of this address space, for the calling thread.</summary>
    public VCpu CreateVCpu() => new(Cache, Compiler);

    /// <summary>The guest will look at the state of its faults. Its vCPU calls this from outside generated code.</summary>
    public void RequireExactFaults() => Compiler?.RequireChecks();

    /// <summary>From now on others may write to the guest's memory: another vCPU, or another process. The calling thread's vCPU is outside generated code.</summary>
    public void ShareMemory() => Compiler?.ShareMemory();

    /// <summary>Call before the host process forks, with the fork gate closed and every other vCPU stopped; pair with <see cref="EndFork"/> on both sides.</summary>
    public void BeginFork() => Compiler?.AwaitStopped();

    /// <summary>Call after the fork; in the child, <paramref name="survivor"/> is the one vCPU that goes on.</summary>
    public void EndFork(VCpu? survivor)
    {
        if (survivor != null)
        {
            Cache.KeepOnly(survivor);
            Compiler?.ResetAfterFork();
        }
    }

    /// <summary>Call when the address space is about to be emptied for another program, from its only vCPU, outside generated code: what was translated goes.</summary>
    public void ReplaceProgram()
    {
        // Nothing of the old program's code is ever found again, and invalidation alone would not give its memory back.
        if (Cache.UsedBytes > 0)
        {
            Cache.Flush();
        }

        Cache.Observer?.ProgramReplaced();
        Compiler?.ProgramReplaced();
    }

    /// <summary>Call when no vCPU runs any more.</summary>
    public void Dispose()
    {
        // It reads guest code and writes records.
        Compiler?.Dispose();
        HostFaults.RemoveWindow(Memory.HostBase - AddressSpace.GuardSize);
        Cache.Dispose();
    }
}
