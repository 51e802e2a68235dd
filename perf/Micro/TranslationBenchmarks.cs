using BenchmarkDotNet.Attributes;
using Iced.Intel;
using Jitvmm.Runtime.CodeCache;
using Jitvmm.Runtime.Memory;
using Jitvmm.Translator.Decode;
using Jitvmm.Translator.Emit;
using Jitvmm.Translator.Handlers;
using Jitvmm.Translator.Ir;
using Jitvmm.Translator.Lift;
using Jitvmm.Translator.Passes;
using Jitvmm.Translator.Regions;
using static Iced.Intel.AssemblerRegisters;

namespace Jitvmm.Perf.Micro;

/// <summary>The parts of translation, on a loop of whole numbers, memory and a call, as compilers make them.</summary>
[MemoryDiagnoser]
public class TranslationBenchmarks
{
    private readonly Instruction[] _instructions = new Instruction[BlockDecoder.MaxInstructions];
    private readonly IrBuilder _ir = new();
    private readonly BlockDecoder _decoder = new(HandlerSet.Direct, 0);
    private int[] _used = [];
    private IrInstruction[] _code = [];
    private Lifter? _lifter;
    private LoopGuest? _guest;
    private RegionBuilder? _builder;
    private TranslationBlock? _head;
    private List<RegionBlock> _blocks = [];
    private int _count;

    /// <summary>Guest instructions of the block; all numbers but the region's are for the whole of it.</summary>
    public int BlockInstructions => _count;

    [GlobalSetup]
    public void SetUp()
    {
        Label callee = default;
        _guest = new LoopGuest(GuestMode.Interpreted);
        _ = _guest.AddLoop(
            asm =>
            {
                callee = asm.CreateLabel();
                asm.mov(rax, __qword_ptr[rsp - 16]);
                asm.lea(rcx, __[rax + rax * 4 + 17]);
                asm.imul(rcx, rcx, 0x1234567);
                asm.mov(rdx, rcx);
                asm.shr(rdx, 13);
                asm.xor(rcx, rdx);
                asm.movzx(esi, cl);
                asm.add(__qword_ptr[rsp - 24], rsi);
                asm.cmp(rsi, rdx);
                asm.cmovb(rsi, rcx);
                asm.call(callee);
                asm.test(rax, rax);
                asm.setne(bl);
                asm.mov(__qword_ptr[rsp - 32], rcx);
            },
            asm =>
            {
                asm.Label(ref callee);
                asm.add(rax, rcx);
                asm.rol(rax, 5);
                asm.movq(xmm0, rax);
                asm.pxor(xmm1, xmm0);
                asm.ret();
            });
        _guest.Run(LoopGuest.Code, 100);
        _lifter = new Lifter(_ir);
        _count = _decoder.Decode(_guest.Memory, LoopGuest.Code, _instructions, out _);
        LiftBlock();
        _code = _ir.Code.ToArray();
        _used = new int[_code.Length];
        _builder = new RegionBuilder(_guest.Cache, null);
        _head = _guest.Cache.Find(LoopGuest.Code) ?? throw new InvalidOperationException("the guest did not run");
        _blocks = BuildRegion() ?? throw new InvalidOperationException("no region of the loop");
    }

    [GlobalCleanup]
    public void CleanUp() => _guest!.Dispose();

    [Benchmark]
    [HotPath]
    public int Decode() => _decoder.Decode(_guest!.Memory, LoopGuest.Code, _instructions, out _);

    [Benchmark]
    public int LiftBlock()
    {
        _ir.Clear();
        for (int i = 0; i < _count; i++)
        {
            _ir.Guest = i;
            if (!_lifter!.TryLift(_instructions[i]))
            {
                throw new InvalidOperationException($"{_instructions[i]} is not lifted");
            }
        }

        return _ir.Count;
    }

    [Benchmark]
    [HotPath]
    public StatusFlags PassFlagUse() => FlagUse.ReadBy(_instructions.AsSpan(0, _count));

    [Benchmark]
    public FlagDemand PassDeadCode() => DeadCode.Mark(_code, FlagDemand.Exit, _used);

    [Benchmark]
    public AddressRoots PassAddressRoots() => new(_code);

    /// <summary>Chooses the region's blocks and lifts them, dead code found.</summary>
    [Benchmark]
    public List<RegionBlock>? BuildRegion() => _builder!.Build(_head!, null, true);

    /// <summary>IL, and what RyuJIT makes of it.</summary>
    [Benchmark]
    public Region EmitAndCompile() => RegionEmitter.Compile(_blocks, _builder!.Flow, RegionAccess.Direct, [], HandlerSet.Direct);
}
