using Jitvmm.Runtime.Callouts;
using Jitvmm.Runtime.Cpu;
using Jitvmm.Runtime.Execution;
using Jitvmm.Runtime.Memory;

namespace Jitvmm.Tests.Runtime.Callouts;

/// <summary>SDM vol. 2B, MOV to control registers; vol. 3A, 2.5 and 9.8.5.</summary>
public sealed unsafe class ControlRegisterTests : IDisposable
{
    private readonly TestMachine _machine = new();

    [Theory]
    [InlineData(0, Cr0.Paging)]
    [InlineData(0, Cr0.NotWriteThrough | Cr0.ProtectionEnable)]
    [InlineData(0, 1ul << 32)]
    [InlineData(0, Cr0.ProtectionEnable)]
    [InlineData(3, 1ul << 52)]
    [InlineData(4, 0ul)]
    [InlineData(4, Cr4.PhysicalAddressExtension | (1ul << 12))]
    [InlineData(4, Cr4.PhysicalAddressExtension | (1ul << 22))]
    [InlineData(4, Cr4.PhysicalAddressExtension | (1ul << 63))]
    [InlineData(8, 16ul)]
    public void Values_that_long_mode_forbids(int register, ulong value)
    {
        _machine.EnterLongMode();
        ulong before = register == 8 ? 0 : ControlRegisters.Read(_machine.Cpu, register);
        TestMachine.RaisesProtection(() => ControlRegisters.Write(_machine.Cpu, register, value, 0));
        Assert.Equal(before, ControlRegisters.Read(_machine.Cpu, register));
    }

    [Fact]
    public void Paging_needs_physical_address_extension_when_long_mode_is_enabled()
    {
        _machine.EnterProtectedMode();
        ModelSpecificRegisters.TryWrite(_machine.Cpu, 0xc0000080, Efer.LongModeEnable);
        TestMachine.RaisesProtection(() => ControlRegisters.Write(_machine.Cpu, 0, Cr0.Paging | Cr0.ProtectionEnable, 0));
        Assert.Equal(0ul, _machine.Cpu->System.Efer & Efer.LongModeActive);
    }

    /// <summary>SDM vol. 3A, 4.4.1: loading PAE's pointers faults if one that is present has reserved bits, whichever of the four it is.</summary>
    [Theory]
    [InlineData(1ul << 1)]
    [InlineData(1ul << 2)]
    [InlineData(1ul << 5)]
    [InlineData(1ul << 8)]
    [InlineData(1ul << 40)]
    [InlineData(1ul << 63)]
    public void Pointers_with_reserved_bits_are_not_loaded(ulong reserved)
    {
        const ulong Good = 0x50000;
        const ulong Wrong = 0x50020;
        const ulong Directory = 0x51000;
        _machine.EnterProtectedMode();
        _machine.Write(Good, Directory | 1);
        _machine.Write(Good + 8, reserved);
        _machine.Write(Wrong, Directory | 1);
        _machine.Write(Wrong + 24, Directory | 1 | reserved);
        _machine.Write(Directory, 0x87);
        ControlRegisters.Write(_machine.Cpu, 4, Cr4.PhysicalAddressExtension, 0);
        ControlRegisters.Write(_machine.Cpu, 3, Wrong, 0);
        TestMachine.RaisesProtection(() => ControlRegisters.Write(_machine.Cpu, 0, Cr0.Paging | Cr0.ProtectionEnable, 0));
        Assert.Equal(0ul, _machine.Cpu->System.Cr0 & Cr0.Paging);
        ControlRegisters.Write(_machine.Cpu, 3, Good, 0);
        ControlRegisters.Write(_machine.Cpu, 0, Cr0.Paging | Cr0.ProtectionEnable, 0);
        TestMachine.RaisesProtection(() => ControlRegisters.Write(_machine.Cpu, 3, Wrong, 0));
        Assert.Equal(Good, _machine.Cpu->System.Cr3);
        _machine.Write(Good + 8, Directory | 1 | reserved);
        TestMachine.RaisesProtection(() => ControlRegisters.Write(_machine.Cpu, 4, Cr4.PhysicalAddressExtension | Cr4.PageGlobal, 0));
    }

    /// <summary>SDM vol. 3A, 4.4.1: walks use the pointers that were loaded with CR3, whatever their table says since.</summary>
    [Fact]
    public void Pointers_are_those_that_were_loaded()
    {
        const ulong Table = 0x50000;
        _machine.EnterProtectedMode();
        _machine.Write(Table, 0x51000 | 1);
        _machine.Write(0x51000, 0x83);
        _machine.Write(0x51008, 0x83);
        _machine.Write(0x52000, 0x83);
        _machine.Write(0x52008, 0x200083);
        _machine.Write(0x70000, 0x1234);
        _machine.Write(0x270000, 0x5678);
        ControlRegisters.Write(_machine.Cpu, 4, Cr4.PhysicalAddressExtension, 0);
        ControlRegisters.Write(_machine.Cpu, 3, Table, 0);
        ControlRegisters.Write(_machine.Cpu, 0, Cr0.Paging | Cr0.ProtectionEnable, 0);
        _machine.Write(Table, 0x52000 | 1);
        SoftTlb.FlushAll(_machine.Cpu);
        Assert.Equal(0x1234ul, SystemMemory.Read64(_machine.Cpu, 0x270000, false));
        ControlRegisters.Write(_machine.Cpu, 3, Table, 0);
        Assert.Equal(0x5678ul, SystemMemory.Read64(_machine.Cpu, 0x270000, false));
    }

