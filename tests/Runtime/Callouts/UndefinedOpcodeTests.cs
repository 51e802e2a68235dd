using Iced.Intel;
using Jitvmm.Runtime.Cpu;
using Jitvmm.Runtime.Execution;
using Jitvmm.Translator;
using static Iced.Intel.AssemblerRegisters;

namespace Jitvmm.Tests.Runtime.Callouts;

/// <summary>Bytes that are no instruction raise #UD where they are, however often, and whatever runs the code before them.</summary>
public sealed unsafe class UndefinedOpcodeTests
{
    private const ulong Code = 0x1000;
    private const int Rounds = 50_000;
    private const int InvalidOpcode = 6;

    [Theory]
    [InlineData(Tiering.Tier0)]
    [InlineData(Tiering.Tier1)]
    [InlineData(Tiering.Auto)]
    public void In_a_loop_they_fault_each_time(Tiering tiering)
    {
        using TestMachine machine = new TestMachine(tiering: tiering).EnterLongMode();
        machine.SetLongGate(InvalidOpcode, TestMachine.Handlers);
        Assembler handler = new(64);
        handler.add(__qword_ptr[rsp], 4);
        handler.inc(rbx);
        handler.iretq();
        machine.Place(handler, TestMachine.Handlers);
        Assembler asm = new(64);
        Label loop = asm.CreateLabel("loop");
        asm.mov(ecx, Rounds);
        asm.xor(edx, edx);
        asm.Label(ref loop);
        asm.mov(eax, 1);

        // MOVBE of a register. From its second byte on it would be CMP and SHR.
        asm.db(0x0f, 0x38, 0xf0, 0xc0);
        asm.add(edx, eax);
        asm.dec(ecx);
        asm.jnz(loop);
        asm.hlt();
        machine.Place(asm, Code);
        machine.Cpu->Rip = Code;
        Assert.Equal(MachineExit.Halted, machine.Run());
        Assert.Equal(((ulong)Rounds, (ulong)Rounds), (machine.Cpu->Gpr[3], machine.Cpu->Gpr[2]));
    }
}
