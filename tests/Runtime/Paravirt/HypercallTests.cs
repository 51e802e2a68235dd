using Iced.Intel;
using Jitvmm.Runtime.Cpu;
using Jitvmm.Runtime.Execution;
using Jitvmm.Runtime.Paravirt;
using Jitvmm.Runtime.Paravirt.Kvm;
using Jitvmm.Tests.Runtime.Callouts;
using Jitvmm.Translator;
using static Iced.Intel.AssemblerRegisters;

namespace Jitvmm.Tests.Runtime.Paravirt;

/// <summary>Hypercall instructions in running code: what they do, where they are found, and that rewriting them takes effect.</summary>
public sealed unsafe class HypercallTests : IDisposable
{
    private const ulong Code = 0x1000;
    private const int Loops = 60_000;
    private const ulong NotImplemented = unchecked((ulong)-1000L);

    private readonly KvmInterface _kvm = new();
    private readonly List<IDisposable> _machines = [];
    private FakeParavirtualHost _host = null!;

    /// <summary>The two instructions and tiers.</summary>
    public static TheoryData<bool, Tiering> Forms => new()
    {
        { false, Tiering.Tier0 },
        { false, Tiering.Tier1 },
        { true, Tiering.Tier0 },
        { true, Tiering.Tier1 },
    };

    [Theory]
    [MemberData(nameof(Forms))]
    public void A_loop_of_hypercalls_keeps_registers_and_flags(bool isAmd, Tiering tiering)
    {
        TestMachine machine = Machine(tiering);
        Assembler asm = new(64);
        Label loop = asm.CreateLabel();
        asm.mov(ebp, Loops);
        asm.Label(ref loop);
        asm.mov(eax, 1);
        asm.stc();
        Call(asm, isAmd);
        asm.adc(rdi, rax);
        asm.mov(eax, 777);
        Call(asm, isAmd);
        asm.add(rsi, rax);
        asm.dec(ebp);
        asm.jnz(loop);
        asm.hlt();
        Run(machine, asm);
        Assert.Equal((ulong)Loops, machine.Cpu->Gpr[7]);
        Assert.Equal(unchecked(NotImplemented * Loops), machine.Cpu->Gpr[6]);
        Assert.InRange(machine.Paravirtual!.Callouts, tiering == Tiering.Tier0 ? 2ul * Loops : 0, tiering == Tiering.Tier0 ? 2ul * Loops : Loops / 10);
        HypercallInstruction instruction = isAmd ? HypercallInstruction.Vmmcall : HypercallInstruction.Vmcall;
        Assert.Equal(
            [(1ul, instruction, HypercallSiteKind.Instruction, Loops), (777ul, instruction, HypercallSiteKind.Instruction, Loops)],
            _kvm.Sites.All.Select(site => (site.Number!.Value, site.Instruction, site.Kind, (int)_kvm.Sites.TimesTaken(site.Index))));
    }

    [Theory]
    [InlineData(Tiering.Tier0)]
    [InlineData(Tiering.Tier1)]
    public void A_number_that_the_code_does_not_fix_is_looked_up_each_time(Tiering tiering)
    {
        TestMachine machine = Machine(tiering);
        Assembler asm = new(64);
        Label loop = asm.CreateLabel();
        asm.mov(ebp, Loops);
        asm.mov(ecx, 3);
        asm.Label(ref loop);
        asm.mov(eax, ebp);
        asm.and(eax, 15);
        asm.vmcall();
        asm.dec(ebp);
        asm.jnz(loop);
        asm.hlt();
        Run(machine, asm);
        HypercallSite site = Assert.Single(_kvm.Sites.All);
        Assert.Null(site.Number);
        Assert.Equal((ulong)Loops, _kvm.Sites.TimesTaken(site.Index));
        Assert.Equal(Loops / 16, _host.Asked.Count(static asked => asked == "kick 3"));
        Assert.Equal(Loops / 16, _host.Asked.Count(static asked => asked == "yield"));
    }

    [Theory]
    [InlineData(Tiering.Auto)]
    [InlineData(Tiering.Tier0)]
    [InlineData(Tiering.Tier1)]
    public void A_rewritten_site_makes_the_new_call_and_the_registry_follows(Tiering tiering)
    {
        const int NumberOffset = 1;
        const int LastByteOffset = 7;
        TestMachine machine = Machine(tiering);
        Assembler asm = new(64);
        Label site = asm.CreateLabel();
        Label round = asm.CreateLabel();
        asm.mov(ecx, 7);
        asm.mov(r8d, 2);
        asm.Label(ref round);
        asm.mov(ebp, Loops);
        asm.Label(ref site);
        asm.mov(eax, 5);
        asm.vmcall();
        asm.dec(ebp);
        asm.jnz(site);
        asm.lea(rdi, __[site]);
        asm.mov(__byte_ptr[rdi + NumberOffset], 11);
        asm.mov(__byte_ptr[rdi + LastByteOffset], 0xd9);
        asm.dec(r8d);
        asm.jnz(round);
        asm.hlt();
        Run(machine, asm);
        Assert.Equal(Loops, _host.Asked.Count(static asked => asked == "kick 7"));
        Assert.Equal(Loops, _host.Asked.Count(static asked => asked == "yield"));
        Assert.Equal(
            [(5ul, HypercallInstruction.Vmcall, HypercallSiteKind.Instruction, true, Loops), (11ul, HypercallInstruction.Vmmcall, HypercallSiteKind.Rewritten, false, Loops)],
            _kvm.Sites.All.Select(site => (site.Number!.Value, site.Instruction, site.Kind, site.IsReplaced, (int)_kvm.Sites.TimesTaken(site.Index))));
    }

