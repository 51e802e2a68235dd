using Jitvmm.Runtime.Callouts;
using Jitvmm.Runtime.Cpu;
using Jitvmm.Runtime.Execution;

namespace Jitvmm.Tests.Runtime.Callouts;

/// <summary>SDM vol. 3A, chapter 6; vol. 2A, INT n and IRET.</summary>
public sealed unsafe class InterruptDeliveryTests : IDisposable
{
    private readonly TestMachine _machine = new();

    [Fact]
    public void Long_mode_same_level_aligns_the_stack_and_saves_all_of_it()
    {
        _machine.EnterLongMode().SetLongGate(0x40, 0x1234_5678_9000);
        _machine.Cpu->Gpr[4] = TestMachine.Stack - 3;
        _machine.Cpu->WriteFlags(0x247);
        _machine.Cpu->Rip = 0x1111;
        InterruptDelivery.DeliverInterrupt(_machine.Cpu, 0x40);
        Assert.Equal(0x1234_5678_9000ul, _machine.Cpu->Rip);
        Assert.Equal(((TestMachine.Stack - 3) & ~15ul) - 40, _machine.Cpu->Gpr[4]);
        Assert.Equal(0x47ul, _machine.Cpu->ReadFlags());
        Assert.Equal([0x1111, TestMachine.KernelCode, 0x247, TestMachine.Stack - 3, TestMachine.KernelData], _machine.Slots(5));
        FarTransfers.ReturnFromInterrupt(_machine.Cpu, 8, 0);
        Assert.Equal((0x1111ul, TestMachine.Stack - 3, 0x247ul), (_machine.Cpu->Rip, _machine.Cpu->Gpr[4], _machine.Cpu->ReadFlags()));
    }

    [Fact]
    public void Long_mode_from_user_code_changes_to_the_inner_stack_and_back()
    {
        _machine.EnterLongMode().EnterUser().SetLongGate(14, 0x30000, 0x8f);
        _machine.Cpu->Gpr[4] = 0x80000;
        InterruptDelivery.DeliverException(_machine.Cpu, new CpuException(ExceptionVector.PageFault, 6, 0xdead000));
        Assert.Equal(0, _machine.Cpu->System.Cpl);
        Assert.Equal(0xdead000ul, _machine.Cpu->System.Cr2);
        Assert.Equal(TestMachine.InnerStack - 48, _machine.Cpu->Gpr[4]);
        Assert.Equal(0, _machine.Cpu->Selectors[(int)SegmentIndex.Ss]);
        Assert.Equal([6, 0x4000, TestMachine.UserCode, 0x10202, 0x80000, TestMachine.UserData], _machine.Slots(6));
        Assert.NotEqual(0ul, _machine.Cpu->FlagsSystem & SystemFlags.Interrupt);
        _machine.Cpu->Gpr[4] += 8;
        FarTransfers.ReturnFromInterrupt(_machine.Cpu, 8, 0);
        Assert.Equal((3, 0x4000ul, 0x80000ul, 0x202ul), (_machine.Cpu->System.Cpl, _machine.Cpu->Rip, _machine.Cpu->Gpr[4], _machine.Cpu->ReadFlags()));
    }

    [Fact]
    public void Interrupt_stack_table_is_used_at_any_level()
    {
        _machine.EnterLongMode().SetLongGate(2, 0x30000, stack: 1);
        InterruptDelivery.DeliverNonMaskable(_machine.Cpu);
        Assert.Equal(TestMachine.InterruptStack - 40, _machine.Cpu->Gpr[4]);
        Assert.Equal(TestMachine.KernelData, _machine.Cpu->Selectors[(int)SegmentIndex.Ss]);
        Assert.Equal(1, _machine.Cpu->System.NmiBlocked);
        FarTransfers.ReturnFromInterrupt(_machine.Cpu, 8, 0);
        Assert.Equal(0, _machine.Cpu->System.NmiBlocked);
    }

