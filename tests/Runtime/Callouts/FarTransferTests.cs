using Iced.Intel;
using Jitvmm.Runtime.Callouts;
using Jitvmm.Runtime.Cpu;
using Jitvmm.Runtime.Execution;

namespace Jitvmm.Tests.Runtime.Callouts;

/// <summary>SDM vol. 2A, CALL, IRET, JMP; vol. 2B, RET; vol. 3A, 5.8 and chapter 7.</summary>
public sealed unsafe class FarTransferTests : IDisposable
{
    private const uint Own = TestMachine.Free;
    private const ulong Other = 0x14000;

    private readonly TestMachine _machine = new();

    [Theory]
    [InlineData(0u, 0ul, ExceptionVector.GeneralProtection, 0u)]
    [InlineData(TestMachine.KernelData, 0ul, ExceptionVector.GeneralProtection, TestMachine.KernelData)]
    [InlineData(TestMachine.UserCode, 0ul, ExceptionVector.GeneralProtection, 0x18u)]
    [InlineData(TestMachine.TaskSelector, 0ul, ExceptionVector.GeneralProtection, TestMachine.TaskSelector)]
    [InlineData(TestMachine.KernelCode, 0x8000_0000_0000ul, ExceptionVector.GeneralProtection, 0u)]
    [InlineData(TestMachine.KernelCode32, 0x1_0000_0000ul, ExceptionVector.GeneralProtection, 0u)]
    public void Jumps_that_long_mode_forbids(uint selector, ulong offset, ExceptionVector vector, uint errorCode)
    {
        _machine.EnterLongMode();
        CpuException fault = TestMachine.Raises(() => FarTransfers.Jump(_machine.Cpu, selector, offset, 0));
        Assert.Equal((vector, errorCode), (fault.Vector, fault.ErrorCode));
    }

    [Fact]
    public void Call_and_return_between_64_bit_and_compatibility_code()
    {
        _machine.EnterLongMode();
        FarTransfers.Call(_machine.Cpu, TestMachine.KernelCode32, 0x2000, 8, 0x1234);
        Assert.Equal(32, CpuMode.CodeBits(_machine.Cpu));
        Assert.Equal([0x1234, TestMachine.KernelCode], _machine.Slots(2));
        _machine.Push(4, TestMachine.KernelCode, 0x5678);
        FarTransfers.Return(_machine.Cpu, 4, 8);
        Assert.Equal((64, 0x5678u, TestMachine.Stack - 8), (CpuMode.CodeBits(_machine.Cpu), _machine.Rip, _machine.Cpu->Gpr[4]));
    }

    [Fact]
    public void Call_gate_of_long_mode_leads_inward()
    {
        _machine.EnterLongMode().EnterUser().SetDescriptor(Own, TestMachine.Gate(TestMachine.KernelCode, 0x30000, 0xec));
        _machine.SetDescriptor(Own + 8, 0);
        FarTransfers.Call(_machine.Cpu, Own | 3, 0, 8, 0x4007);
        Assert.Equal((0, 0x30000u, TestMachine.InnerStack - 32), (_machine.Cpu->System.Cpl, _machine.Rip, _machine.Cpu->Gpr[4]));
        Assert.Equal([0x4007, TestMachine.UserCode, 0x80000, TestMachine.UserData], _machine.Slots(4));
        FarTransfers.Return(_machine.Cpu, 8, 0);
        Assert.Equal((3, 0x4007u, 0x80000ul), (_machine.Cpu->System.Cpl, _machine.Rip, _machine.Cpu->Gpr[4]));
    }

    [Fact]
    public void Call_gate_of_protected_mode_copies_parameters()
    {
        _machine.EnterProtectedMode().EnterUser(TestMachine.UserCode32).SetDescriptor(Own, TestMachine.Gate(TestMachine.KernelCode32, 0x30000, 0xec, 2));
        _machine.Push(4, 0xaaaa, 0xbbbb);
        FarTransfers.Call(_machine.Cpu, Own | 3, 0, 4, 0x4007);
        Assert.Equal([0x4007, TestMachine.UserCode32, 0xbbbb, 0xaaaa, 0x7fff8, TestMachine.UserData], _machine.Slots(6, 4));
        FarTransfers.Return(_machine.Cpu, 4, 8);
        Assert.Equal((3, 0x80000ul), (_machine.Cpu->System.Cpl, _machine.Cpu->Gpr[4]));
    }

    [Fact]
    public void Return_outward_takes_inner_segments_away()
    {
        _machine.EnterProtectedMode();
        _machine.Load(SegmentIndex.Fs, TestMachine.KernelData);
        _machine.Load(SegmentIndex.Gs, TestMachine.UserData);
        _machine.EnterUser(TestMachine.UserCode32);
        Assert.Equal((0, (int)TestMachine.UserData), (_machine.Cpu->Selectors[(int)SegmentIndex.Fs], _machine.Cpu->Selectors[(int)SegmentIndex.Gs]));
        Assert.Equal(0, _machine.Cpu->Selectors[(int)SegmentIndex.Ds]);
    }

    [Fact]
    public void Interrupt_return_refuses_a_nested_task_in_long_mode()
    {
        _machine.EnterLongMode();
        _machine.Cpu->FlagsSystem |= SystemFlags.NestedTask;
        TestMachine.RaisesProtection(() => FarTransfers.ReturnFromInterrupt(_machine.Cpu, 8, 0));
    }

