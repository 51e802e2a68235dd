using Iced.Intel;
using Jitvmm.Runtime.Cpu;
using static Iced.Intel.AssemblerRegisters;

namespace Jitvmm.Tests.Runtime.Callouts;

/// <summary>Limit, type and presence of segments on each access of 16- and 32-bit code (SDM vol. 3A, 5.3 and 5.5; vol. 3A, 6.15, interrupts 12 and 13).</summary>
public sealed unsafe class SegmentCheckTests : IDisposable
{
    private const int Data = 0x93;
    private const int ReadOnly = 0x91;
    private const int ExpandDown = 0x97;
    private const int ExecuteOnly = 0x99;
    private const int ReadableCode = 0x9b;
    private const int General = 13;
    private const int Stack = 12;

    private readonly TestMachine _machine = new();

    /// <summary>A selector for each of a test's segments; bases are 40000h.</summary>
    private uint Segment(uint limit, int access, int flags = 4, int number = 0)
    {
        uint selector = TestMachine.Free + (uint)(number * 8);
        _machine.SetDescriptor(selector, TestMachine.Segment(0x40000, limit, (byte)access, flags));
        return selector;
    }

    [Theory]
    [InlineData(0xfffu, Data, 4, 0xffcu, FaultRun.None)]
    [InlineData(0xfffu, Data, 4, 0xffdu, General)]
    [InlineData(0xfffu, Data, 4, 0xffffffffu, General)]
    [InlineData(0u, Data, 0xc, 0xffcu, FaultRun.None)]
    [InlineData(0u, Data, 0xc, 0x1000u, General)]
    [InlineData(0xfffu, ReadOnly, 4, 0u, General)]
    [InlineData(0xfffu, ExpandDown, 4, 0xfffu, General)]
    [InlineData(0xfffu, ExpandDown, 4, 0x1000u, FaultRun.None)]
    [InlineData(0xfffu, ExpandDown, 4, 0x20000u, FaultRun.None)]
    [InlineData(0xfffu, ExpandDown, 0, 0xfffcu, FaultRun.None)]
    [InlineData(0xfffu, ExpandDown, 0, 0xfffdu, General)]
    [InlineData(0xfffu, ReadableCode, 4, 0u, General)]
    public void Stores(uint limit, int access, int flags, uint offset, int vector)
    {
        FaultRun run = new FaultRun(_machine.EnterProtectedMode()).Prepare();
        Assembler asm = Loading(ds, Segment(limit, access, flags));
        asm.mov(ebx, unchecked((int)offset));
        asm.mov(__dword_ptr[ebx], eax);
        Assert.Equal(vector, run.Run(asm));
        if (vector >= 0)
        {
            Assert.Equal((0ul, 0x0389ul), (run.ErrorCode, _machine.Read(run.FaultRip, 2)));
        }
    }

    [Theory]
    [InlineData(ReadOnly, 0x10u, FaultRun.None)]
    [InlineData(ReadableCode, 0x10u, FaultRun.None)]
    [InlineData(ReadableCode, 0x1000u, General)]
    public void Loads(int access, uint offset, int vector)
    {
        FaultRun run = new FaultRun(_machine.EnterProtectedMode()).Prepare();
        Assembler asm = Loading(ds, Segment(0xfff, access));
        asm.mov(eax, __dword_ptr[offset]);
        Assert.Equal(vector, run.Run(asm));
    }

    [Fact]
    public void A_null_segment_holds_nothing_but_may_be_named()
    {
        FaultRun run = new FaultRun(_machine.EnterProtectedMode()).Prepare();
        Assembler asm = Loading(ds, 0);
        asm.lea(eax, __[ebx + 0x1000]);
        asm.mov(ecx, __dword_ptr[eax]);
        Assert.Equal(General, run.Run(asm));
        Assert.Equal(0x1000ul, _machine.Cpu->Gpr[0]);
    }

    [Fact]
    public void FS_and_GS_are_looked_at_although_the_others_are_flat()
    {
        FaultRun run = new FaultRun(_machine.EnterProtectedMode()).Prepare();
        _machine.Write(0x40008, 0x1234, 4);
        Assembler good = Loading(fs, Segment(0xf, Data));
        good.mov(eax, __dword_ptr.fs[8]);
        Assert.Equal(FaultRun.None, run.Run(good));
        Assert.Equal(0x1234ul, _machine.Cpu->Gpr[0]);
        Assembler bad = new(32);
        bad.mov(eax, __dword_ptr.fs[0xd]);
        Assert.Equal(General, run.Run(bad));
    }

    [Fact]
    public void Execute_only_code_cannot_be_read()
    {
        FaultRun run = new FaultRun(_machine.EnterProtectedMode()).Prepare();
        _machine.SetDescriptor(TestMachine.Free, TestMachine.Segment(0, 0xfffff, ExecuteOnly, 0xc));
        Assembler asm = new(32);
        asm.AddInstruction(Instruction.CreateBranch(Iced.Intel.Code.Jmp_ptr1632, (ushort)TestMachine.Free, FaultRun.Code + 7));
        asm.mov(eax, __dword_ptr.cs[0]);
        Assert.Equal(General, run.Run(asm));
        Assert.Equal(FaultRun.Code + 7, run.FaultRip);
    }

