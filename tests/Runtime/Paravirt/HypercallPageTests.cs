using Iced.Intel;
using Jitvmm.Runtime.Execution;
using Jitvmm.Runtime.Paravirt;
using Jitvmm.Runtime.Paravirt.Hyperv;
using Jitvmm.Tests.Runtime.Callouts;
using Jitvmm.Translator;
using static Iced.Intel.AssemblerRegisters;

namespace Jitvmm.Tests.Runtime.Paravirt;

/// <summary>Calls into the hypercall page from compiled code, which makes them itself: as long as they lead there, and with all that a call leaves behind.</summary>
public sealed unsafe class HypercallPageTests : IDisposable
{
    private const ulong Code = 0x1000;
    private const ulong Page = 0x6000;
    private const ulong Pointer = 0x8000;
    private const ulong Other = 0x9000;
    private const ulong Fast = 1ul << 16;

    /// <summary>Linear addresses from here are a large page of their own, of the first 2 MiB again until a test says otherwise.</summary>
    private const ulong SecondView = 0x200000;
    private const ulong SecondViewEntry = TestMachine.PageTables + 0x2008;
    private const uint GuestId = 0x40000000;
    private const uint HypercallRegister = 0x40000001;
    private const int Loops = 60_000;

    /// <summary>What tier 0 does before a region is there, many times over.</summary>
    private const ulong FewCalls = Loops / 10;

    private const ulong Unknown = 0;

    private readonly List<IDisposable> _machines = [];
    private FakeParavirtualHost _host = null!;
    private HypervInterface _hyperv = null!;

    public enum Form
    {
        Direct,
        Register,
        Memory,
    }

    [Theory]
    [InlineData(Form.Direct)]
    [InlineData(Form.Register)]
    [InlineData(Form.Memory)]
    public void A_compiled_loop_of_null_calls_stays_in_its_region(Form form)
    {
        TestMachine machine = Machine(Tiering.Tier1);
        Fill(machine, Page);
        Run(machine, asm => Loop(asm, form, a => a.mov(rcx, Unknown)));
        Assert.Equal(2ul * Loops, machine.Cpu->Gpr[3]);
        Assert.InRange(machine.Paravirtual!.Callouts, 1ul, FewCalls);
        AssertTaken(Loops, Unknown);
    }

    [Fact]
    public void So_does_one_of_interrupts_whose_input_is_in_registers()
    {
        TestMachine machine = Machine(Tiering.Tier1);
        Run(machine, asm => Loop(asm, Form.Memory, static a =>
        {
            a.mov(rcx, 0xb | Fast);
            a.mov(edx, 0x30);
            a.mov(r8d, 5);
        }));
        Assert.Equal(0ul, machine.Cpu->Gpr[3]);
        Assert.Equal(Loops, _host.Asked.Count(static asked => asked == "30 to 0"));
        Assert.InRange(machine.Paravirtual!.Callouts, 1ul, FewCalls);
        AssertTaken(Loops, 0xb);
    }

    [Fact]
    public void A_call_with_its_input_in_memory_is_made_outside()
    {
        TestMachine machine = Machine(Tiering.Tier1);
        machine.Write(Other, 0x30);
        machine.Write(Other + 8, 1);
        Run(machine, asm => Loop(asm, Form.Register, static a =>
        {
            a.mov(ecx, 0xb);
            a.mov(rdx, Other);
        }));
        Assert.Equal(0ul, machine.Cpu->Gpr[3]);
        Assert.Equal(Loops, _host.Asked.Count(static asked => asked == "30 to 0"));
        Assert.Equal((ulong)Loops, machine.Paravirtual!.Callouts);
    }

    [Theory]
    [InlineData(Tiering.Tier0)]
    [InlineData(Tiering.Tier1)]
    public void A_call_leaves_where_it_would_return_to_below_the_stack(Tiering tiering)
    {
        TestMachine machine = Machine(tiering);
        Run(machine, static asm =>
        {
            Label loop = asm.CreateLabel();
            Label behind = asm.CreateLabel();
            asm.mov(ebp, Loops);
            asm.mov(rdi, Page);
            asm.Label(ref loop);
            asm.mov(__qword_ptr[rsp - 8], 0);
            asm.mov(rcx, Unknown);
            asm.stc();
            asm.call(rdi);
            asm.Label(ref behind);
            asm.adc(rbx, __qword_ptr[rsp - 8]);
            asm.dec(ebp);
            asm.jnz(loop);
            asm.lea(rsi, __[behind]);
        });
        Assert.Equal((machine.Cpu->Gpr[6] + 1) * Loops, machine.Cpu->Gpr[3]);
        Assert.Equal(TestMachine.Stack, machine.Cpu->Gpr[4]);
    }