    [Theory]
    [InlineData((byte)0x8e, 0x08u, ExceptionVector.GeneralProtection, 0x202u)] // The gate's DPL is 0.
    [InlineData((byte)0xec, 0x08u, ExceptionVector.GeneralProtection, 0x202u)] // A call gate.
    [InlineData((byte)0x6e, 0x08u, ExceptionVector.SegmentNotPresent, 0x202u)]
    [InlineData((byte)0xee, 0x00u, ExceptionVector.GeneralProtection, 0u)]
    [InlineData((byte)0xee, 0x10u, ExceptionVector.GeneralProtection, 0x10u)] // Data.
    [InlineData((byte)0xee, 0x38u, ExceptionVector.GeneralProtection, 0x38u)] // 32-bit code.
    [InlineData((byte)0xee, 0xff8u, ExceptionVector.GeneralProtection, 0xff8u)]
    public void Gates_that_software_interrupts_cannot_pass(byte access, uint selector, ExceptionVector vector, uint errorCode)
    {
        _machine.EnterLongMode().EnterUser().SetLongGate(0x40, 0x30000, access, selector);
        CpuException fault = TestMachine.Raises(() => InterruptDelivery.Software(_machine.Cpu, 0x40, 0, 0x4002));
        Assert.Equal((vector, errorCode), (fault.Vector, fault.ErrorCode));
        Assert.Equal((3, 0x4000ul), (_machine.Cpu->System.Cpl, _machine.Cpu->Rip));
    }

    [Fact]
    public void Conforming_handler_stays_at_user_level_with_user_rights()
    {
        _machine.EnterLongMode().SetDescriptor(TestMachine.Free, TestMachine.Segment(0, 0, 0x9f, 2));
        _machine.EnterUser().SetLongGate(0x80, 0x30000, 0xee, TestMachine.Free);
        nint view = (nint)_machine.Cpu->MemoryBase;
        InterruptDelivery.Software(_machine.Cpu, 0x80, 0, 0x4002);
        Assert.Equal((3, view), (_machine.Cpu->System.Cpl, (nint)_machine.Cpu->MemoryBase));
        Assert.Equal(TestMachine.Free | 3, _machine.Cpu->Selectors[1]);
        Assert.Equal(0x80000ul - 40, _machine.Cpu->Gpr[4]);
    }

    [Fact]
    public void A_failed_delivery_leaves_the_user_view()
    {
        _machine.EnterLongMode().EnterUser().SetLongGate(0x80, 0x30000, 0x8e);
        nint view = (nint)_machine.Cpu->MemoryBase;
        TestMachine.RaisesProtection(() => InterruptDelivery.Software(_machine.Cpu, 0x80, 0, 0x4002), 0x402);
        Assert.Equal((3, view), (_machine.Cpu->System.Cpl, (nint)_machine.Cpu->MemoryBase));
    }

    [Fact]
    public void Software_interrupt_returns_behind_itself()
    {
        _machine.EnterLongMode().EnterUser().SetLongGate(0x80, 0x30000, 0xee);
        InterruptDelivery.Software(_machine.Cpu, 0x80, 0, 0x4002);
        Assert.Equal([0x4002, TestMachine.UserCode, 0x202], _machine.Slots(3));
    }

    [Fact]
    public void Vector_beyond_the_table_is_a_fault_of_the_gate()
    {
        _machine.EnterLongMode();
        _machine.SetLongGate(13, 0x30000);
        DescriptorTables.LoadInterrupt(_machine.Cpu, (16 * 16) - 1, TestMachine.Idt);
        InterruptDelivery.DeliverInterrupt(_machine.Cpu, 0x40);
        Assert.Equal(0x30000u, _machine.Rip);
        Assert.Equal(0x203ul, _machine.Slot(0));
    }

    [Theory]
    [InlineData(ExceptionVector.GeneralProtection, 0x38000u)]
    [InlineData(ExceptionVector.PageFault, 0x38000u)]
    [InlineData(ExceptionVector.InvalidOpcode, 0x3b000u)]
    public void Faults_on_the_way_make_double_faults_of_some(ExceptionVector first, uint handler)
    {
        // The first one's gate is not present: #NP, which is contributory.
        _machine.EnterLongMode();
        _machine.SetLongGate((int)first, 0x30000, 0x0e);
        _machine.SetLongGate(8, 0x38000);
        _machine.SetLongGate(11, 0x3b000);
        InterruptDelivery.DeliverException(_machine.Cpu, new CpuException(first, 0, 0));
        Assert.Equal(handler, _machine.Rip);
        Assert.Equal(handler == 0x38000u ? 0ul : ((ulong)first << 3) | 3, _machine.Slot(0));
    }

