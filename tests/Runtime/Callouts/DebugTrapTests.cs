using Iced.Intel;
using Jitvmm.Runtime.Callouts;
using Jitvmm.Runtime.Cpu;
using static Iced.Intel.AssemblerRegisters;

namespace Jitvmm.Tests.Runtime.Callouts;

/// <summary>Breakpoints and single steps (SDM vol. 3B, 17.2 and 17.3).</summary>
public sealed unsafe class DebugTrapTests : IDisposable
{
    private const int Debug = 1;
    private const ulong Log = 0x60000;
    private const int Data = 0x50000;
    private const ulong LogHandler = 0x31000;

    private readonly TestMachine _machine = new();
    private readonly FaultRun _run;

    public DebugTrapTests() => _run = new FaultRun(_machine.EnterLongMode()).Prepare();

    /// <summary>The instruction in the shadow of MOV SS is not stopped at, and the same one without the shadow is.</summary>
    [Theory]
    [InlineData(true, FaultRun.None)]
    [InlineData(false, Debug)]
    public void An_instruction_breakpoint_behind_MOV_SS_does_not_hit(bool isShadowed, int expected)
    {
        DebugRegisters.Write(_machine.Cpu, 0, FaultRun.Code + 4);
        DebugRegisters.Write(_machine.Cpu, 7, 0x402);
        Assembler asm = new(64);
        asm.mov(eax, ss);
        if (isShadowed)
        {
            asm.mov(ss, eax);
        }
        else
        {
            asm.mov(ebx, eax);
        }

        asm.nop();
        Assert.Equal(expected, _run.Run(asm));
    }

    [Fact]
    public void Single_steps_come_behind_each_instruction()
    {
        _machine.Cpu->Gpr[7] = Data;
        LogTraps();
        Assembler asm = new(64);
        Label[] at = new Label[14];
        for (int i = 0; i < at.Length; i++)
        {
            at[i] = asm.CreateLabel($"l{i}");
        }

        asm.pushfq();
        asm.or(__dword_ptr[rsp], (int)SystemFlags.Trap);
        asm.popfq();
        asm.cmp(eax, eax);
        asm.Label(ref at[0]);
        asm.je(at[1]);
        asm.nop();
        asm.Label(ref at[1]);
        asm.mov(ecx, 3);
        asm.Label(ref at[2]);
        asm.rep.stosb();
        asm.Label(ref at[3]);
        asm.mov(eax, ss);
        asm.Label(ref at[4]);
        asm.mov(ss, eax);
        asm.nop();
        asm.Label(ref at[5]);
        asm.@int(0x20);
        asm.nop();
        asm.Label(ref at[6]);
        asm.pushfq();
        asm.Label(ref at[7]);
        asm.and(__dword_ptr[rsp], ~(int)SystemFlags.Trap);
        asm.Label(ref at[8]);
        asm.popfq();
        asm.Label(ref at[9]);
        asm.nop();
        asm.Label(ref at[10]);
        asm.hlt();
        _machine.SetLongGate(0x20, 0x31800);
        _machine.Write(0x31800, 0xcf48, 2);
        using MemoryStream stream = new();
        AssemblerResult result = asm.Assemble(new StreamCodeWriter(stream), FaultRun.Code, BlockEncoderOptions.ReturnNewInstructionOffsets);
        Assert.True(_machine.Memory.Write(FaultRun.Code, stream.ToArray()));
        ulong[] labels = [.. at[..11].Select(label => result.GetLabelRIP(label))];
        Assert.Equal(FaultRun.None, _run.Run(FaultRun.Code));
        int[] expected = [0, 1, 2, 2, 2, 3, 4, 5, 6, 7, 8, 9];
        Assert.Equal(expected.Select(label => labels[label]), Traps());
        Assert.Equal(DebugRegisters.SingleStep, _machine.Cpu->System.Debug[6] & 0xe00f);
    }

