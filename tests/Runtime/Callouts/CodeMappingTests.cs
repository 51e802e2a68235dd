using Iced.Intel;
using Jitvmm.Runtime.Callouts;
using Jitvmm.Runtime.Cpu;
using Jitvmm.Runtime.Execution;
using Jitvmm.Runtime.Memory;
using static Iced.Intel.AssemblerRegisters;

namespace Jitvmm.Tests.Runtime.Callouts;

/// <summary>Code runs where the page tables say it is (SDM vol. 3A, 4.10.4), whatever the CPU remembers of it.</summary>
public sealed unsafe class CodeMappingTests : IDisposable
{
    private const ulong Caller = 0x1000;
    private const ulong Linear = 0x80_0000_0000;
    private const ulong Table = 0x102000;
    private const ulong First = 0x200000;
    private const ulong Second = 0x201000;

    /// <summary>Where calls write a page-table entry.</summary>
    private const ulong Entry = Table;

    private readonly TestMachine _machine = new TestMachine().EnterLongMode();

    public CodeMappingTests()
    {
        _machine.Write(TestMachine.PageTables + 8, 0x100007);
        _machine.Write(0x100000, 0x101007);
        _machine.Write(0x101000, Table | 7);
        Map(0, First);
        Map(1, First);
        PlaceFunction(First, 0x100, 1);
        PlaceFunction(Second, 0x100, 2);
    }

    public void Dispose() => _machine.Dispose();

    /// <summary>Calls, maps the other page there, does what a test wants to know of, and calls again.</summary>
    [Fact]
    public void INVLPG_shows_the_new_page() => Assert.Equal(2ul, CallTwice(0x100, static asm => asm.invlpg(__byte_ptr[rdi])));

    [Fact]
    public void INVLPG_of_another_page_need_not() => Assert.Equal(1ul, CallTwice(0x100, static asm => asm.invlpg(__byte_ptr[rdi + 0x1000])));

    [Fact]
    public void A_load_of_CR3_shows_the_new_page() => Assert.Equal(2ul, CallTwice(0x100, static asm =>
    {
        asm.mov(rcx, cr3);
        asm.mov(cr3, rcx);
    }));

    /// <summary>An instruction in two pages, of which the second is replaced.</summary>
    [Fact]
    public void INVLPG_of_the_second_page_shows_the_rest_of_an_instruction()
    {
        // MOV EAX, imm32 from two bytes before the page's end: the upper three bytes of the number are in the next.
        _machine.Write(First + 0xffe, 0x01b8, 2);
        _machine.Write(First, 0xc3_000000, 4);
        _machine.Write(Second, 0xc3_000001, 4);
        Map(1, First);
        ulong result = CallTwice(0xffe, static asm => asm.invlpg(__byte_ptr[rdi + 0x1000]), changed: 1);
        Assert.Equal(0x101ul, result);
    }

    /// <summary>
    /// A branch is taken for the first time after its page was mapped elsewhere, without a flush: it may go on in either page. When the first page is back, flushed, it goes on there.
    /// </summary>
    [Fact]
    public void A_chain_into_another_mapping_of_the_page_does_not_last()
    {
        foreach ((ulong frame, int result) in ((ulong, int)[])[(First, 1), (Second, 2)])
        {
            Assembler function = new(64);
            Label there = function.CreateLabel();
            function.test(ebx, ebx);
            function.jne(there);
            function.xor(eax, eax);
            function.ret();
            while (function.Instructions.Count < 0x40)
            {
                function.nop();
            }

            function.Label(ref there);
            function.mov(eax, result);
            function.ret();
            _machine.Place(function, frame + 0x400);
        }

        // What is a megabyte of pages behind has the same place in the cache of fetches.
        const ulong Far = 1024;
        _machine.Write(0x101000 + (8 * Far / 512), 0x103007);
        _machine.Write(0x103000 + (8 * (Far % 512)), First | 7);
        Assembler asm = new(64);
        asm.mov(rdi, Linear);
        asm.mov(rsi, Linear + 0x400);
        asm.mov(r12, Linear + (Far << 12) + 0x100);
        asm.xor(ebx, ebx);
        asm.call(rsi);
        asm.mov(rdx, Entry);
        asm.mov(rcx, Second | 7);
        asm.mov(__qword_ptr[rdx], rcx);
        asm.call(r12);
        asm.mov(ebx, 1);
        asm.call(rsi);
        asm.mov(r13, rax);
        asm.mov(rcx, First | 7);
        asm.mov(__qword_ptr[rdx], rcx);
        asm.invlpg(__byte_ptr[rdi]);
        asm.call(rsi);
        asm.hlt();
        _machine.Place(asm, Caller);
        _machine.Cpu->Rip = Caller;
        Assert.Equal(MachineExit.Halted, _machine.Run());
        Assert.InRange(_machine.Cpu->Gpr[13], 1ul, 2ul);
        Assert.Equal(1ul, _machine.Cpu->Gpr[0]);
    }

