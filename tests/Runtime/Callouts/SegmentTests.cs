using Jitvmm.Runtime.Callouts;
using Jitvmm.Runtime.Cpu;
using Jitvmm.Runtime.Execution;

namespace Jitvmm.Tests.Runtime.Callouts;

/// <summary>SDM vol. 2B, MOV to segment registers; vol. 2A, LAR to LTR; vol. 2B, VERR.</summary>
public sealed unsafe class SegmentTests : IDisposable
{
    private const uint Own = TestMachine.Free;

    private readonly TestMachine _machine = new();

    [Theory]
    [InlineData(SegmentIndex.Ds, Own, (byte)0x13, ExceptionVector.SegmentNotPresent, Own)]
    [InlineData(SegmentIndex.Ds, Own, (byte)0x99, ExceptionVector.GeneralProtection, Own)]
    [InlineData(SegmentIndex.Ds, Own, (byte)0x89, ExceptionVector.GeneralProtection, Own)]
    [InlineData(SegmentIndex.Es, Own | 3, (byte)0x93, ExceptionVector.GeneralProtection, Own)]
    [InlineData(SegmentIndex.Es, 0x1000u, (byte)0x93, ExceptionVector.GeneralProtection, 0x1000u)]
    [InlineData(SegmentIndex.Es, Own | 4, (byte)0x93, ExceptionVector.GeneralProtection, Own | 4)]
    [InlineData(SegmentIndex.Ss, 0u, (byte)0x93, ExceptionVector.GeneralProtection, 0u)]
    [InlineData(SegmentIndex.Ss, Own, (byte)0x91, ExceptionVector.GeneralProtection, Own)]
    [InlineData(SegmentIndex.Ss, Own, (byte)0x13, ExceptionVector.StackFault, Own)]
    [InlineData(SegmentIndex.Ss, Own, (byte)0xf3, ExceptionVector.GeneralProtection, Own)]
    [InlineData(SegmentIndex.Ss, Own | 3, (byte)0x93, ExceptionVector.GeneralProtection, Own)]
    public void Loads_that_fault(SegmentIndex segment, uint selector, byte access, ExceptionVector vector, uint errorCode)
    {
        _machine.EnterProtectedMode();
        _machine.SetDescriptor(Own, TestMachine.Segment(0, 0xfffff, access, 0xc));
        ushort before = _machine.Cpu->Selectors[(int)segment];
        CpuException fault = TestMachine.Raises(() => _machine.Load(segment, selector));
        Assert.Equal((vector, errorCode), (fault.Vector, fault.ErrorCode));
        Assert.Equal(before, _machine.Cpu->Selectors[(int)segment]);
    }

    [Fact]
    public void Load_fills_the_cache_and_marks_the_descriptor()
    {
        _machine.EnterProtectedMode();
        _machine.SetDescriptor(Own, TestMachine.Segment(0x12345678, 0x54321, 0x92, 0xc));
        _machine.Load(SegmentIndex.Fs, Own);
        Assert.Equal(0x12345678ul, _machine.Cpu->FsBase);
        Assert.Equal(0x54321fffu, _machine.Cpu->System.Limits[(int)SegmentIndex.Fs]);
        Assert.Equal(0x93ul, _machine.Read(TestMachine.Gdt + Own + 5, 1));
    }

    [Fact]
    public void Null_is_a_data_segment_anywhere_and_a_stack_in_64_bit_kernels()
    {
        _machine.EnterLongMode();
        _machine.Load(SegmentIndex.Gs, 3);
        _machine.Load(SegmentIndex.Ss, 0);
        TestMachine.RaisesProtection(() => _machine.Load(SegmentIndex.Ss, 3));
        Assert.Equal(3, _machine.Cpu->Selectors[(int)SegmentIndex.Gs]);
    }

    [Fact]
    public void Real_mode_multiplies_and_keeps_limits()
    {
        _machine.Cpu->System.Limits[(int)SegmentIndex.Es] = uint.MaxValue;
        _machine.Load(SegmentIndex.Es, 0xb800);
        Assert.Equal(0xb8000ul, _machine.Cpu->System.Bases[(int)SegmentIndex.Es]);
        Assert.Equal(uint.MaxValue, _machine.Cpu->System.Limits[(int)SegmentIndex.Es]);
    }

