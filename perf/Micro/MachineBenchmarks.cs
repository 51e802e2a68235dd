using BenchmarkDotNet.Attributes;
using Jitvmm.Translator;
using static Iced.Intel.AssemblerRegisters;

namespace Jitvmm.Perf.Micro;

/// <summary>What only guests behind page tables do, an iteration of a loop each.</summary>
[MemoryDiagnoser]
public class MachineBenchmarks
{
    private const int Iterations = 20_000;

    private BareMachine? _probe;
    private BareMachine? _strides;
    private BareMachine? _hypercall;
    private BareMachine? _port;

    [Params(Tiering.Tier0, Tiering.Tier1)]
    public Tiering Tier { get; set; }

    [GlobalSetup]
    public void SetUp()
    {
        _probe = new BareMachine(Tier, static asm =>
        {
            asm.mov(rax, __qword_ptr[BareMachine.Data]);
            asm.mov(__qword_ptr[BareMachine.Data + 8], rax);
        });
        _strides = new BareMachine(Tier, static asm =>
        {
            // Another page each time, as many as the TLB has room for.
            asm.add(rbx, 0x1000);
            asm.and(rbx, 0xff000);
            asm.mov(rax, __qword_ptr[rbx + (long)BareMachine.Data]);
        });
        _hypercall = new BareMachine(Tier, static asm =>
        {
            // KVM_HC_VAPIC_POLL_IRQ, which does nothing.
            asm.mov(eax, 1);
            asm.vmcall();
        });
        _port = new BareMachine(Tier, static asm => asm.@out(0x80, al));
        Use(static machine => machine.Run(Iterations));
    }

    [GlobalCleanup]
    public void CleanUp() => Use(static machine => machine.Dispose());

    [Benchmark(OperationsPerInvoke = Iterations)]
    [HotPath]
    public void TwoProbesOfOnePage() => _probe!.Run(Iterations);

    [Benchmark(OperationsPerInvoke = Iterations)]
    [HotPath]
    public void ProbeOfAnotherPage() => _strides!.Run(Iterations);

    [Benchmark(OperationsPerInvoke = Iterations)]
    [HotPath]
    public void Hypercall() => _hypercall!.Run(Iterations);

    [Benchmark(OperationsPerInvoke = Iterations)]
    [HotPath]
    public void PortWrite() => _port!.Run(Iterations);

    private void Use(Action<BareMachine> use)
    {
        foreach (BareMachine? machine in (BareMachine?[])[_probe, _strides, _hypercall, _port])
        {
            if (machine != null)
            {
                use(machine);
            }
        }
    }
}
