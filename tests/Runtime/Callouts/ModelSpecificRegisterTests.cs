using Iced.Intel;
using Jitvmm.Runtime.Callouts;
using Jitvmm.Runtime.Cpu;
using Jitvmm.Runtime.Execution;
using static Iced.Intel.AssemblerRegisters;

namespace Jitvmm.Tests.Runtime.Callouts;

/// <summary>SDM vol. 4, and vol. 3A, 11.11 and 11.12 for memory types.</summary>
public sealed unsafe class ModelSpecificRegisterTests : IDisposable
{
    private readonly TestMachine _machine = new();

    [Theory]
    [InlineData(0xc0000080u, 0x901ul, true)]
    [InlineData(0xc0000080u, 0x1000ul, false)]
    [InlineData(0xc0000082u, 0xffff8000_00000000ul, true)]
    [InlineData(0xc0000082u, 0x8000_0000_0000ul, false)]
    [InlineData(0xc0000100u, 0x8000_0000_0000ul, false)]
    [InlineData(0xc0000102u, 0x7fff_ffff_ffff, true)]
    [InlineData(0xc0000084u, 0x1_0000_0000ul, false)]
    [InlineData(0xc0000103u, 0x1_0000_0000ul, false)]
    [InlineData(0x277u, 0x0407050600070106ul, true)]
    [InlineData(0x277u, 0x02ul, false)]
    [InlineData(0x277u, 0x08ul, false)]
    [InlineData(0x250u, 0x0606060606060606ul, true)]
    [InlineData(0x250u, 0x0606020606060606ul, false)]
    [InlineData(0x200u, 0xe0000000ul, true)]
    [InlineData(0x200u, 0xe0000003ul, false)]
    [InlineData(0x201u, 0xff_e0000800ul, true)]
    [InlineData(0x201u, 0x100_e0000800ul, false)]
    [InlineData(0x2ffu, 0xc06ul, true)]
    [InlineData(0x2ffu, 0xc07ul, false)]
    [InlineData(0x1bu, 0xfee00800ul, true)]
    [InlineData(0xfeu, 0ul, false)]
    [InlineData(0x12345678u, 0ul, false)]
    public void Writes(uint index, ulong value, bool isAllowed)
    {
        Assert.Equal(isAllowed, ModelSpecificRegisters.TryWrite(_machine.Cpu, index, value));
        if (isAllowed && index != 0x1b)
        {
            Assert.True(ModelSpecificRegisters.TryRead(_machine.Cpu, index, out ulong read));
            Assert.Equal(value, read);
        }
    }

    [Fact]
    public void Instruction_form_joins_halves_and_raises_for_the_unknown()
    {
        _machine.Cpu->Gpr[0] = 0xffffffff_00001000;
        _machine.Cpu->Gpr[1] = 0xc0000101;
        _machine.Cpu->Gpr[2] = 0xffff8000;
        ModelSpecificRegisters.Write(_machine.Cpu);
        Assert.Equal(0xffff8000_00001000, _machine.Cpu->GsBase);
        ModelSpecificRegisters.Read(_machine.Cpu);
        Assert.Equal((0x1000ul, 0xffff8000ul), (_machine.Cpu->Gpr[0], _machine.Cpu->Gpr[2]));
        _machine.Cpu->Gpr[1] = 0x999;
        TestMachine.RaisesProtection(() => ModelSpecificRegisters.Read(_machine.Cpu));
    }

    [Fact]
    public void Time_stamp_follows_writes_and_obeys_its_disable_bit()
    {
        _machine.TimeStamp = 1000;
        ModelSpecificRegisters.TryWrite(_machine.Cpu, 0x10, 5000);
        _machine.TimeStamp = 1010;
        _machine.EnterLongMode();
        ControlRegisters.Write(_machine.Cpu, 4, _machine.Cpu->System.Cr4 | Cr4.TimeStampDisable, 0);
        Assert.True(ModelSpecificRegisters.TryWrite(_machine.Cpu, 0xc0000103, 0x80000001));
        Assembler asm = new(64);
        asm.rdtsc();
        asm.mov(rbx, rax);
        asm.rdtscp();
        asm.hlt();
        _machine.Place(asm, 0x1000);
        _machine.Cpu->Gpr[0] = _machine.Cpu->Gpr[1] = _machine.Cpu->Gpr[2] = ulong.MaxValue;
        _machine.Cpu->Rip = 0x1000;
        Assert.Equal(MachineExit.Halted, _machine.Run());
        Assert.Equal((5010ul, 5010ul, 0x80000001ul, 0ul), (_machine.Cpu->Gpr[3], _machine.Cpu->Gpr[0], _machine.Cpu->Gpr[1], _machine.Cpu->Gpr[2]));
        _machine.SetLongGate((int)ExceptionVector.GeneralProtection, TestMachine.Handlers);
        Assembler handler = new(64);
        handler.hlt();
        _machine.Place(handler, TestMachine.Handlers);
        _machine.EnterUser();
        _machine.Cpu->Rip = 0x1000;
        Assert.Equal(MachineExit.Halted, _machine.Run());
        Assert.Equal(0x1000ul, _machine.Slot(1));
    }

    [Fact]
    public void Cpuid_shows_what_the_registers_enable()
    {
        _machine.EnterLongMode();
        Assert.Equal(0ul, Query(1, 1) & (1 << 27));
        ControlRegisters.Write(_machine.Cpu, 4, _machine.Cpu->System.Cr4 | Cr4.Xsave, 0);
        Assert.NotEqual(0ul, Query(1, 1) & (1 << 27));
        Assert.Equal(576ul, Query(0xd, 3));
        _machine.Cpu->System.XCr0 = 7;
        Assert.Equal(832ul, Query(0xd, 3));
    }

    public void Dispose() => _machine.Dispose();

    private ulong Query(uint leaf, int register)
    {
        _machine.Cpu->Gpr[0] = leaf;
        _machine.Cpu->Gpr[1] = 0;
        ProcessorIdentity.Cpuid(_machine.Cpu);
        return _machine.Cpu->Gpr[register];
    }
}
