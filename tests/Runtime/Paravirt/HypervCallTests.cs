using Iced.Intel;
using Jitvmm.Runtime.Callouts;
using Jitvmm.Runtime.Cpu;
using Jitvmm.Runtime.Execution;
using Jitvmm.Runtime.Paravirt;
using Jitvmm.Runtime.Paravirt.Hyperv;
using Jitvmm.Tests.Runtime.Callouts;
using Jitvmm.Translator;
using static Iced.Intel.AssemblerRegisters;

namespace Jitvmm.Tests.Runtime.Paravirt;

/// <summary>Hyper-V's hypercall page in running code, and hypercalls with inputs no kernel passes (TLFS 3 and appendix A).</summary>
public sealed unsafe class HypervCallTests : IDisposable
{
    private const ulong Code = 0x1000;
    private const ulong Page = 0x6000;
    private const ulong Other = 0x7000;
    private const ulong Input = 0x8000;
    private const ulong RamEnd = 4 << 20;
    private const uint GuestId = 0x40000000;
    private const uint HypercallRegister = 0x40000001;
    private const ulong Fast = 1ul << 16;
    private const int Loops = 60_000;

    private readonly List<IDisposable> _machines = [];
    private FakeParavirtualHost _host = null!;
    private HypervInterface _hyperv = null!;

    [Theory]
    [InlineData(Tiering.Auto)]
    [InlineData(Tiering.Tier0)]
    [InlineData(Tiering.Tier1)]
    public void What_the_guest_writes_into_the_page_is_never_decoded(Tiering tiering)
    {
        TestMachine machine = Machine(tiering);
        Fill(machine, Page);
        Assembler asm = new(64);
        Label loop = asm.CreateLabel();
        asm.mov(ebp, Loops);
        asm.Label(ref loop);
        asm.mov(rcx, 0xb | Fast);
        asm.mov(edx, 0x30);
        asm.mov(r8d, 1);
        asm.mov(rax, Page);
        asm.call(rax);
        asm.add(rbx, rax);
        asm.dec(ebp);
        asm.jnz(loop);

        // The page's own bytes are the guest's to write, which changes nothing.
        asm.mov(rdi, Page);
        asm.mov(__qword_ptr[rdi], 0x0b0f0b0f);
        asm.mov(rcx, 0xffff);
        asm.call(Page);
        asm.hlt();
        Run(machine, asm);
        Assert.Equal(0ul, machine.Cpu->Gpr[3]);
        Assert.Equal(2ul, machine.Cpu->Gpr[0]);
        Assert.Equal(Loops, _host.Asked.Count(static asked => asked == "30 to 0"));
        Assert.Equal(
            [(0ul, HypercallInstruction.Vmcall, 0), (0xbul, HypercallInstruction.Call, Loops), (0xfffful, HypercallInstruction.Call, 1)],
            _hyperv.Sites.All.Select(site => (site.Number ?? 0, site.Instruction, (int)_hyperv.Sites.TimesTaken(site.Index))));
        Assert.All(_hyperv.Sites.All, static site => Assert.Equal(HypercallSiteKind.Page, site.Kind));
    }

    [Theory]
    [InlineData(Tiering.Tier0)]
    [InlineData(Tiering.Tier1)]
    public void A_call_that_the_guest_rewrites_goes_where_it_says(Tiering tiering)
    {
        TestMachine machine = Machine(tiering);
        Assembler other = new(64);
        other.inc(r9);
        other.ret();
        machine.Place(other, Other);
        Assembler asm = new(64);
        Label site = asm.CreateLabel();
        Label round = asm.CreateLabel();
        asm.mov(r10d, 2);
        asm.Label(ref round);
        asm.mov(ebp, Loops);
        asm.Label(ref site);
        asm.mov(rax, Page);
        asm.mov(rcx, 0xb | Fast);
        asm.mov(edx, 0x30);
        asm.mov(r8d, 1);
        asm.call(rax);
        asm.dec(ebp);
        asm.jnz(site);
        asm.lea(rdi, __[site]);

        // The byte 60h of the address becomes 70h.
        asm.mov(__byte_ptr[rdi + 3], 0x70);
        asm.dec(r10d);
        asm.jnz(round);
        asm.hlt();
        Run(machine, asm);
        Assert.Equal(Loops, _host.Asked.Count(static asked => asked == "30 to 0"));
        Assert.Equal((ulong)Loops, machine.Cpu->Gpr[9]);
        Assert.True(_hyperv.Sites.All.Single(static site => site.Instruction == HypercallInstruction.Call).IsStale);
    }

    [Fact]
    public void A_page_that_moves_leaves_what_was_there()
    {
        TestMachine machine = Machine();
        Assembler other = new(64);
        other.mov(eax, 77);
        other.ret();
        machine.Place(other, Other);
        Assembler asm = new(64);
        asm.call(Other);
        asm.hlt();
        Run(machine, asm);
        Assert.Equal(77ul, machine.Cpu->Gpr[0]);
        Assert.True(ModelSpecificRegisters.TryWrite(machine.Cpu, HypercallRegister, Other | 1));
        machine.Cpu->Gpr[1] = 0xffff;
        Run(machine, asm);
        Assert.Equal(2ul, machine.Cpu->Gpr[0]);
        Assert.True(ModelSpecificRegisters.TryWrite(machine.Cpu, HypercallRegister, 0));

        // Now it is the guest's again, with what the VMM left in it.
        machine.Place(other, Other);
        Run(machine, asm);
        Assert.Equal(77ul, machine.Cpu->Gpr[0]);
    }

