using Iced.Intel;
using Jitvmm.Runtime.Cpu;
using Jitvmm.Runtime.Execution;
using static Iced.Intel.AssemblerRegisters;

namespace Jitvmm.Tests.Runtime.Callouts;

/// <summary>Instructions whose two accesses have the same index in the soft TLB: neither may throw out the other for ever.</summary>
public sealed unsafe class TlbConflictTests
{
    private const ulong Code = 0x1000;

    // 512 pages apart.
    private const ulong First = 0x100000;
    private const ulong Second = 0x300000;

    [Fact]
    public void A_push_from_memory_ends() => Run(static asm => asm.push(__qword_ptr[rsi]), static machine => Assert.Equal(1ul, machine.Read(Second)));

    [Fact]
    public void A_pop_to_memory_ends() => Run(
        static asm =>
        {
            asm.lea(rsp, __[rsp - 8]);
            asm.pop(__qword_ptr[rsi]);
        },
        static machine => Assert.Equal(2ul, machine.Read(First)));

    [Fact]
    public void A_move_of_strings_ends() => Run(static asm => asm.movsq(), static machine => Assert.Equal(1ul, machine.Read(Second)));

    [Fact]
    public void A_comparison_of_strings_ends() => Run(static asm => asm.cmpsq(), static machine => Assert.Equal(1ul, machine.Cpu->FlagC));

    /// <summary>The limit lies in the first page; the base goes on in the next.</summary>
    [Fact]
    public void A_table_register_that_crosses_a_pages_end_is_stored_and_loaded() => Run(
        static asm =>
        {
            asm.sgdt(__[rsi + 0xff9]);
            asm.lgdt(__[rsi + 0xff9]);
        },
        static machine => Assert.Equal((TestMachine.Gdt, 0xffful, TestMachine.Gdt), (machine.Cpu->System.GdtBase, machine.Read(First + 0xff9, 2), machine.Read(First + 0xffb))));

    [Fact]
    public void A_far_pointer_that_crosses_a_pages_end_is_followed() => Run(
        static asm =>
        {
            Label target = asm.CreateLabel("target");
            asm.lea(rax, __[target]);
            asm.mov(__[rsi + 0xff7], rax);
            asm.mov(__word_ptr[rsi + 0xfff], (short)TestMachine.KernelCode);
            asm.db(0x48, 0xff, 0xae, 0xf7, 0x0f, 0, 0);
            asm.ud2();
            asm.Label(ref target);
            asm.inc(rbx);
        },
        static machine => Assert.Equal(1ul, machine.Cpu->Gpr[3]));

    /// <summary>With 1 at RSI and 2 at RDI and below RSP, in pages that are both in the TLB's write tables already.</summary>
    private static void Run(Action<Assembler> body, Action<TestMachine> check)
    {
        Exception? failure = null;
        var thread = new Thread(() =>
        {
            try
            {
                RunHere(body, check);
            }
            catch (Exception error)
            {
                failure = error;
            }
        })
        { IsBackground = true };
        thread.Start();
        Assert.True(thread.Join(TimeSpan.FromMinutes(2)), "the instruction does not end");
        Assert.Null(failure);
    }

    private static void RunHere(Action<Assembler> body, Action<TestMachine> check)
    {
        using TestMachine machine = new TestMachine().EnterLongMode();
        Assembler asm = new(64);
        asm.mov(rsi, First);
        asm.mov(rdi, Second);
        asm.mov(__qword_ptr[rsi], 1);
        asm.mov(__qword_ptr[rdi], 2);
        asm.lea(rsp, __[rdi + 8]);
        body(asm);
        asm.hlt();
        machine.Place(asm, Code);
        machine.Cpu->Rip = Code;
        Assert.Equal(MachineExit.Halted, machine.Run());
        check(machine);
    }
}
