using Iced.Intel;
using Jitvmm.Runtime.Cpu;
using Jitvmm.Translator.Ir;
using Jitvmm.Translator.Passes;
using Jitvmm.Translator.Regions;
using static Iced.Intel.AssemblerRegisters;

namespace Jitvmm.Tests.Passes;

/// <summary>Which loads take the value of an access before them, alone and with others that write to memory.</summary>
public sealed class MemoryForwardingTests
{
    [Fact]
    public void A_value_that_is_spilled_and_read_again_is_not_loaded() => Expect(0, 0, false, static a =>
    {
        a.mov(__qword_ptr[rsp - 8], rax);
        a.mov(rcx, __qword_ptr[rsp - 8]);
    });

    [Fact]
    public void Two_loads_of_one_place_are_one() => Expect(1, 1, false, static a =>
    {
        a.mov(rax, __qword_ptr[rdi + 8]);
        a.mov(rcx, __qword_ptr[rdi + 8]);
    });

    [Fact]
    public void An_element_that_is_addressed_again_is_the_same_place() => Expect(1, 1, false, static a =>
    {
        a.mov(eax, __dword_ptr[rdi + (rcx * 4) + 16]);
        a.lea(rdx, __[rdi + (rcx * 4)]);
        a.mov(esi, __dword_ptr[rdx + 16]);
    });

    [Fact]
    public void A_load_between_ends_what_is_known_where_others_write() => Expect(1, 2, true, static a =>
    {
        a.mov(__qword_ptr[rsp - 8], rax);
        a.mov(rdx, __qword_ptr[rsi]);
        a.mov(rcx, __qword_ptr[rsp - 8]);
    });

    [Fact]
    public void A_store_that_may_be_to_the_place_ends_what_is_known() => Expect(1, 1, false, static a =>
    {
        a.mov(__qword_ptr[rsp - 8], rax);
        a.mov(__qword_ptr[rsi], rdx);
        a.mov(rcx, __qword_ptr[rsp - 8]);
    });

    [Fact]
    public void A_store_beside_it_does_not() => Expect(0, 0, false, static a =>
    {
        a.mov(__qword_ptr[rsp - 8], rax);
        a.mov(__qword_ptr[rsp - 16], rdx);
        a.mov(rcx, __qword_ptr[rsp - 8]);
    });

    [Fact]
    public void A_store_to_half_of_it_does() => Expect(1, 1, false, static a =>
    {
        a.mov(__qword_ptr[rsp - 8], rax);
        a.mov(__byte_ptr[rsp - 1], dl);
        a.mov(rcx, __qword_ptr[rsp - 8]);
    });

    [Fact]
    public void Half_of_what_was_stored_is_loaded() => Expect(1, 1, false, static a =>
    {
        a.mov(__qword_ptr[rsp - 8], rax);
        a.mov(ecx, __dword_ptr[rsp - 8]);
    });

    [Fact]
    public void A_locked_operation_ends_what_is_known() => Expect(1, 1, false, static a =>
    {
        a.mov(__qword_ptr[rsp - 8], rax);
        a.@lock.add(__dword_ptr[rsi], 1);
        a.mov(rcx, __qword_ptr[rsp - 8]);
    });

    [Fact]
    public void A_fence_ends_what_is_known() => Expect(2, 2, false, static a =>
    {
        a.mov(rax, __qword_ptr[rsi]);
        a.mfence();
        a.mov(rcx, __qword_ptr[rsi]);
    });

    [Fact]
    public void A_register_that_was_written_makes_another_place() => Expect(1, 1, false, static a =>
    {
        a.mov(__qword_ptr[rdi], rax);
        a.mov(edi, edi);
        a.mov(rcx, __qword_ptr[rdi]);
    });

    [Fact]
    public void A_shift_by_a_value_is_not_one_by_the_value_s_number()
    {
        AddressRoots roots = new(
        [
            new IrInstruction { Opcode = IrOpcode.Get, Type = IrType.I64, Width = 64, State = new StateRef(CpuState.GprOffset) },
            new IrInstruction { Opcode = IrOpcode.Load, Type = IrType.I32, Width = 32 },
            new IrInstruction { Opcode = IrOpcode.Constant, Type = IrType.I32, Immediate = 1 },
            new IrInstruction { Opcode = IrOpcode.ShiftLeft, Type = IrType.I64, A = 0, B = 2 },
            new IrInstruction { Opcode = IrOpcode.ShiftLeft, Type = IrType.I64, A = 0, B = 1 },
        ]);
        Assert.NotEqual(roots.Of(3), roots.Of(4));
    }

    [Fact]
    public void A_machine_reads_a_device_each_time_and_its_stack_from_values()
    {
        Assert.Equal(2, LoadsOf(Device, true, false).Loads);
        Assert.Equal(0, LoadsOf(Device, false, true).Loads);

        static void Device(Assembler a)
        {
            a.push(rax);
            a.pop(rcx);
            a.mov(__dword_ptr[rdi], ecx);
            a.mov(eax, __dword_ptr[rdi]);
            a.mov(edx, __dword_ptr[rdi]);
        }
    }

    /// <summary>Loads that are left of a block where nobody else writes, and where others do, and whether these differ.</summary>
    private static void Expect(int alone, int shared, bool assumesPrivateMemory, Action<Assembler> write)
    {
        Assert.Equal((alone, assumesPrivateMemory), LoadsOf(write, false, true));
        Assert.Equal((shared, false), LoadsOf(write, false, false));
    }

    private static (int Loads, bool AssumesPrivateMemory) LoadsOf(Action<Assembler> write, bool isMachine, bool isPrivate)
    {
        Assembler assembler = new(64);
        write(assembler);
        using MemoryStream stream = new();
        assembler.Assemble(new StreamCodeWriter(stream), LiftedBlock.Start);
        RegionBlock block = LiftedBlock.Of(stream.ToArray());
        new MemoryForwarding(isMachine, isPrivate).Forward(block);
        Assert.Null(IrVerifier.FirstProblem([block]));
        return (block.Code.Count(static op => op.Opcode == IrOpcode.Load), block.AssumesPrivateMemory);
    }
}