    [Theory]
    [InlineData(Tiering.Tier0)]
    [InlineData(Tiering.Tier1)]
    public void A_pointer_that_changes_leads_where_it_says(Tiering tiering)
    {
        TestMachine machine = Machine(tiering);
        PlaceCounter(machine, Other);
        Run(machine, asm => Twice(asm, Form.Memory, Page, a =>
        {
            a.mov(rax, Other);
            a.mov(__qword_ptr[Pointer], rax);
        }));
        AssertHalves(machine);
    }

    [Theory]
    [InlineData(Tiering.Tier0)]
    [InlineData(Tiering.Tier1)]
    public void A_page_that_moves_takes_its_calls_with_it(Tiering tiering)
    {
        TestMachine machine = Machine(tiering);

        // What the guest has in the page is code again when the page has gone.
        PlaceCounter(machine, Page);
        Run(machine, asm => Twice(asm, Form.Register, Page, static a =>
        {
            a.mov(ecx, HypercallRegister);
            a.mov(eax, (uint)Other | 1);
            a.xor(edx, edx);
            a.wrmsr();
        }));
        AssertHalves(machine);
    }

    /// <summary>What the VMM left in the page is the guest's own code then, which may not make hypercalls.</summary>
    [Theory]
    [InlineData(Tiering.Tier0)]
    [InlineData(Tiering.Tier1)]
    public void A_guest_that_gives_up_its_identity_has_no_page(Tiering tiering)
    {
        const int VmcallLength = 3;
        TestMachine machine = Machine(tiering);
        Assembler handler = new(64);
        handler.inc(r9);
        handler.add(__qword_ptr[rsp], VmcallLength);
        handler.iretq();
        machine.Place(handler, TestMachine.Handlers);
        Run(machine, asm => Twice(asm, Form.Register, Page, static a =>
        {
            a.mov(ecx, GuestId);
            a.xor(eax, eax);
            a.xor(edx, edx);
            a.wrmsr();
        }));
        AssertHalves(machine);
    }

    [Theory]
    [InlineData(Form.Direct, Tiering.Tier0)]
    [InlineData(Form.Direct, Tiering.Tier1)]
    [InlineData(Form.Register, Tiering.Tier1)]
    public void An_address_that_is_mapped_elsewhere_leads_there(Form form, Tiering tiering)
    {
        TestMachine machine = Machine(tiering);
        PlaceCounter(machine, SecondView + Page);
        Run(machine, asm => Twice(asm, form, SecondView + Page, static a =>
        {
            a.mov(__dword_ptr[SecondViewEntry], 0x200087);
            a.mov(rax, cr3);
            a.mov(cr3, rax);
        }));
        AssertHalves(machine);
    }

    [Theory]
    [InlineData(Tiering.Tier0)]
    [InlineData(Tiering.Tier1)]
    public void A_number_that_changes_makes_the_other_call(Tiering tiering)
    {
        TestMachine machine = Machine(tiering);
        Run(machine, asm =>
        {
            asm.mov(edx, 0x30);
            asm.mov(r8d, 1);
            asm.mov(r13d, (uint)Unknown);
            Twice(asm, Form.Register, Page, static a => a.mov(r13d, (uint)(0xb | Fast)), static a => a.mov(rcx, r13));
        });
        Assert.Equal(2ul * Loops, machine.Cpu->Gpr[3]);
        Assert.Equal(Loops, _host.Asked.Count(static asked => asked == "30 to 0"));
        AssertTaken(2 * Loops, null);
    }

    /// <summary>The call itself changes, not where its pointer leads: out of the page, and into it again.</summary>
    [Theory]
    [InlineData(2, Tiering.Auto)]
    [InlineData(2, Tiering.Tier0)]
    [InlineData(2, Tiering.Tier1)]
    [InlineData(3, Tiering.Auto)]
    [InlineData(3, Tiering.Tier0)]
    [InlineData(3, Tiering.Tier1)]
    public void A_direct_call_that_is_rewritten_leads_where_it_says_and_the_registry_follows(int rounds, Tiering tiering)
    {
        const int Result = 2;
        TestMachine machine = Machine(tiering);
        Fill(machine, Page);
        PlaceCounter(machine, Other);
        Run(machine, asm =>
        {
            Label round = asm.CreateLabel();
            Label loop = asm.CreateLabel();
            Label site = asm.CreateLabel();
            asm.mov(r12d, rounds);
            asm.mov(r13d, (int)(Other - Page));
            asm.Label(ref round);
            asm.mov(ebp, Loops);
            asm.Label(ref loop);
            asm.mov(rcx, Unknown);
            asm.xor(eax, eax);
            asm.Label(ref site);
            asm.call(Page);
            asm.add(rbx, rax);
            asm.dec(ebp);
            asm.jnz(loop);
            asm.lea(rdi, __[site]);
            asm.add(__dword_ptr[rdi + 1], r13d);
            asm.neg(r13d);
            asm.dec(r12d);
            asm.jnz(round);
        });
        int calls = (rounds - 1) * Loops;
        Assert.Equal((ulong)(Result * calls), machine.Cpu->Gpr[3]);
        Assert.Equal((ulong)Loops, machine.Cpu->Gpr[9]);
        AssertTaken(calls, Unknown);

        // What ran last rewrote it once more.
        HypercallSite call = _hyperv.Sites.All.Single(static site => site.Instruction == HypercallInstruction.Call);
        Assert.True(call is { IsStale: true, IsReplaced: false, Kind: HypercallSiteKind.Page });
        if (tiering == Tiering.Tier1)
        {
            Assert.InRange(machine.Paravirtual!.Callouts, 1ul, FewCalls * (ulong)rounds);
        }
    }