    [Fact]
    public void Loading_the_stack_segment_shadows_interrupts()
    {
        _machine.EnterProtectedMode();
        _machine.Load(SegmentIndex.Ss, TestMachine.KernelData);
        Assert.NotEqual(0, _machine.Cpu->System.InterruptShadow);
    }

    [Fact]
    public void Local_table_is_used_and_its_absence_is_felt()
    {
        _machine.EnterLongMode();
        _machine.SetDescriptor(Own, TestMachine.Segment(0x40000, 15, 0x82, 0));
        _machine.SetDescriptor(Own + 8, 0);
        _machine.Write(0x40008, TestMachine.Segment(0x7000, 0xff, 0x93, 4));
        DescriptorTables.LoadLocal(_machine.Cpu, Own);
        _machine.Load(SegmentIndex.Fs, 0xc);
        Assert.Equal(0x7000ul, _machine.Cpu->FsBase);
        DescriptorTables.LoadLocal(_machine.Cpu, 0);
        TestMachine.RaisesProtection(() => _machine.Load(SegmentIndex.Fs, 0xc), 0xc);
    }

    [Fact]
    public void Task_register_takes_available_tasks_and_marks_them_busy()
    {
        _machine.EnterLongMode();
        TestMachine.RaisesProtection(() => DescriptorTables.LoadTask(_machine.Cpu, TestMachine.TaskSelector), TestMachine.TaskSelector);
        TestMachine.RaisesProtection(() => DescriptorTables.LoadTask(_machine.Cpu, TestMachine.KernelData), TestMachine.KernelData);
        TestMachine.RaisesProtection(() => DescriptorTables.LoadTask(_machine.Cpu, 0));
        _machine.SetDescriptor(Own, TestMachine.Segment(0x1000, 0x67, 0x89, 0));
        _machine.SetDescriptor(Own + 8, 0x12);
        DescriptorTables.LoadTask(_machine.Cpu, Own);
        Assert.Equal(0x1200001000ul, _machine.Cpu->System.TaskBase);
        Assert.Equal(0x8bul, _machine.Read(TestMachine.Gdt + Own + 5, 1));
    }

    [Theory]
    [InlineData((byte)0x93, true, true, true)]
    [InlineData((byte)0x91, true, true, false)]
    [InlineData((byte)0x99, true, false, false)]
    [InlineData((byte)0x9b, true, true, false)]
    [InlineData((byte)0x82, true, false, false)]
    [InlineData((byte)0x8c, true, false, false)]
    [InlineData((byte)0x8e, false, false, false)]
    public void Inspection_in_long_mode(byte access, bool isKnown, bool canRead, bool canWrite)
    {
        _machine.EnterLongMode();
        _machine.SetDescriptor(Own, TestMachine.Segment(0, 0xfffff, access, 0xc));
        ulong rights = DescriptorTables.AccessRights(_machine.Cpu, Own);
        Assert.Equal(isKnown ? 1ul : 0, rights & 1);
        Assert.Equal(isKnown ? access : 0ul, rights >> 40 & 0xff);
        Assert.Equal(canRead ? 1u : 0, DescriptorTables.CanRead(_machine.Cpu, Own));
        Assert.Equal(canWrite ? 1u : 0, DescriptorTables.CanWrite(_machine.Cpu, Own));
    }

    [Fact]
    public void Inspection_respects_privilege()
    {
        _machine.EnterLongMode().EnterUser();
        Assert.Equal(0ul, DescriptorTables.SegmentLimit(_machine.Cpu, TestMachine.KernelData));
        Assert.Equal(0xffffffff_00000001ul, DescriptorTables.SegmentLimit(_machine.Cpu, TestMachine.UserData));
        Assert.Equal(0u, DescriptorTables.CanRead(_machine.Cpu, TestMachine.KernelData));
    }

    public void Dispose() => _machine.Dispose();
}