    [Theory]
    [InlineData(0ul, TestMachine.KernelCode, 0ul, TestMachine.KernelData, true)]
    [InlineData(0ul, TestMachine.KernelCode, 0ul, 0u, true)]
    [InlineData(0ul, TestMachine.UserCode, 0ul, 3u, false)]
    [InlineData(0ul, TestMachine.UserCode, 0ul, TestMachine.KernelData, false)]
    [InlineData(0x8000_0000_0000ul, TestMachine.UserCode, 0ul, TestMachine.UserData, false)]
    [InlineData(0ul, TestMachine.KernelCode | 3, 0ul, TestMachine.UserData, false)]
    [InlineData(0ul, 0u, 0ul, TestMachine.UserData, false)]
    public void Interrupt_return_checks_both_segments(ulong rip, uint code, ulong stack, uint stackSegment, bool isAllowed)
    {
        _machine.EnterLongMode().Push(8, stackSegment, stack, 2, code, rip);
        ulong before = _machine.Cpu->Gpr[4];
        if (isAllowed)
        {
            FarTransfers.ReturnFromInterrupt(_machine.Cpu, 8, 0);
            Assert.Equal(stack, _machine.Cpu->Gpr[4]);
        }
        else
        {
            Assert.Equal(ExceptionVector.GeneralProtection, TestMachine.Raises(() => FarTransfers.ReturnFromInterrupt(_machine.Cpu, 8, 0)).Vector);
            Assert.Equal((before, TestMachine.KernelCode), (_machine.Cpu->Gpr[4], _machine.Cpu->Selectors[1]));
        }
    }

    [Fact]
    public void User_code_cannot_raise_its_own_privilege_level_flags()
    {
        _machine.EnterLongMode().EnterUser().Push(8, TestMachine.UserData, 0x80000, 0x3247, TestMachine.UserCode, 0x4000);
        _machine.Cpu->WriteFlags(2);
        FarTransfers.ReturnFromInterrupt(_machine.Cpu, 8, 0);
        Assert.Equal(0x47ul, _machine.Cpu->ReadFlags());
    }

    [Fact]
    public void Task_switch_saves_and_loads_everything_and_comes_back()
    {
        _machine.EnterProtectedMode();
        WriteOther();
        _machine.Cpu->Gpr[0] = 0x1111;
        _machine.Cpu->WriteFlags(0x2);
        FarTransfers.Call(_machine.Cpu, Own, 0, 4, 0x1007);
        Assert.Equal((0x5000u, 0xabcdul, 0x70000ul), (_machine.Rip, _machine.Cpu->Gpr[0], _machine.Cpu->Gpr[4]));
        Assert.Equal(0x4046ul, _machine.Cpu->ReadFlags());
        Assert.NotEqual(0ul, _machine.Cpu->System.Cr0 & Cr0.TaskSwitched);
        Assert.Equal(TestMachine.TaskSelector, _machine.Read(Other, 2));
        Assert.Equal(0x8bul, _machine.Read(TestMachine.Gdt + Own + 5, 1));
        FarTransfers.ReturnFromInterrupt(_machine.Cpu, 4, 0x5001);
        Assert.Equal((0x1007u, 0x1111ul, 2ul), (_machine.Rip, _machine.Cpu->Gpr[0], _machine.Cpu->ReadFlags()));
        Assert.Equal(0x89ul, _machine.Read(TestMachine.Gdt + Own + 5, 1));
        Assert.Equal(0x5001ul, _machine.Read(Other + 0x20, 4));
    }

    /// <summary>The trap is the new task's, before its first instruction (SDM vol. 3B, 17.3.1.5).</summary>
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void A_task_that_asks_for_a_trap_gets_it(bool asks)
    {
        FaultRun run = new FaultRun(_machine.EnterProtectedMode()).Prepare();
        WriteOther();
        _machine.Write(Other + 0x64, asks ? 1u : 0, 2);
        _machine.Write(0x5000, 0xf4, 1);
        Assembler asm = new(32);
        asm.call((ushort)Own, 0);
        Assert.Equal(asks ? (int)ExceptionVector.Debug : FaultRun.None, run.Run(asm));
        Assert.Equal(asks ? Breakpoints.TaskTrap : 0, _machine.Cpu->System.Debug[6] & 0xe00f);
        Assert.Equal(asks, run.FaultRip == 0x5000);
    }

    public void Dispose() => _machine.Dispose();

    /// <summary>A task to switch to.</summary>
    private void WriteOther()
    {
        _machine.SetDescriptor(Own, TestMachine.Segment((uint)Other, 0x67, 0x89, 0));
        _machine.Write(Other + 0x20, 0x5000, 4);
        _machine.Write(Other + 0x24, 0x46, 4);
        _machine.Write(Other + 0x28, 0xabcd, 4);
        _machine.Write(Other + 0x38, 0x70000, 4);
        foreach ((uint place, uint selector) in ((uint, uint)[])[(0x48, 0x10), (0x4c, 0x38), (0x50, 0x10), (0x54, 0x10), (0x58, 0), (0x5c, 0), (0x60, 0)])
        {
            _machine.Write(Other + place, selector, 4);
        }
    }
}