    [Fact]
    public void An_instruction_breakpoint_is_a_fault_that_RF_passes()
    {
        SetBreakpoint(2, FaultRun.Code + 5, 0, 1);
        Assembler asm = new(64);
        asm.mov(eax, 1);
        asm.mov(ebx, 2);
        asm.mov(ecx, 3);
        Assert.Equal(Debug, _run.Run(asm));
        Assert.Equal((FaultRun.Code + 5ul, 4ul, 0ul), (_run.FaultRip, _machine.Cpu->System.Debug[6] & 0xe00f, _run.FaultFlags & SystemFlags.Resume));
        Assert.Equal((1ul, 0ul), (_machine.Cpu->Gpr[0], _machine.Cpu->Gpr[3]));
        _machine.Write(_machine.Cpu->Gpr[4] + 16, _run.FaultFlags | SystemFlags.Resume);
        FarTransfers.ReturnFromInterrupt(_machine.Cpu, 8, 0);
        Assert.Equal(FaultRun.None, _run.Run(_machine.Cpu->Rip));
        Assert.Equal((3ul, 0ul), (_machine.Cpu->Gpr[1], _machine.Cpu->FlagsSystem & SystemFlags.Resume));
    }

    [Theory]
    [InlineData(1, 4, Data, true, true)]
    [InlineData(1, 4, Data, false, false)]
    [InlineData(3, 4, Data, false, true)]
    [InlineData(3, 4, Data - 3, false, true)]
    [InlineData(3, 4, Data - 4, true, false)]
    [InlineData(3, 4, Data + 3, true, true)]
    [InlineData(3, 4, Data + 4, true, false)]
    [InlineData(1, 1, Data - 3, true, true)]
    [InlineData(1, 1, Data + 1, true, false)]
    [InlineData(1, 8, Data + 7, true, true)]
    [InlineData(1, 8, Data + 8, true, false)]
    public void A_data_breakpoint_is_a_trap(int kind, int length, int address, bool writes, bool hits)
    {
        SetBreakpoint(1, Data, kind, length);
        Assembler asm = new(64);
        if (writes)
        {
            asm.mov(__dword_ptr[address], eax);
        }
        else
        {
            asm.mov(eax, __dword_ptr[address]);
        }

        ulong behind = FaultRun.Code + 9;
        Assert.Equal(hits ? Debug : FaultRun.None, _run.Run(asm));
        Assert.Equal(hits ? (behind, 2ul) : (_run.FaultRip, 0ul), (_run.FaultRip, _machine.Cpu->System.Debug[6] & 0xe00f));
    }

    [Fact]
    public void Calls_strings_and_atomic_accesses_hit_too()
    {
        SetBreakpoint(0, TestMachine.Stack - 8, 1, 8);
        Assembler call = new(64);
        Label next = call.CreateLabel();
        call.call(next);
        call.Label(ref next);
        Assert.Equal(Debug, _run.Run(call));
        Assert.Equal(FaultRun.Code + 5ul, _run.FaultRip);

        Assembler strings = new(64);
        SetBreakpoint(0, Data + 2, 1, 1);
        strings.mov(edi, Data);
        strings.mov(ecx, 8);
        strings.rep.stosb();
        Assert.Equal(Debug, _run.Run(strings));
        Assert.Equal((FaultRun.Code + 10ul, 5ul), (_run.FaultRip, _machine.Cpu->Gpr[1]));

        Assembler atomic = new(64);
        SetBreakpoint(0, Data, 3, 4);
        atomic.@lock.add(__dword_ptr[Data], 1);
        Assert.Equal(Debug, _run.Run(atomic));
    }

    /// <summary>The frame of the interrupt is pushed at the watched place; the trap comes before the handler's first instruction.</summary>
    [Theory]
    [InlineData(TestMachine.Stack - 8, 1)]
    [InlineData(TestMachine.Stack - 40, 1)]
    [InlineData(TestMachine.Idt + 0x200, 3)]
    public void What_an_interrupt_reads_and_pushes_hits(ulong address, int kind)
    {
        const ulong Handler = 0x31800;
        SetBreakpoint(2, address, kind, 8);
        _machine.SetLongGate(0x20, Handler);
        _machine.Write(Handler, 0xf490, 2);
        Assembler asm = new(64);
        asm.@int(0x20);
        Assert.Equal(Debug, _run.Run(asm));
        Assert.Equal((Handler, 4ul), (_run.FaultRip, _machine.Cpu->System.Debug[6] & 0xe00f));
    }