    [Fact]
    public void A_fault_on_the_way_to_the_double_fault_handler_is_the_third()
    {
        _machine.EnterLongMode();
        DescriptorTables.LoadInterrupt(_machine.Cpu, 0, 0);
        InterruptDelivery.DeliverException(_machine.Cpu, new CpuException(ExceptionVector.DivideError, 0, 0));
        Assert.Equal(1, _machine.TripleFaults);
    }

    [Fact]
    public void Inner_stack_that_is_not_mapped_is_a_page_fault_while_delivering()
    {
        _machine.EnterLongMode().EnterUser().SetLongGate(0x40, 0x30000);
        _machine.SetLongGate(14, 0x3e000, stack: 1);
        _machine.Write(TestMachine.Task + 4, 0x4000_0000);
        InterruptDelivery.DeliverInterrupt(_machine.Cpu, 0x40);
        Assert.Equal(0x3e000u, _machine.Rip);
        Assert.Equal(0x3ffffff8ul, _machine.Cpu->System.Cr2);
        Assert.Equal([2, 0x4000, TestMachine.UserCode], _machine.Slots(3));
    }

    [Fact]
    public void Real_mode_pushes_three_words()
    {
        _machine.Write(0x40 * 4, 0x1234_5678, 4);
        _machine.Cpu->Gpr[4] = 0x8000;
        _machine.Cpu->Rip = 0x777;
        _machine.Cpu->WriteFlags(0x302);
        _machine.Cpu->System.IdtLimit = 0x3ff;
        InterruptDelivery.DeliverInterrupt(_machine.Cpu, 0x40);
        Assert.Equal((0x12340ul, 0x5678u, 0x7ffaul), (_machine.Cpu->System.Bases[1], _machine.Rip, _machine.Cpu->Gpr[4]));
        Assert.Equal(0ul, _machine.Cpu->FlagsSystem);
        Assert.Equal([0x777, 0xf000, 0x302], _machine.Slots(3, 2));
        FarTransfers.ReturnFromInterrupt(_machine.Cpu, 2, 0);
        Assert.Equal((0xf0000ul, 0x777u, 0x8000ul, 0x302ul), (_machine.Cpu->System.Bases[1], _machine.Rip, _machine.Cpu->Gpr[4], _machine.Cpu->ReadFlags()));
    }

    [Fact]
    public void Protected_mode_changes_stacks_and_returns()
    {
        _machine.EnterProtectedMode().EnterUser(TestMachine.UserCode32).SetGate(0x40, 0x30000);
        InterruptDelivery.DeliverInterrupt(_machine.Cpu, 0x40);
        Assert.Equal((0, TestMachine.InnerStack - 20), (_machine.Cpu->System.Cpl, _machine.Cpu->Gpr[4]));
        Assert.Equal([0x4000, TestMachine.UserCode32, 0x202, 0x80000, TestMachine.UserData], _machine.Slots(5, 4));
        FarTransfers.ReturnFromInterrupt(_machine.Cpu, 4, 0);
        Assert.Equal((3, 0x80000ul, 0x4000u), (_machine.Cpu->System.Cpl, _machine.Cpu->Gpr[4], _machine.Rip));
    }

    [Fact]
    public void Virtual_8086_mode_is_entered_and_left()
    {
        _machine.EnterProtectedMode().SetGate(0x40, 0x30000);
        _machine.Push(4, 0x6000, 0x5000, 0x4000, 0x3000, 0x2000, 0x100, SystemFlags.Virtual8086 | 0x202, 0x1000, 0x55);
        FarTransfers.ReturnFromInterrupt(_machine.Cpu, 4, 0);
        Assert.Equal((3, 0x55u, 0x10000ul, 0x60000ul), (_machine.Cpu->System.Cpl, _machine.Rip, _machine.Cpu->System.Bases[1], _machine.Cpu->GsBase));
        TestMachine.RaisesProtection(() => InterruptDelivery.Software(_machine.Cpu, 0x21, 0, 0));
        InterruptDelivery.DeliverInterrupt(_machine.Cpu, 0x40);
        Assert.Equal((0, TestMachine.InnerStack - 36), (_machine.Cpu->System.Cpl, _machine.Cpu->Gpr[4]));
        Assert.Equal(0, _machine.Cpu->Selectors[(int)SegmentIndex.Gs]);
        FarTransfers.ReturnFromInterrupt(_machine.Cpu, 4, 0);
        Assert.Equal(0x5000, _machine.Cpu->Selectors[(int)SegmentIndex.Fs]);
    }

    public void Dispose() => _machine.Dispose();
}
