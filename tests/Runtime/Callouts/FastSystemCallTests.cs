using Jitvmm.Runtime.Callouts;
using Jitvmm.Runtime.Cpu;
using Jitvmm.Runtime.Execution;

namespace Jitvmm.Tests.Runtime.Callouts;

/// <summary>SDM vol. 2B, SYSCALL, SYSRET, SYSENTER, SYSEXIT.</summary>
public sealed unsafe class FastSystemCallTests : IDisposable
{
    private readonly TestMachine _machine = new();

    [Fact]
    public void Syscall_and_sysret_change_levels()
    {
        _machine.EnterLongMode();
        ModelSpecificRegisters.TryWrite(_machine.Cpu, 0xc0000081, (0x0008ul << 32) | (0x0010ul << 48));
        ModelSpecificRegisters.TryWrite(_machine.Cpu, 0xc0000082, 0xffffffff_81000000);
        ModelSpecificRegisters.TryWrite(_machine.Cpu, 0xc0000084, 0x200);
        _machine.EnterUser();
        _machine.Cpu->Gpr[1] = 0x4002;
        _machine.Cpu->Gpr[11] = _machine.Cpu->ReadFlags();
        FastSystemCalls.Enter(_machine.Cpu);
        Assert.Equal((0, 0xffffffff_81000000, 2ul), (_machine.Cpu->System.Cpl, _machine.Cpu->Rip, _machine.Cpu->ReadFlags()));
        Assert.Equal((8, 16), (_machine.Cpu->Selectors[1], _machine.Cpu->Selectors[2]));
        FastSystemCalls.Return(_machine.Cpu, 1);
        Assert.Equal((3, 0x4002ul, 0x202ul), (_machine.Cpu->System.Cpl, _machine.Cpu->Rip, _machine.Cpu->ReadFlags()));
        Assert.Equal((0x23, 0x1b), (_machine.Cpu->Selectors[1], _machine.Cpu->Selectors[2]));
        Assert.Equal(64, CpuMode.CodeBits(_machine.Cpu));
    }

    [Fact]
    public void Sysret_wants_the_kernel_and_a_canonical_target()
    {
        _machine.EnterLongMode();
        _machine.Cpu->Gpr[1] = 0x8000_0000_0000;
        TestMachine.RaisesProtection(() => FastSystemCalls.Return(_machine.Cpu, 1));
        _machine.Cpu->System.Efer &= ~Efer.SyscallEnable;
        Assert.Equal(ExceptionVector.InvalidOpcode, TestMachine.Raises(() => FastSystemCalls.Return(_machine.Cpu, 1)).Vector);
    }

    [Fact]
    public void Sysenter_and_sysexit_change_levels()
    {
        _machine.EnterProtectedMode();
        TestMachine.RaisesProtection(() => FastSystemCalls.SysEnter(_machine.Cpu));
        ModelSpecificRegisters.TryWrite(_machine.Cpu, 0x174, 8);
        ModelSpecificRegisters.TryWrite(_machine.Cpu, 0x175, 0x7000);
        ModelSpecificRegisters.TryWrite(_machine.Cpu, 0x176, 0x8000);
        _machine.EnterUser(TestMachine.UserCode32);
        FastSystemCalls.SysEnter(_machine.Cpu);
        Assert.Equal((0, 0x8000u, 0x7000ul, 32), (_machine.Cpu->System.Cpl, _machine.Rip, _machine.Cpu->Gpr[4], CpuMode.CodeBits(_machine.Cpu)));
        _machine.Cpu->Gpr[1] = 0x80000;
        _machine.Cpu->Gpr[2] = 0x4000;
        FastSystemCalls.SysExit(_machine.Cpu, 0);
        Assert.Equal((3, 0x4000u, 0x80000ul, 0x1b), (_machine.Cpu->System.Cpl, _machine.Rip, _machine.Cpu->Gpr[4], _machine.Cpu->Selectors[1]));
    }

    [Fact]
    public void Syscall_is_undefined_outside_64_bit_mode()
    {
        _machine.EnterLongMode();
        Assert.Equal(0, _machine.Cpu->System.SyscallDisabled);
        FarTransfers.Jump(_machine.Cpu, TestMachine.KernelCode32, 0x2000, 0);
        Assert.Equal(1, _machine.Cpu->System.SyscallDisabled);
    }

    public void Dispose() => _machine.Dispose();
}