    [Fact]
    public void MOV_SS_holds_the_trap_back()
    {
        SetBreakpoint(0, Data, 3, 2);
        _machine.Write(Data, TestMachine.KernelData, 2);
        Assembler asm = new(64);
        asm.mov(ss, __word_ptr[Data]);
        asm.nop();
        asm.nop();
        Assert.Equal(Debug, _run.Run(asm));
        Assert.Equal((FaultRun.Code + 8ul, 1ul), (_run.FaultRip, _machine.Cpu->System.Debug[6] & 0xe00f));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void An_IO_breakpoint_needs_its_extension(bool enabled)
    {
        ControlRegisters.Write(_machine.Cpu, 4, _machine.Cpu->System.Cr4 | (enabled ? Cr4.DebuggingExtensions : 0), 0);
        SetBreakpoint(3, 0x302, 2, 2);
        Assembler asm = new(64);
        asm.mov(edx, 0x301);
        asm.@out(dx, ax);
        Assert.Equal(enabled ? Debug : FaultRun.None, _run.Run(asm));
        Assert.Single(_machine.PortWrites);
        Assert.Equal(enabled ? 8ul : 0, _machine.Cpu->System.Debug[6] & 0xe00f);
    }

    [Fact]
    public void General_detect_protects_the_debug_registers()
    {
        DebugRegisters.Write(_machine.Cpu, 7, 1 << 13);
        Assembler asm = new(64);
        asm.mov(dr0, rax);
        Assert.Equal(Debug, _run.Run(asm));
        Assert.Equal((FaultRun.Code, DebugRegisters.AccessDetected), (_run.FaultRip, _machine.Cpu->System.Debug[6] & 0xe00f));
        Assert.Equal((0ul, SystemFlags.Resume), (_machine.Cpu->System.Debug[7] & (1 << 13), _run.FaultFlags & SystemFlags.Resume));
    }

    [Fact]
    public void INT1_is_a_trap_without_a_cause()
    {
        Assembler asm = new(64);
        asm.int1();
        Assert.Equal(Debug, _run.Run(asm));
        Assert.Equal((FaultRun.Code + 1ul, 0ul), (_run.FaultRip, _machine.Cpu->System.Debug[6] & 0xe00f));
    }

    [Fact]
    public void Breakpoints_written_by_the_guest_work_at_once()
    {
        Assembler asm = new(64);
        asm.mov(eax, Data);
        asm.mov(dr0, rax);
        asm.mov(eax, 0xd0001);
        asm.mov(__dword_ptr[Data], eax);
        asm.mov(dr7, rax);
        asm.mov(__dword_ptr[Data], eax);
        Assert.Equal(Debug, _run.Run(asm));
        Assert.Equal(FaultRun.Code + 5 + 3 + 5 + 9 + 3 + 9, _run.FaultRip);
    }

    public void Dispose() => _machine.Dispose();

    private void SetBreakpoint(int index, ulong address, int kind, int length)
    {
        int code = length switch { 1 => 0, 2 => 1, 8 => 2, _ => 3 };
        DebugRegisters.Write(_machine.Cpu, index, address);
        DebugRegisters.Write(_machine.Cpu, 7, ((ulong)(kind | (code << 2)) << (16 + (4 * index))) | (2ul << (2 * index)));
    }

    /// <summary>The handler of #DB writes down where it came from and goes on.</summary>
    private void LogTraps()
    {
        Assembler handler = new(64);
        handler.push(rax);
        handler.push(rbx);
        handler.mov(rbx, __qword_ptr[Log]);
        handler.mov(rax, __qword_ptr[rsp + 16]);
        handler.mov(__qword_ptr[rbx], rax);
        handler.add(__qword_ptr[Log], 8);
        handler.pop(rbx);
        handler.pop(rax);
        handler.iretq();
        _machine.Place(handler, LogHandler);
        _machine.SetLongGate(Debug, LogHandler);
        _machine.Write(Log, Log + 8);
    }

    private IEnumerable<ulong> Traps()
    {
        ulong end = _machine.Read(Log);
        for (ulong at = Log + 8; at < end; at += 8)
        {
            yield return _machine.Read(at);
        }
    }
}