    [Theory]
    [InlineData(RamEnd | 1, false)]
    [InlineData((RamEnd - 0x1000) | 1, true)]
    [InlineData(0xff_ffff_f001, false)]
    [InlineData(0xffff_ffff_ffff_f001, false)]
    [InlineData(RamEnd, true)]
    public void The_page_is_in_memory_or_refused(ulong value, bool isAccepted)
    {
        TestMachine machine = Machine();
        Assert.Equal(isAccepted, ModelSpecificRegisters.TryWrite(machine.Cpu, HypercallRegister, value));
    }

    [Fact]
    public void A_locked_page_stays_and_one_without_an_identity_goes()
    {
        ParavirtualCpu cpu = Machine().Paravirtual!;
        Assert.True(cpu.TryWriteMsr(HypercallRegister, Page | 3));
        Assert.False(cpu.TryWriteMsr(HypercallRegister, Other | 1));
        Assert.True(cpu.TryWriteMsr(GuestId, 0));
        Assert.True(cpu.TryReadMsr(HypercallRegister, out ulong value));
        Assert.Equal(Page | 2, value);
        Assert.False(_hyperv.Sites.Page!.Owns(Page));
    }

    /// <summary>Control, input address, second input, expected result; what is in memory at the input are 0x30, all ones, ...</summary>
    [Theory]
    [InlineData(0x0001ul, Input, 2ul)]
    [InlineData(0x0002ul, Input, 5ul)]
    [InlineData(0xfffful, Input, 2ul)]
    [InlineData(0x000b | (1ul << 27), Input, 3ul)]
    [InlineData(0x000b | (1ul << 31), Input, 3ul)]
    [InlineData(0x000b | (1ul << 44), Input, 3ul)]
    [InlineData(0x000b | (1ul << 60), Input, 3ul)]
    [InlineData(0x000b | (1ul << 32), Input, 3ul)]
    [InlineData(0x000b | (1ul << 48), Input, 3ul)]
    [InlineData(0x000b | (1ul << 17), Input, 3ul)]
    [InlineData(0x000bul, Input, 0ul)]
    [InlineData(0x000bul, Input + 4, 4ul)]
    [InlineData(0x000bul, Input + 0xff0, 5ul)]
    [InlineData(0x000bul, Input + 0xff8, 4ul)]
    [InlineData(0x000bul, RamEnd, 4ul)]
    [InlineData(0x000bul, RamEnd - 8, 4ul)]
    [InlineData(0x000bul, 0xffff_ffff_ffff_fff8, 4ul)]
    [InlineData(0x000b | Fast, 0xful, 5ul)]
    [InlineData(0x000b | Fast, 0x100ul, 5ul)]
    [InlineData(0x000b | Fast, 0x1_0000_0030ul, 5ul)]
    [InlineData(0x0002 | Fast, 0ul, 3ul)]
    [InlineData(0x0015 | Fast, 0x30ul, 3ul)]
    [InlineData(0x0003ul, Input, 3ul)]
    [InlineData(0x0003 | (3ul << 32) | (3ul << 48), Input, 3ul)]
    [InlineData(0x0003 | (0xffful << 32), Input, 4ul)]
    [InlineData(0x0003 | (509ul << 32) | (508ul << 48), Input + 0x100, 4 | (508ul << 32))]
    [InlineData(0x0014 | (0x3fful << 17) | (1ul << 32), Input, 4ul)]
    public void Malformed_calls_get_their_status(ulong control, ulong input, ulong result)
    {
        TestMachine machine = Machine();
        machine.Write(Input, 0x30);
        machine.Write(Input + 8, ulong.MaxValue);
        Assert.Equal(result, Perform(machine, control, input, 0));
    }

    public static TheoryData<ulong, ulong[], ulong, string[]> Interrupts => new()
    {
        { 0x15, [0x40, 1, 0], 0, ["40 to 0"] },
        { 0x15, [0x40, 2, 0], 5, [] },
        { 0x15 | (1ul << 17), [0x40, 0, 0], 3, [] },
        { 0x15, [0x40, 0, 1], 3, [] },
        { 0x15 | (1ul << 17), [0x40, 0, 1, 1], 0, ["40 to 0"] },
        { 0x15 | (2ul << 17), [0x40, 0, 6, ulong.MaxValue, ulong.MaxValue], 0, [] },
        { 0x15 | (1ul << 17), [0x40, 0, 1ul << 63, ulong.MaxValue], 0, [] },
        { 0x15 | (1ul << 17), [0xf, 0, 1, 1], 5, [] },
    };

