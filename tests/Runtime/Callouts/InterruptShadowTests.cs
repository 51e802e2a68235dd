using Iced.Intel;
using Jitvmm.Runtime.Cpu;
using Jitvmm.Runtime.Execution;
using static Iced.Intel.AssemblerRegisters;

namespace Jitvmm.Tests.Runtime.Callouts;

/// <summary>Interrupts that come during the instruction behind STI (SDM vol. 3A, 6.8.3).</summary>
public sealed unsafe class InterruptShadowTests : IDisposable
{
    private const ulong Code = 0x1000;
    private const int Vector = 0x40;

    private readonly TestMachine _machine = new TestMachine().EnterLongMode();

    [Fact]
    public void An_interrupt_is_not_lost_when_the_shadowed_instruction_faults()
    {
        SetHandler((int)ExceptionVector.InvalidOpcode, static asm => asm.add(__qword_ptr[rsp], 2));
        SetHandler(Vector, static asm => asm.inc(rbx));
        Assembler asm = new(64);
        asm.ud2();
        asm.nop();
        asm.cli();
        asm.hlt();
        _machine.Place(asm, Code);
        _machine.Cpu->Rip = Code;
        _machine.Cpu->FlagsSystem |= SystemFlags.Interrupt;
        _machine.Cpu->System.InterruptShadow = 1;
        _machine.Cpu->System.ShadowedAddress = Code;
        _machine.Interrupt = Vector;
        _machine.Cpu->ExitRequest = 1;
        Assert.Equal(MachineExit.Halted, _machine.Run());
        Assert.Equal(1ul, _machine.Cpu->Gpr[3]);
    }

    /// <summary>The window that STI opens is closed again right behind the instruction in its shadow.</summary>
    [Fact]
    public void An_interrupt_that_waits_is_taken_between_the_shadowed_instruction_and_CLI()
    {
        SetHandler(Vector, static asm => asm.inc(rbx));
        Assembler asm = new(64);
        asm.sti();
        asm.nop();
        asm.cli();
        asm.hlt();
        _machine.Place(asm, Code);
        _machine.Cpu->Rip = Code;
        _machine.Interrupt = Vector;
        _machine.Cpu->ExitRequest = 1;
        Assert.Equal(MachineExit.Halted, _machine.Run());
        Assert.Equal(1ul, _machine.Cpu->Gpr[3]);
    }

    public void Dispose() => _machine.Dispose();

    private void SetHandler(int vector, Action<Assembler> body)
    {
        ulong handler = TestMachine.Handlers + (0x100 * (ulong)vector);
        _machine.SetLongGate(vector, handler);
        Assembler asm = new(64);
        body(asm);
        asm.iretq();
        _machine.Place(asm, handler);
    }
}