    [Theory]
    [InlineData(Tiering.Tier0)]
    [InlineData(Tiering.Tier1)]
    public void A_site_rewritten_to_another_instruction_is_none_any_more(Tiering tiering)
    {
        TestMachine machine = Machine(tiering);
        Assembler asm = new(64);
        Label site = asm.CreateLabel();
        Label round = asm.CreateLabel();
        asm.mov(r8d, 2);
        asm.Label(ref round);
        asm.mov(ebp, Loops);
        asm.Label(ref site);
        asm.mov(eax, 11);
        asm.vmcall();
        asm.dec(ebp);
        asm.jnz(site);
        asm.lea(rdi, __[site]);

        // A three-byte NOP.
        asm.mov(__word_ptr[rdi + 5], 0x1f0f);
        asm.mov(__byte_ptr[rdi + 7], 0);
        asm.dec(r8d);
        asm.jnz(round);
        asm.hlt();
        Run(machine, asm);
        Assert.Equal(Loops, _host.Asked.Count);
        HypercallSite only = Assert.Single(_kvm.Sites.All);
        Assert.True(only.IsStale);
        Assert.Equal((ulong)Loops, _kvm.Sites.TimesTaken(only.Index));
    }

    [Theory]
    [InlineData(true, Tiering.Tier0)]
    [InlineData(true, Tiering.Tier1)]
    [InlineData(false, Tiering.Tier0)]
    [InlineData(false, Tiering.Tier1)]
    public void User_code_is_refused_and_without_a_hypervisor_it_is_an_undefined_opcode(bool isOffered, Tiering tiering)
    {
        TestMachine machine = isOffered ? Machine(tiering) : Keep(new TestMachine(null, tiering));
        machine.EnterLongMode();
        Assembler handler = new(64);
        handler.mov(edx, 6);
        handler.hlt();
        machine.SetLongGate((int)ExceptionVector.InvalidOpcode, TestMachine.Handlers);
        machine.Place(handler, TestMachine.Handlers);
        Assembler end = new(64);
        end.hlt();
        machine.SetLongGate((int)ExceptionVector.GeneralProtection, TestMachine.Handlers + 0x100);
        machine.Place(end, TestMachine.Handlers + 0x100);
        machine.EnterUser();
        Assembler asm = new(64);
        asm.xor(edx, edx);
        asm.mov(eax, 1);
        asm.vmcall();
        asm.mov(rbx, rax);
        asm.hlt();
        machine.Place(asm, Code);
        machine.Cpu->Rip = Code;
        Assert.Equal(MachineExit.Halted, machine.Run());
        Assert.Equal(isOffered ? (ulong.MaxValue, 0ul) : (0ul, 6ul), (machine.Cpu->Gpr[3], machine.Cpu->Gpr[2]));
    }

    [Fact]
    public void Legacy_code_passes_and_gets_32_bits()
    {
        TestMachine machine = Machine(Tiering.Auto);
        machine.EnterProtectedMode();
        machine.Cpu->Gpr[0] = 0xffff_ffff_0000_0005;
        machine.Cpu->Gpr[1] = 0x1_0000_0004;
        Assembler asm = new(32);
        asm.vmcall();
        asm.mov(ebx, eax);
        asm.mov(eax, 3);
        asm.vmmcall();
        asm.hlt();
        machine.Place(asm, Code);
        machine.Cpu->Rip = Code;
        Assert.Equal(MachineExit.Halted, machine.Run());
        Assert.Equal(["kick 4"], _host.Asked);
        Assert.Equal((0ul, NotImplemented & uint.MaxValue), (machine.Cpu->Gpr[3], machine.Cpu->Gpr[0]));
    }

    public void Dispose() => _machines.ForEach(static machine => machine.Dispose());

    private static void Call(Assembler asm, bool isAmd)
    {
        if (isAmd)
        {
            asm.vmmcall();
        }
        else
        {
            asm.vmcall();
        }
    }

    private static void Run(TestMachine machine, Assembler asm)
    {
        machine.EnterLongMode();
        machine.Place(asm, Code);
        machine.Cpu->Rip = Code;
        Assert.Equal(MachineExit.Halted, machine.Run());
    }

    private TestMachine Machine(Tiering tiering) => Keep(new TestMachine(memory => (_kvm, _host = new FakeParavirtualHost(memory)), tiering));

    private TestMachine Keep(TestMachine machine)
    {
        _machines.Add(machine);
        return machine;
    }
}