    public void Dispose() => _machines.ForEach(static machine => machine.Dispose());

    /// <summary>Both rounds were made, the second one at the counter.</summary>
    private void AssertHalves(TestMachine machine)
    {
        Assert.Equal((ulong)Loops, machine.Cpu->Gpr[9]);
        AssertTaken(Loops, Unknown);
    }

    private void AssertTaken(int times, ulong? number)
    {
        HypercallSite call = Assert.Single(_hyperv.Sites.All, static site => site.Instruction == HypercallInstruction.Call);
        Assert.Equal(((ulong)times, number), (_hyperv.Sites.TimesTaken(call.Index), call.Number));
    }

    /// <summary>Adds the results of calls in RBX.</summary>
    private static void Loop(Assembler asm, Form form, Action<Assembler> prepare, ulong target = Page)
    {
        Label loop = asm.CreateLabel();
        asm.mov(ebp, Loops);
        asm.Label(ref loop);
        prepare(asm);
        Call(asm, form, target);
        asm.add(rbx, rax);
        asm.dec(ebp);
        asm.jnz(loop);
    }

    /// <summary>A loop of calls, made again from the same place after something else.</summary>
    private static void Twice(Assembler asm, Form form, ulong target, Action<Assembler> between, Action<Assembler>? prepare = null)
    {
        Label round = asm.CreateLabel();
        Label end = asm.CreateLabel();
        asm.mov(r12d, 2);
        asm.mov(rax, target);
        asm.mov(__qword_ptr[Pointer], rax);
        asm.Label(ref round);
        Loop(asm, form, prepare ?? (static a => a.mov(rcx, Unknown)), target);
        asm.dec(r12d);
        asm.jz(end);
        between(asm);
        asm.jmp(round);
        asm.Label(ref end);
    }

    private static void Call(Assembler asm, Form form, ulong target)
    {
        switch (form)
        {
            case Form.Direct:
                asm.call(target);
                break;
            case Form.Register:
                asm.mov(rdi, target);
                asm.call(rdi);
                break;
            default:
                asm.call(__qword_ptr[Pointer]);
                break;
        }
    }

    /// <summary>A function that counts its calls in R9.</summary>
    private static void PlaceCounter(TestMachine machine, ulong address)
    {
        Assembler asm = new(64);
        asm.inc(r9);
        asm.ret();
        machine.Place(asm, address);
    }

    /// <summary>Undefined opcodes.</summary>
    private static void Fill(TestMachine machine, ulong page)
    {
        for (ulong offset = 0; offset < 0x1000; offset += 2)
        {
            machine.Write(page + offset, 0x0b0f, 2);
        }
    }

    private static void Run(TestMachine machine, Action<Assembler> emit)
    {
        Assembler asm = new(64);
        emit(asm);
        asm.hlt();
        machine.Restart();
        machine.Write(SecondViewEntry, 0x87);
        machine.EnterLongMode();
        machine.SetLongGate((int)ExceptionVector.InvalidOpcode, TestMachine.Handlers);
        machine.Write(Pointer, Page);
        machine.Place(asm, Code);
        machine.Cpu->Rip = Code;
        Assert.Equal(MachineExit.Halted, machine.Run());
    }

    private TestMachine Machine(Tiering tiering)
    {
        var machine = new TestMachine(memory => (_hyperv = new HypervInterface(), _host = new FakeParavirtualHost(memory)), tiering);
        _machines.Add(machine);
        Assert.True(machine.Paravirtual!.TryWriteMsr(GuestId, 0x8100_0000_0000_0000) && machine.Paravirtual.TryWriteMsr(HypercallRegister, Page | 1));
        _host.Asked.Clear();
        return machine;
    }
}
