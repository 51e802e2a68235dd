using System.Reflection.Emit;
using BenchmarkDotNet.Attributes;
using Iced.Intel;
using Jitvmm.Runtime.Memory;
using Jitvmm.Translator.Emit;
using Jitvmm.Translator.Handlers;
using Jitvmm.Translator.Ir;
using Jitvmm.Translator.Passes;
using Jitvmm.Translator.Regions;
using static Iced.Intel.AssemblerRegisters;

namespace Jitvmm.Perf.Micro;

/// <summary>What a region goes through once its blocks are lifted: each analysis and pass, IL, and RyuJIT; of a loop in whole numbers, and of one in packed floats, where NaNs have an order to be kept.</summary>
[MemoryDiagnoser]
public class PassBenchmarks
{
    /// <summary>A method is compiled once: these are there when the clock starts.</summary>
    private const int Methods = 40;

    private readonly DynamicMethod[] _methods = new DynamicMethod[Methods];
    private LoopGuest? _guest;
    private List<RegionBlock> _blocks = [];
    private Dictionary<ulong, RegionBlock> _chosen = [];
    private RegionFlow? _flow;
    private RegionBlock? _largest;
    private AddressRoots? _roots;

    [Params(LoopKind.Integers, LoopKind.Floats)]
    public LoopKind Loop { get; set; }

    [GlobalSetup]
    public void SetUp()
    {
        _guest = new LoopGuest(GuestMode.Interpreted);
        _ = _guest.AddLoop(Loop == LoopKind.Integers ? Integers : Floats);
        _guest.Run(LoopGuest.Code, 100);
        var builder = new RegionBuilder(_guest.Cache, null);
        _blocks = builder.Build(_guest.Cache.Find(LoopGuest.Code)!, null, true) ?? throw new InvalidOperationException("no region of the loop");
        _chosen = _blocks.ToDictionary(static block => block.Address);
        _flow = builder.Flow;
        _largest = _blocks.MaxBy(static block => block.Code.Length)!;
        _roots = new AddressRoots(_largest.Code);
        if (_flow.Nans.IsNeeded != (Loop == LoopKind.Floats))
        {
            throw new InvalidOperationException("the loop in floats alone has an order of NaNs to keep");
        }
    }

    [GlobalCleanup]
    public void CleanUp() => _guest!.Dispose();

    /// <summary>How control goes, which pages of code are known, and which registers have NaNs.</summary>
    [Benchmark]
    public RegionFlow PassFlow() => new(_blocks, false);

    [Benchmark]
    public NanFlow PassNanFlow() => new(_blocks, _flow!.Graph);

    /// <summary>Flags and dead code, over the whole region.</summary>
    [Benchmark]
    public void PassFlagLiveness() => new FlagLiveness(_flow!, false, static _ => StatusFlags.All).Find(_blocks, _chosen);

    [Benchmark]
    public AccessGroups PassAccessGroups() => new(_largest!, _roots!);

    /// <summary>IL, with the analyses that emission makes for each block.</summary>
    [Benchmark]
    public DynamicMethod Emit() => RegionEmitter.Emit(_blocks, _flow!, RegionAccess.Checked, HandlerSet.Direct);

    [IterationSetup(Target = nameof(RyuJit))]
    public void EmitMethods()
    {
        for (int i = 0; i < Methods; i++)
        {
            _methods[i] = Emit();
        }
    }

    [Benchmark(OperationsPerInvoke = Methods)]
    public void RyuJit()
    {
        foreach (DynamicMethod method in _methods)
        {
            _ = RegionEmitter.Prepare(method);
        }
    }

    /// <summary>Accesses near each other, flags that nobody reads, and a table.</summary>
    private static void Integers(Assembler asm)
    {
        asm.mov(rdi, LoopGuest.Data);
        asm.mov(rax, __qword_ptr[rdi]);
        asm.add(rax, __qword_ptr[rdi + 8]);
        asm.imul(rcx, rax, 17);
        asm.mov(__qword_ptr[rdi + 16], rcx);
        asm.movzx(esi, cl);
        asm.xor(rax, __qword_ptr[rdi + rsi * 8 + 64]);
        asm.add(__qword_ptr[rdi + 24], rax);
        asm.cmp(rax, rcx);
        asm.cmovb(rdx, rax);
        asm.mov(__qword_ptr[rdi + 32], rdx);
    }

    /// <summary>A row of a matrix times a factor, two at a time, with a sum in a register.</summary>
    private static void Floats(Assembler asm)
    {
        asm.mov(rdi, LoopGuest.Data);
        for (int i = 0; i < 4; i++)
        {
            asm.vmovupd(ymm1, __ymmword_ptr[rdi + i * 32]);
            asm.vmulpd(ymm2, ymm1, ymm0);
            asm.vaddpd(ymm3, ymm3, ymm2);
            asm.vmovupd(__ymmword_ptr[rdi + 256 + i * 32], ymm2);
        }

        asm.vunpckhpd(ymm4, ymm3, ymm3);
        asm.vaddpd(ymm5, ymm4, ymm3);
    }
}