    /// <summary>SDM vol. 3A, 4.6.1: AC lets the supervisor's own accesses pass SMAP, not those to its descriptor tables.</summary>
    [Fact]
    public void Implicit_accesses_do_not_pass_SMAP_with_AC()
    {
        _machine.EnterLongMode();
        ControlRegisters.Write(_machine.Cpu, 4, _machine.Cpu->System.Cr4 | Cr4.SupervisorAccessPrevention, 0);
        _machine.Cpu->FlagsSystem |= SystemFlags.AlignmentCheck;
        CpuMode.Changed(_machine.Cpu);
        _ = SystemMemory.Read64(_machine.Cpu, TestMachine.Stack, supervisor: false);
        CpuException fault = TestMachine.Raises(() => SystemMemory.Read64(_machine.Cpu, TestMachine.Gdt, supervisor: true));
        Assert.Equal((ExceptionVector.PageFault, 1u), (fault.Vector, fault.ErrorCode));
        _machine.Cpu->FlagsSystem &= ~SystemFlags.AlignmentCheck;
        CpuMode.Changed(_machine.Cpu);
        fault = TestMachine.Raises(() => SystemMemory.Read64(_machine.Cpu, TestMachine.Stack, supervisor: false));
        Assert.Equal((ExceptionVector.PageFault, 1u), (fault.Vector, fault.ErrorCode));
    }

    [Fact]
    public void Long_mode_enable_is_fixed_while_paging()
    {
        _machine.EnterLongMode();
        Assert.False(ModelSpecificRegisters.TryWrite(_machine.Cpu, 0xc0000080, Efer.NoExecuteEnable));
    }

    [Fact]
    public void Leaving_long_mode_through_compatibility_mode()
    {
        _machine.EnterLongMode();
        FarTransfers.Jump(_machine.Cpu, TestMachine.KernelCode32, 0x2000, 0);
        Assert.False(CpuMode.Is64Bit(_machine.Cpu));
        Assert.True(CpuMode.IsLong(_machine.Cpu));
        ControlRegisters.Write(_machine.Cpu, 0, Cr0.ProtectionEnable, 0);
        Assert.False(CpuMode.IsLong(_machine.Cpu));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(5)]
    [InlineData(15)]
    public void Other_numbers_are_undefined(int register) =>
        Assert.Equal(ExceptionVector.InvalidOpcode, TestMachine.Raises(() => ControlRegisters.Read(_machine.Cpu, register)).Vector);

    [Fact]
    public void User_code_has_none_of_it()
    {
        _machine.EnterLongMode().EnterUser();
        TestMachine.RaisesProtection(() => ControlRegisters.Read(_machine.Cpu, 0));
        TestMachine.RaisesProtection(() => ControlRegisters.Write(_machine.Cpu, 2, 0, 0));
        TestMachine.RaisesProtection(() => ControlRegisters.ClearTaskSwitched(_machine.Cpu, 0));
        TestMachine.RaisesProtection(() => DebugRegisters.Read(_machine.Cpu, 7));
        TestMachine.RaisesProtection(() => ModelSpecificRegisters.Read(_machine.Cpu));
        TestMachine.RaisesProtection(() => Invalidation.Page(_machine.Cpu, 0, 0));
        TestMachine.RaisesProtection(() => InterruptFlag.Halt(_machine.Cpu, 0));
    }

    [Fact]
    public void Status_word_sets_protection_but_does_not_clear_it()
    {
        ControlRegisters.LoadStatusWord(_machine.Cpu, 1, 0);
        Assert.True(CpuMode.IsProtected(_machine.Cpu));
        ControlRegisters.LoadStatusWord(_machine.Cpu, 0xe, 0);
        Assert.Equal(0xful, _machine.Cpu->System.Cr0 & 0xf);
    }

    [Fact]
    public void Extended_control_wants_closed_component_sets()
    {
        _machine.EnterLongMode();
        Assert.Equal(ExceptionVector.InvalidOpcode, TestMachine.Raises(() => ExtendedControl.Read(_machine.Cpu)).Vector);
        ControlRegisters.Write(_machine.Cpu, 4, _machine.Cpu->System.Cr4 | Cr4.Xsave, 0);
        foreach ((ulong value, bool isAllowed) in ((ulong, bool)[])[(1, true), (3, true), (7, true), (0, false), (2, false), (5, false), (0xf, false)])
        {
            _machine.Cpu->Gpr[0] = value;
            _machine.Cpu->Gpr[1] = 0;
            _machine.Cpu->Gpr[2] = 0;
            if (isAllowed)
            {
                ExtendedControl.Write(_machine.Cpu);
                Assert.Equal(value, _machine.Cpu->System.XCr0);
            }
            else
            {
                TestMachine.RaisesProtection(() => ExtendedControl.Write(_machine.Cpu));
            }
        }
    }

    [Fact]
    public void Debug_registers_keep_their_fixed_bits()
    {
        DebugRegisters.Write(_machine.Cpu, 7, 0);
        DebugRegisters.Write(_machine.Cpu, 6, 0);
        Assert.Equal(0x400ul, DebugRegisters.Read(_machine.Cpu, 7));
        Assert.Equal(0xffff0ff0ul, DebugRegisters.Read(_machine.Cpu, 4));
        TestMachine.RaisesProtection(() => DebugRegisters.Write(_machine.Cpu, 7, 1ul << 32));
        DebugRegisters.Write(_machine.Cpu, 7, 1 << 13);
        Assert.Equal(ExceptionVector.Debug, TestMachine.Raises(() => DebugRegisters.Read(_machine.Cpu, 0)).Vector);
        Assert.Equal(DebugRegisters.AccessDetected, _machine.Cpu->System.Debug[6] & DebugRegisters.AccessDetected);
    }

    public void Dispose() => _machine.Dispose();
}
