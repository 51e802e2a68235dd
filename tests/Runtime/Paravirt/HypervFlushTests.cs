using System.Collections.Concurrent;
using Iced.Intel;
using Jitvmm.Runtime.Execution;
using Jitvmm.Runtime.Paravirt;
using Jitvmm.Runtime.Paravirt.Hyperv;
using Jitvmm.Tests.Runtime.Callouts;
using static Iced.Intel.AssemblerRegisters;

namespace Jitvmm.Tests.Runtime.Paravirt;

/// <summary>Processors that flush each other's TLBs while both run: the flush is done when the hypercall's caller goes on, and nobody waits for ever.</summary>
public sealed class HypervFlushTests : IDisposable
{
    private const ulong Code = 0x1000;
    private const ulong Page = 0x6000;
    private const ulong Input = 0x8000;
    private const ulong Result = 0x8100;

    /// <summary>In the second large page, whose table entry can lead elsewhere.</summary>
    private const ulong Seen = 0x201000;
    private const int Rounds = 20_000;
    private static readonly TimeSpan s_limit = TimeSpan.FromSeconds(60);

    private readonly HypervInterface _hyperv = new();
    private readonly TestMachine?[] _machines = new TestMachine?[2];
    private readonly ConcurrentQueue<Exception> _failures = [];
    private readonly ManualResetEventSlim _hasFirst = new();
    private readonly ManualResetEventSlim _mayFlush = new();
    private readonly Barrier _areThere = new(2);
    private readonly Barrier _areDone = new(2);

    [Fact]
    public void A_flushed_processor_sees_the_new_tables_before_the_caller_goes_on()
    {
        Thread[] threads = [Start(0, Watch), Start(1, FlushOnce)];
        Assert.True(SpinWait.SpinUntil(() => !_failures.IsEmpty || (_machines[0] is { } machine && machine.Read(Result) == 1), s_limit));
        _machines[0]!.Write(TestMachine.PageTables + 0x2008, 0x87);
        _mayFlush.Set();
        Assert.All(threads, static thread => Assert.True(thread.Join(s_limit)));
        Assert.Empty(_failures);
    }

    [Fact]
    public void Processors_that_flush_each_other_all_go_on()
    {
        _mayFlush.Set();
        Thread[] threads = [Start(0, FlushOften), Start(1, FlushOften)];
        Assert.All(threads, static thread => Assert.True(thread.Join(s_limit)));
        Assert.Empty(_failures);

        // A caller is found though its processor has just forgotten where its code is.
        HypercallSite call = Assert.Single(_hyperv.Sites.All, static site => site.Instruction == HypercallInstruction.Call);
        Assert.Equal(2ul * Rounds, _hyperv.Sites.TimesTaken(call.Index));
    }

    public void Dispose()
    {
        _hasFirst.Dispose();
        _mayFlush.Dispose();
        _areThere.Dispose();
        _areDone.Dispose();
    }

    /// <summary>Reads a word until it changes, and stores each reading.</summary>
    private static void Watch(Assembler asm)
    {
        Label loop = asm.CreateLabel();
        asm.mov(rsi, Seen);
        asm.mov(rdi, Result);
        asm.Label(ref loop);
        asm.mov(rax, __qword_ptr[rsi]);
        asm.mov(__qword_ptr[rdi], rax);
        asm.cmp(rax, 1);
        asm.je(loop);
        asm.xor(ebx, ebx);
        asm.hlt();
    }

    private static void FlushOnce(Assembler asm) => Flush(asm, 1);

    private static void FlushOften(Assembler asm) => Flush(asm, Rounds);

    /// <summary>Flushes all processors, and gathers the results.</summary>
    private static void Flush(Assembler asm, int rounds)
    {
        Label loop = asm.CreateLabel();
        asm.mov(ebp, rounds);
        asm.xor(ebx, ebx);
        asm.mov(rdi, Page);
        asm.Label(ref loop);
        asm.mov(ecx, 2);
        asm.mov(rdx, Input);
        asm.call(rdi);
        asm.or(rbx, rax);
        asm.dec(ebp);
        asm.jnz(loop);
        asm.hlt();
    }

    private Thread Start(int index, Action<Assembler> write)
    {
        var thread = new Thread(() => Serve(index, write)) { IsBackground = true };
        thread.Start();
        return thread;
    }

    private void Serve(int index, Action<Assembler> write)
    {
        try
        {
            if (index != 0)
            {
                _hasFirst.Wait();
            }

            using var machine = new TestMachine(memory => (_hyperv, new FakeParavirtualHost(memory) { Index = (uint)index, LooksAround = other => _machines[other]!.Kick() }));
            machine.EnterLongMode();
            machine.Write(Seen, 1);
            machine.Write(Input + 8, 1);
            Assert.True(machine.Paravirtual!.TryWriteMsr(0x40000000, 1) && machine.Paravirtual.TryWriteMsr(0x40000001, Page | 1));
            var asm = new Assembler(64);
            write(asm);
            machine.Place(asm, Code);
            SetRip(machine);
            _machines[index] = machine;
            _hasFirst.Set();
            _areThere.SignalAndWait();
            if (index != 0)
            {
                _mayFlush.Wait();
            }

            Assert.Equal(MachineExit.Halted, machine.Run());
            Assert.Equal(0ul, Rbx(machine));

            // The other one may still make this one look around.
            _areDone.SignalAndWait();
        }
        catch (Exception failure) when (failure is not OutOfMemoryException)
        {
            _failures.Enqueue(failure);
        }
    }

    private static unsafe void SetRip(TestMachine machine) => machine.Cpu->Rip = Code;

    private static unsafe ulong Rbx(TestMachine machine) => machine.Cpu->Gpr[3];
}
