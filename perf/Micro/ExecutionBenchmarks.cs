using BenchmarkDotNet.Attributes;
using Iced.Intel;
using Jitvmm.Runtime.Execution;
using static Iced.Intel.AssemblerRegisters;

namespace Jitvmm.Perf.Micro;

/// <summary>What guest code does all the time, an iteration of a loop each: the loop's own two instructions are in every number.</summary>
[MemoryDiagnoser]
public class ExecutionBenchmarks
{
    private const int Iterations = 20_000;
    private const int SystemCalls = 2_000;
    private const int ChainedBlocks = 6;

    private LoopGuest? _guest;
    private ulong _dispatch;
    private ulong _memory;
    private ulong _chain;
    private ulong _returns;
    private ulong _indirect;
    private ulong _callout;
    private ulong _systemCalls;

    [Params(GuestMode.Interpreted, GuestMode.Compiled, GuestMode.CompiledChecked)]
    public GuestMode Mode { get; set; }

    [GlobalSetup]
    public void SetUp()
    {
        _guest = new LoopGuest(Mode);
        _dispatch = _guest.AddLoop(static asm =>
        {
            asm.add(rax, 3);
            asm.xor(rdx, rax);
            asm.lea(rsi, __[rdx + rax * 2 + 5]);
            asm.sub(rdi, rsi);
        });
        _memory = _guest.AddLoop(static asm =>
        {
            asm.mov(rax, __qword_ptr[LoopGuest.Data]);
            asm.add(rax, __qword_ptr[LoopGuest.Data + 0x1008]);
            asm.mov(__qword_ptr[LoopGuest.Data + 0x2010], rax);
            asm.mov(__dword_ptr[LoopGuest.Data + 0x3018], eax);
        });
        _chain = _guest.AddLoop(static asm =>
        {
            for (int i = 0; i < ChainedBlocks; i++)
            {
                Label next = asm.CreateLabel();
                asm.inc(rax);
                asm.jmp(next);
                asm.int3();
                asm.Label(ref next);
            }

            asm.nop();
        });
        Label callee = default;
        _returns = _guest.AddLoop(
            asm =>
            {
                callee = asm.CreateLabel();
                asm.call(callee);
            },
            asm =>
            {
                asm.Label(ref callee);
                asm.inc(rax);
                asm.ret();
            });
        _indirect = _guest.AddLoop(static asm =>
        {
            // Two targets that take turns.
            Label first = asm.CreateLabel();
            Label second = asm.CreateLabel();
            Label end = asm.CreateLabel();
            asm.lea(rax, __[first]);
            asm.lea(rcx, __[second]);
            asm.test(r15, 1);
            asm.cmove(rax, rcx);
            asm.jmp(rax);
            asm.Label(ref first);
            asm.inc(rdx);
            asm.jmp(end);
            asm.Label(ref second);
            asm.inc(rsi);
            asm.Label(ref end);
            asm.nop();
        });
        _callout = _guest.AddLoop(static asm =>
        {
            asm.xor(eax, eax);
            asm.cpuid();
        });
        _systemCalls = _guest.AddLoop(static asm => asm.syscall());
        foreach (ulong loop in (ulong[])[_dispatch, _memory, _chain, _returns, _indirect, _callout])
        {
            _guest.Run(loop, Iterations);
        }
    }

    [GlobalCleanup]
    public void CleanUp() => _guest!.Dispose();

    [Benchmark(OperationsPerInvoke = Iterations)]
    [HotPath]
    public void Dispatch() => _guest!.Run(_dispatch, Iterations);

    [Benchmark(OperationsPerInvoke = Iterations)]
    [HotPath]
    public void Memory() => _guest!.Run(_memory, Iterations);

    [Benchmark(OperationsPerInvoke = Iterations)]
    [HotPath]
    public void ChainOfSixBlocks() => _guest!.Run(_chain, Iterations);

    [Benchmark(OperationsPerInvoke = Iterations)]
    [HotPath]
    public void CallAndReturn() => _guest!.Run(_returns, Iterations);

    [Benchmark(OperationsPerInvoke = Iterations)]
    [HotPath]
    public void IndirectJump() => _guest!.Run(_indirect, Iterations);

    [Benchmark(OperationsPerInvoke = Iterations)]
    [HotPath]
    public void Callout() => _guest!.Run(_callout, Iterations);

    /// <summary>Out of guest code and back in, without what a personality does between.</summary>
    [Benchmark(OperationsPerInvoke = SystemCalls)]
    [HotPath]
    public void SystemCall()
    {
        _guest!.Run(_systemCalls, SystemCalls);
        for (int i = 0; i < SystemCalls; i++)
        {
            if (_guest.Continue() != CpuExit.SystemCall)
            {
                throw new InvalidOperationException("the guest left with something else than a system call");
            }
        }
    }
}
