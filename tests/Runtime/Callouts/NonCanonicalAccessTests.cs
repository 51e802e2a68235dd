using Iced.Intel;
using Jitvmm.Runtime.Execution;
using static Iced.Intel.AssemblerRegisters;

namespace Jitvmm.Tests.Runtime.Callouts;

/// <summary>What an address that is not canonical raises: #SS through the stack segment, otherwise #GP, with error code 0 (SDM vol. 1, 3.3.7.1).</summary>
public sealed unsafe class NonCanonicalAccessTests : IDisposable
{
    private const ulong Address = 0x8000_0000_0000_1000;

    private readonly TestMachine _machine = new();
    private readonly FaultRun _run;

    public NonCanonicalAccessTests() => _run = new FaultRun(_machine.EnterLongMode()).Prepare();

    public void Dispose() => _machine.Dispose();

    [Fact]
    public void Through_RBP_it_is_a_stack_fault() => Check(ExceptionVector.StackFault, static asm => asm.mov(rax, __[rbp + 8]));

    [Fact]
    public void A_write_through_RBP_too() => Check(ExceptionVector.StackFault, static asm => asm.add(__[rbp], rax));

    [Fact]
    public void Through_other_registers_it_is_general_protection() => Check(ExceptionVector.GeneralProtection, static asm => asm.mov(rax, __[rbx]));

    [Fact]
    public void A_prefix_for_another_segment_takes_the_stack_out() => Check(ExceptionVector.GeneralProtection, static asm => asm.mov(rax, __.fs[rbp]));

    [Fact]
    public void A_fault_for_another_reason_keeps_its_vector() => Check(
        ExceptionVector.GeneralProtection,
        static asm =>
        {
            asm.mov(ecx, 0xffff);
            asm.push(rcx);
            asm.rdmsr();
        });

    private void Check(ExceptionVector expected, Action<Assembler> body)
    {
        _machine.Cpu->Gpr[3] = Address;
        _machine.Cpu->Gpr[5] = Address;
        Assembler asm = new(64);
        body(asm);
        Assert.Equal(((int)expected, 0ul), (_run.Run(asm), _run.ErrorCode));
    }
}