    /// <summary>A loop that branches to an instruction in two pages, with the jump cache emptied in each round.</summary>
    [Fact]
    public void A_block_in_two_pages_is_translated_once()
    {
        const int Rounds = 100;
        Assembler asm = new(64);
        Label again = asm.CreateLabel();
        asm.mov(rcx, Linear + 0x1800);
        asm.mov(ebx, Rounds);
        asm.Label(ref again);
        asm.invlpg(__byte_ptr[rcx - 0x1000]);
        asm.mov(rax, Linear + 0xf00);
        asm.call(rax);
        asm.dec(ebx);
        asm.jne(again);
        asm.hlt();
        _machine.Place(asm, Caller);
        Map(1, Second);
        _machine.Write(First + 0xf00, 0xf9e9, 5);
        _machine.Write(First + 0xffe, 0x01b8, 2);
        _machine.Write(Second, 0xc3_000000, 4);
        _machine.Cpu->Rip = Caller;
        Assert.Equal(MachineExit.Halted, _machine.Run());
        Assert.Equal(1ul, _machine.Cpu->Gpr[0]);
        Assert.Equal(0, _machine.BlocksInvalidated);
    }

    /// <summary>The kernel's access to user memory between STAC and CLAC, compiled: the fault of the access outside comes at each try.</summary>
    [Fact]
    public void Compiled_code_opens_and_closes_user_memory()
    {
        const ulong Data = First + 0x800;
        const int Rounds = 100_000;
        ControlRegisters.Write(_machine.Cpu, 4, _machine.Cpu->System.Cr4 | Cr4.SupervisorAccessPrevention, 0);
        _machine.Write(TestMachine.PageTables + 0x2000, 0x83);
        _machine.Write(Data, 1);
        SoftTlb.FlushAll(_machine.Cpu);
        ulong handler = TestMachine.Handlers;
        _machine.SetLongGate((int)ExceptionVector.PageFault, handler);
        Assembler fault = new(64);
        fault.inc(r8);
        fault.add(rsp, 8);
        fault.add(__qword_ptr[rsp], 3);
        fault.iretq();
        _machine.Place(fault, handler);
        Assembler asm = new(64);
        Label again = asm.CreateLabel();
        asm.mov(rdi, Linear + 0x800);
        asm.mov(ebx, Rounds);
        asm.Label(ref again);
        asm.stac();
        asm.add(rdx, __qword_ptr[rdi]);
        asm.clac();
        asm.add(rsi, __qword_ptr[rdi]);
        asm.dec(ebx);
        asm.jne(again);
        asm.hlt();
        _machine.Place(asm, Caller);
        _machine.Cpu->Gpr[2] = 0;
        _machine.Cpu->Gpr[6] = 0;
        _machine.Cpu->Gpr[8] = 0;
        _machine.Cpu->Rip = Caller;
        Assert.Equal(MachineExit.Halted, _machine.Run());
        Assert.Equal(((ulong)Rounds, 0ul, (ulong)Rounds), (_machine.Cpu->Gpr[2], _machine.Cpu->Gpr[6], _machine.Cpu->Gpr[8]));
    }

    private ulong CallTwice(ulong offset, Action<Assembler> between, int changed = 0)
    {
        Assembler asm = new(64);
        asm.mov(rdi, Linear);
        asm.mov(rbx, Linear + offset);
        asm.call(rbx);
        asm.mov(rdx, Entry + (8 * (ulong)changed));
        asm.mov(rcx, Second | 7);
        asm.mov(__qword_ptr[rdx], rcx);
        between(asm);
        asm.call(rbx);
        asm.hlt();
        _machine.Place(asm, Caller);
        _machine.Cpu->Rip = Caller;
        Assert.Equal(MachineExit.Halted, _machine.Run());
        return _machine.Cpu->Gpr[0];
    }

    private void Map(int page, ulong frame) => _machine.Write(Table + (8 * (ulong)page), frame | 7);

    private void PlaceFunction(ulong frame, ulong offset, int result)
    {
        Assembler asm = new(64);
        asm.mov(eax, result);
        asm.ret();
        _machine.Place(asm, frame + offset);
    }
}
