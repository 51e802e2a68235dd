using BenchmarkDotNet.Attributes;
using Jitvmm.Runtime.CodeCache;
using Jitvmm.Runtime.Execution;
using static Iced.Intel.AssemblerRegisters;

namespace Jitvmm.Perf.Micro;

/// <summary>How a block is found, and what it takes to throw one away and make it anew.</summary>
[MemoryDiagnoser]
public unsafe class LookupBenchmarks
{
    private LoopGuest? _guest;

    [GlobalSetup]
    public void SetUp()
    {
        _guest = new LoopGuest(GuestMode.Interpreted);
        _ = _guest.AddLoop(static asm =>
        {
            asm.add(rax, 3);
            asm.xor(rdx, rax);
        });
        _guest.Run(LoopGuest.Code, 100);
    }

    [GlobalCleanup]
    public void CleanUp() => _guest!.Dispose();

    /// <summary>By a vCPU, in its jump cache.</summary>
    [Benchmark]
    [HotPath]
    public bool InJumpCache() => Dispatch.Find(_guest!.Cpu, LoopGuest.Code) != null;

    /// <summary>In the code cache, which all vCPUs share.</summary>
    [Benchmark]
    [HotPath]
    public TranslationBlock? InCodeCache() => _guest!.Cache.Find(LoopGuest.Code);

    /// <summary>A write to a block's page, and the block decoded again when it runs next.</summary>
    [Benchmark]
    public void InvalidateAndRunAgain()
    {
        _guest!.Memory.InvalidateCode(LoopGuest.Code, 1);
        _guest.Run(LoopGuest.Code, 1);
    }
}