    [Theory]
    [MemberData(nameof(Interrupts))]
    public void Interrupts_go_to_the_processors_of_a_set(ulong control, ulong[] input, ulong result, string[] sent)
    {
        TestMachine machine = Machine();
        for (int i = 0; i < input.Length; i++)
        {
            machine.Write(Input + ((ulong)i * 8), input[i]);
        }

        Assert.Equal(result, Perform(machine, control, Input, 0));
        Assert.Equal(sent, _host.Asked);
    }

    [Theory]
    [InlineData(0x02ul, 0ul)]
    [InlineData(0x03 | (2ul << 32), 2ul << 32)]
    [InlineData(0x03 | (2ul << 32) | (1ul << 48), 2ul << 32)]
    [InlineData(0x13ul, 0ul)]
    [InlineData(0x14 | (2ul << 32), 2ul << 32)]
    public void Flushes_say_how_much_is_done_and_forget_translations(ulong control, ulong result)
    {
        TestMachine machine = Machine();
        machine.EnterLongMode();

        // A page of the second large page, seen once, then led elsewhere by its table.
        const ulong Seen = 0x201000;
        machine.Write(Seen, 1);
        machine.Write(0x1000, 2);
        Assert.Equal(1ul, Jitvmm.Runtime.Memory.PagedMemory.Read(machine.Cpu, Seen, 8, false));
        machine.Write(TestMachine.PageTables + 0x2008, 0x87);
        Assert.Equal(1ul, Jitvmm.Runtime.Memory.PagedMemory.Read(machine.Cpu, Seen, 8, false));
        machine.Write(Input + 8, 1);
        Assert.Equal(result, Perform(machine, control, Input, 0, false));
        Assert.Equal(2ul, Jitvmm.Runtime.Memory.PagedMemory.Read(machine.Cpu, Seen, 8, false));
    }

    [Fact]
    public void User_code_and_guests_without_identity_have_no_hypercalls()
    {
        TestMachine machine = Machine();
        machine.EnterLongMode().EnterUser();
        Assert.False(machine.Paravirtual!.Hypercall());
        machine.Restart();
        machine.EnterLongMode();
        Assert.True(machine.Paravirtual.Hypercall());
        Assert.True(machine.Paravirtual.TryWriteMsr(GuestId, 0));
        Assert.False(machine.Paravirtual.Hypercall());
    }

    [Fact]
    public void Legacy_code_passes_pairs()
    {
        TestMachine machine = Machine();
        machine.EnterProtectedMode();
        CpuState* cpu = machine.Cpu;
        (cpu->Gpr[2], cpu->Gpr[0], cpu->Gpr[3], cpu->Gpr[1], cpu->Gpr[7], cpu->Gpr[6]) = (0, 0xb | Fast, 0, 0x35, 0, 1);
        Assert.True(machine.Paravirtual!.Hypercall());
        Assert.Equal(["35 to 0"], _host.Asked);
        Assert.Equal((0ul, 0ul), (cpu->Gpr[0], cpu->Gpr[2]));
    }

    [Theory]
    [InlineData(HypervFeatures.SendIpi, 0x0bul)]
    [InlineData(HypervFeatures.SendIpi, 0x15ul)]
    [InlineData(HypervFeatures.TlbFlush, 0x02ul)]
    [InlineData(HypervFeatures.TlbFlush, 0x14ul)]
    public void Without_its_feature_a_call_is_not_there(HypervFeatures feature, ulong code) =>
        Assert.Equal(2ul, Perform(Machine(features: HypervFeatures.All & ~feature), code, Input, 0));

    public void Dispose() => _machines.ForEach(static machine => machine.Dispose());

    private static ulong Perform(TestMachine machine, ulong control, ulong first, ulong second, bool enters = true)
    {
        if (enters)
        {
            machine.EnterLongMode();
        }

        (machine.Cpu->Gpr[1], machine.Cpu->Gpr[2], machine.Cpu->Gpr[8]) = (control, first, second);
        Assert.True(machine.Paravirtual!.Hypercall());
        return machine.Cpu->Gpr[0];
    }

    /// <summary>Undefined opcodes.</summary>
    private static void Fill(TestMachine machine, ulong page)
    {
        for (ulong offset = 0; offset < 0x1000; offset += 2)
        {
            machine.Write(page + offset, 0x0b0f, 2);
        }
    }

    private static void Run(TestMachine machine, Assembler asm)
    {
        ulong rcx = machine.Cpu->Gpr[1];
        machine.Restart();
        machine.EnterLongMode();
        machine.Cpu->Gpr[1] = rcx;
        machine.Place(asm, Code);
        machine.Cpu->Rip = Code;
        Assert.Equal(MachineExit.Halted, machine.Run());
    }

    private TestMachine Machine(Tiering tiering = Tiering.Auto, HypervFeatures features = HypervFeatures.All)
    {
        var machine = new TestMachine(memory => (_hyperv = new HypervInterface(features), _host = new FakeParavirtualHost(memory)), tiering);
        _machines.Add(machine);
        Assert.True(machine.Paravirtual!.TryWriteMsr(GuestId, 0x8100_0000_0000_0000) && machine.Paravirtual.TryWriteMsr(HypercallRegister, Page | 1));
        _host.Asked.Clear();
        return machine;
    }
}