    [Fact]
    public void Pushes_outside_the_stack_fault_as_stacks()
    {
        // User code, so that the handler has a stack of its own.
        FaultRun run = new FaultRun(_machine.EnterProtectedMode()).Prepare();
        _machine.SetDescriptor(TestMachine.Free, TestMachine.Segment(0x40000, 0xfff, 0xf7, 4));
        Assembler asm = new(32);
        asm.mov(eax, (int)TestMachine.Free | 3);
        asm.mov(ss, eax);
        asm.mov(esp, 0x1004);
        asm.push(eax);
        asm.push(eax);
        _machine.EnterUser(TestMachine.UserCode32);
        Assert.Equal((Stack, 0ul), (run.Run(asm), run.ErrorCode));
        Assert.Equal((FaultRun.Code + 13ul, 0x1000ul), (run.FaultRip, _machine.Slot(4, 4)));
    }

    [Fact]
    public void An_address_through_EBP_faults_as_a_stack()
    {
        FaultRun run = new FaultRun(_machine.EnterProtectedMode()).Prepare();
        Assembler asm = Loading(ss, Segment(0xffff, Data));
        asm.mov(esp, 0x8000);
        asm.mov(ebp, 0xfffe);
        asm.mov(eax, __dword_ptr[ebp]);
        Assert.Equal((Stack, 0ul), (run.Run(asm), run.ErrorCode));
    }

    [Fact]
    public void Repeated_strings_stop_at_the_limit_with_what_they_did()
    {
        FaultRun run = new FaultRun(_machine.EnterProtectedMode()).Prepare();
        Assembler asm = Loading(es, Segment(0x1f, Data));
        asm.mov(edi, 0x10);
        asm.mov(ecx, 0x20);
        asm.mov(al, 0x5a);
        asm.rep.stosb();
        Assert.Equal(General, run.Run(asm));
        Assert.Equal((0x20ul, 0x10ul), (_machine.Cpu->Gpr[7], _machine.Cpu->Gpr[1]));
        Assert.Equal((0x5aul, 0ul), (_machine.Read(0x4001f, 1), _machine.Read(0x40020, 1)));
    }

    [Fact]
    public void A_repeat_of_nothing_touches_nothing()
    {
        FaultRun run = new FaultRun(_machine.EnterProtectedMode()).Prepare();
        Assembler asm = Loading(es, 0);
        asm.xor(ecx, ecx);
        asm.rep.stosb();
        Assert.Equal(FaultRun.None, run.Run(asm));
    }

    [Fact]
    public void Bit_strings_reach_as_far_as_their_register_says()
    {
        FaultRun run = new FaultRun(_machine.EnterProtectedMode()).Prepare();
        Assembler asm = Loading(ds, Segment(0xff, Data));
        asm.mov(eax, 0xff * 8);
        asm.bts(__dword_ptr[0], eax);
        asm.mov(eax, 0x100 * 8);
        asm.bts(__dword_ptr[0], eax);
        Assert.Equal(General, run.Run(asm));
        Assert.Equal(1ul, _machine.Read(0x400ff, 1));
        Assert.Equal(0x800ul, _machine.Cpu->Gpr[0]);
    }

    [Fact]
    public void Code_is_not_fetched_past_its_limit()
    {
        FaultRun run = new FaultRun(_machine.EnterProtectedMode()).Prepare();
        _machine.SetDescriptor(TestMachine.Free, TestMachine.Segment(0, FaultRun.Code + 0x12, ReadableCode, 4));
        Assembler asm = new(32);
        asm.AddInstruction(Instruction.CreateBranch(Iced.Intel.Code.Jmp_ptr1632, (ushort)TestMachine.Free, FaultRun.Code + 7));
        asm.mov(eax, 1);
        asm.mov(ebx, 2);
        asm.mov(ecx, 3);
        Assert.Equal(General, run.Run(asm));
        Assert.Equal((FaultRun.Code + 17ul, 0ul), (run.FaultRip, run.ErrorCode));
        Assert.Equal((1ul, 2ul), (_machine.Cpu->Gpr[0], _machine.Cpu->Gpr[3]));
    }

    [Fact]
    public void The_same_code_runs_flat_and_checked()
    {
        FaultRun run = new FaultRun(_machine.EnterProtectedMode()).Prepare();
        uint limited = Segment(0xff, Data);
        Assembler asm = new(32);
        Label function = asm.CreateLabel();
        Label over = asm.CreateLabel();
        asm.jmp(over);
        asm.Label(ref function);
        asm.mov(edx, __dword_ptr[0x1000]);
        asm.ret();
        asm.Label(ref over);
        asm.mov(ecx, 3);
        Label loop = asm.CreateLabel();
        asm.Label(ref loop);
        asm.call(function);
        asm.loop(loop);
        asm.mov(eax, (int)limited);
        asm.mov(ds, eax);
        asm.call(function);
        Assert.Equal(General, run.Run(asm));
        Assert.Equal(FaultRun.Code + 2, run.FaultRip);
    }

    [Fact]
    public void Real_mode_words_do_not_wrap()
    {
        _machine.Cpu->System.IdtLimit = 0x3ff;
        FaultRun run = new FaultRun(_machine).Prepare();
        _machine.Load(SegmentIndex.Cs, 0);
        _machine.Load(SegmentIndex.Ss, 0x1000);
        Assembler asm = new(16);
        asm.mov(sp, 0x8000);
        asm.mov(bx, 0xffff);
        asm.mov(al, __byte_ptr[bx]);
        asm.mov(ax, __word_ptr[bx]);
        Assert.Equal(General, run.Run(asm));
        _machine.Load(SegmentIndex.Cs, 0);
        Assembler stack = new(16);
        stack.mov(bp, 0xffff);
        stack.mov(__word_ptr[bp], ax);
        Assert.Equal(Stack, run.Run(stack));
    }

    public void Dispose() => _machine.Dispose();

    private static Assembler Loading(AssemblerRegisterSegment segment, uint selector)
    {
        Assembler asm = new(32);
        asm.mov(eax, (int)selector);
        asm.mov(segment, eax);
        return asm;
    }
}
