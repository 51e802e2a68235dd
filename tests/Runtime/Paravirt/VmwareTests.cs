using Iced.Intel;
using Jitvmm.Runtime.Cpu;
using Jitvmm.Runtime.Execution;
using Jitvmm.Runtime.Paravirt;
using Jitvmm.Runtime.Paravirt.Vmware;
using Jitvmm.Tests.Runtime.Callouts;
using Jitvmm.Translator;
using static Iced.Intel.AssemblerRegisters;

namespace Jitvmm.Tests.Runtime.Paravirt;

/// <summary>VMware's back door in running code, with commands and addresses no kernel passes.</summary>
public sealed unsafe class VmwareTests : IDisposable
{
    private const ulong Code = 0x1000;
    private const ulong Record = 0x5040;
    private const uint Frequency = 2_000_000_000;
    private const uint Magic = 0x564d5868;
    private const uint Port = 0x5658;
    private const uint Untouched = 0x1234_5678;
    private const uint Failure = uint.MaxValue;
    private const ulong RamEnd = 4 << 20;

    private readonly List<IDisposable> _machines = [];
    private FakeParavirtualHost _host = null!;
    private VmwareInterface _vmware = null!;

    public enum Form
    {
        Port,
        Vmcall,
        Vmmcall,
    }

    public static TheoryData<Form, Tiering> Forms => new()
    {
        { Form.Port, Tiering.Tier0 },
        { Form.Port, Tiering.Tier1 },
        { Form.Vmcall, Tiering.Tier0 },
        { Form.Vmcall, Tiering.Tier1 },
        { Form.Vmmcall, Tiering.Tier0 },
        { Form.Vmmcall, Tiering.Tier1 },
    };

    [Theory]
    [MemberData(nameof(Forms))]
    public void Every_form_and_tier_gives_commands_and_gets_answers(Form form, Tiering tiering)
    {
        TestMachine machine = Machine(tiering: tiering);
        Assert.Equal((6u, Magic, 2u), Give(machine, form, 10));
        Assert.Equal((Frequency, 0u, Frequency), Give(machine, form, 45));
        Assert.Equal((8u, Untouched, 68u), Give(machine, form, 68));
        Assert.Equal((Failure, Untouched, 11u), Give(machine, form, 11));
        Assert.Equal((1u, Untouched, 91u), Give(machine, form, 91, Record));
        Assert.Equal((0u, Untouched, 91u), Give(machine, form, 91, 1));
        IEnumerable<(ulong?, ulong)> sites = _vmware.Sites.All.Select(site => (site.Number, _vmware.Sites.TimesTaken(site.Index)));
        Assert.Equal(form == Form.Port ? [] : [(10ul, 1ul), (45, 1), (68, 1), (11, 1), (91, 2)], sites);
    }

    [Fact]
    public void A_compiled_loop_of_calls_stays_in_its_region_as_long_as_they_are_calls()
    {
        const int Loops = 60_000;
        TestMachine machine = Machine(tiering: Tiering.Tier1);
        machine.EnterLongMode();
        Assembler asm = new(64);
        Label loop = asm.CreateLabel();
        asm.mov(ebp, Loops);
        asm.mov(esi, Magic);
        asm.Label(ref loop);

        // The very last one lacks the magic number.
        asm.xor(edi, edi);
        asm.cmp(ebp, 1);
        asm.sete(dil);
        asm.mov(eax, esi);
        asm.add(eax, edi);
        asm.mov(rbx, -1);
        asm.mov(ecx, 10);
        asm.xor(edx, edx);
        asm.vmcall();
        asm.add(r8, rax);
        asm.add(r9, rbx);
        asm.add(r10, rcx);
        asm.dec(ebp);
        asm.jnz(loop);
        asm.hlt();
        machine.Place(asm, Code);
        machine.Cpu->Rip = Code;
        Assert.Equal(MachineExit.Halted, machine.Run());
        Assert.Equal((6ul * (Loops - 1)) + Failure, machine.Cpu->Gpr[8]);
        Assert.Equal(((ulong)Magic * (Loops - 1)) - 1, machine.Cpu->Gpr[9]);
        Assert.Equal((2ul * (Loops - 1)) + 10, machine.Cpu->Gpr[10]);
        Assert.InRange(machine.Paravirtual!.Callouts, 1ul, Loops / 10ul);
        HypercallSite site = Assert.Single(_vmware.Sites.All);
        Assert.Equal((ulong)Loops, _vmware.Sites.TimesTaken(site.Index));
    }

    [Theory]
    [InlineData(Tiering.Auto)]
    [InlineData(Tiering.Tier0)]
    [InlineData(Tiering.Tier1)]
    public void A_rewritten_site_gives_the_new_command_and_the_registry_follows(Tiering tiering)
    {
        const int Loops = 60_000;
        const int NumberOffset = 1;
        const int LastByteOffset = 7;
        TestMachine machine = Machine(tiering: tiering);
        machine.EnterLongMode();
        Assembler asm = new(64);
        Label round = asm.CreateLabel();
        Label loop = asm.CreateLabel();
        Label site = asm.CreateLabel();
        asm.mov(r8d, 2);
        asm.Label(ref round);
        asm.mov(ebp, Loops);
        asm.xor(r9d, r9d);
        asm.Label(ref loop);
        asm.mov(eax, Magic);
        asm.xor(edx, edx);
        asm.Label(ref site);
        asm.mov(ecx, 10);
        asm.vmcall();
        asm.add(r9, rax);
        asm.dec(ebp);
        asm.jnz(loop);

        // Each round's sum in a register of its own.
        asm.mov(r10, r11);
        asm.mov(r11, r9);
        asm.lea(rdi, __[site]);
        asm.mov(__byte_ptr[rdi + NumberOffset], 68);
        asm.mov(__byte_ptr[rdi + LastByteOffset], 0xd9);
        asm.dec(r8d);
        asm.jnz(round);
        asm.hlt();
        machine.Place(asm, Code);
        machine.Cpu->Rip = Code;
        Assert.Equal(MachineExit.Halted, machine.Run());
        Assert.Equal((6ul * Loops, 8ul * Loops), (machine.Cpu->Gpr[10], machine.Cpu->Gpr[11]));
        Assert.Equal(
            [(10ul, HypercallInstruction.Vmcall, HypercallSiteKind.Instruction, true, Loops), (68ul, HypercallInstruction.Vmmcall, HypercallSiteKind.Rewritten, false, Loops)],
            _vmware.Sites.All.Select(site => (site.Number!.Value, site.Instruction, site.Kind, site.IsReplaced, (int)_vmware.Sites.TimesTaken(site.Index))));
    }

    /// <summary>As Linux's alternatives do once they know that the call is there.</summary>
    [Theory]
    [InlineData(Tiering.Auto)]
    [InlineData(Tiering.Tier0)]
    [InlineData(Tiering.Tier1)]
    public void A_port_access_patched_to_a_call_is_one(Tiering tiering)
    {
        const int Loops = 60_000;
        TestMachine machine = Machine(tiering: tiering);
        machine.EnterLongMode();
        Assembler asm = new(64);
        Label round = asm.CreateLabel();
        Label loop = asm.CreateLabel();
        Label site = asm.CreateLabel();
        asm.mov(r8d, 2);
        asm.xor(r9d, r9d);
        asm.Label(ref round);
        asm.mov(ebp, Loops);
        asm.Label(ref loop);
        asm.mov(eax, Magic);
        asm.mov(ecx, 10);
        asm.mov(edx, Port);
        asm.Label(ref site);
        asm.@in(eax, dx);
        asm.nop();
        asm.nop();
        asm.add(r9, rax);
        asm.dec(ebp);
        asm.jnz(loop);
        asm.lea(rdi, __[site]);
        asm.mov(__word_ptr[rdi], 0x010f);
        asm.mov(__byte_ptr[rdi + 2], 0xc1);
        asm.dec(r8d);
        asm.jnz(round);
        asm.hlt();
        machine.Place(asm, Code);
        machine.Cpu->Rip = Code;
        Assert.Equal(MachineExit.Halted, machine.Run());
        Assert.Equal(2 * 6ul * Loops, machine.Cpu->Gpr[9]);
        HypercallSite only = Assert.Single(_vmware.Sites.All);
        Assert.Equal((10ul, HypercallInstruction.Vmcall, (ulong)Loops), (only.Number!.Value, only.Instruction, _vmware.Sites.TimesTaken(only.Index)));
    }

    [Fact]
    public void Other_commands_fail_and_touch_nothing_else()
    {
        int seed = Environment.TickCount;
        var random = new Random(seed);
        TestMachine machine = Machine();
        for (int i = 0; i < 200; i++)
        {
            uint command = (uint)random.NextInt64(0x1_0000_0000);
            if ((command & 0xffff) is 10 or 45 or 68 or 91)
            {
                continue;
            }

            Assert.True((Failure, Untouched, command) == Give(machine, (Form)(i % 3), command), $"command {command:x}, seed {seed}");
        }
    }

    [Theory]
    [InlineData(Magic + 1, Port, Form.Vmcall, Failure)]
    [InlineData(Magic, 1u, Form.Vmcall, Failure)]
    [InlineData(Magic, 2u, Form.Vmmcall, Failure)]
    [InlineData(Magic + 1, Port, Form.Port, Port)]
    [InlineData(Magic, Port + 1, Form.Port, Port + 1)]
    public void Without_magic_or_port_it_is_no_back_door(uint magic, uint port, Form form, uint answer)
    {
        // The test's ports answer with their numbers.
        Assert.Equal((answer, Untouched, 10u), Give(Machine(), form, 10, magic: magic, port: port));
    }

    [Theory]
    [InlineData(Form.Port)]
    [InlineData(Form.Vmcall)]
    public void User_code_may_ask_but_not_name_memory(Form form)
    {
        TestMachine machine = Machine();
        Assert.Equal((6u, Magic, 2u), Give(machine, form, 10, isUser: true));
        Assert.Equal((Failure, Untouched, 91u), Give(machine, form, 91, Record, isUser: true));
        Assert.Equal([0ul], machine.Paravirtual!.SaveState());

        // #GP, whose handler leaves EAX alone: the port is open for the back door only.
        Assert.Equal((Magic + 1, Untouched, 10u), Give(machine, Form.Port, 10, magic: Magic + 1, isUser: true));
    }

    [Theory]
    [InlineData(Record + 8)]
    [InlineData(RamEnd)]
    [InlineData(RamEnd - 32)]
    [InlineData(0xffff_ffff_ffff_ffc0)]
    [InlineData(0xff_ffff_ffc0)]
    public void A_steal_clock_outside_memory_is_refused(ulong address)
    {
        TestMachine machine = Machine();
        Assert.Equal(1u, Give(machine, Form.Vmcall, 91, Record).Eax);
        Assert.Equal(Failure, Give(machine, Form.Vmcall, 91, address).Eax);
        Steal(machine, 3_000_000);
        Assert.Equal(0ul, machine.Read(Record));
        Assert.Equal([0ul], machine.Paravirtual!.SaveState());
    }

    [Fact]
    public void The_steal_clock_counts_in_ticks_of_the_time_stamp_counter_and_survives_a_restore()
    {
        TestMachine machine = Machine();
        Assert.Equal(1u, Give(machine, Form.Port, 91, Record).Eax);
        Steal(machine, 3_000_000);
        Assert.Equal(6_000_000ul, machine.Read(Record));

        // The host is asked once a millisecond.
        _host.TimeKeptWaiting += 5;
        machine.Paravirtual!.InterruptTaken();
        Assert.Equal(6_000_000ul, machine.Read(Record));
        ulong[] state = machine.Paravirtual.SaveState();
        machine.Paravirtual.Reset();
        Steal(machine, 7_000_000);
        Assert.Equal(6_000_000ul, machine.Read(Record));
        Assert.True(machine.Paravirtual.TryRestoreState(state));
        Assert.Equal(state, machine.Paravirtual.SaveState());
        Steal(machine, 1_000_000);
        Assert.Equal(8_000_000ul, machine.Read(Record));
        Assert.Equal(new ulong[7], Enumerable.Range(1, 7).Select(word => machine.Read(Record + ((ulong)word * 8))));
    }

    [Theory]
    [InlineData(new ulong[] { RamEnd | 1 })]
    [InlineData(new ulong[] { Record | 9 })]
    [InlineData(new ulong[] { })]
    [InlineData(new ulong[] { 0, 0 })]
    public void Saved_state_that_is_none_is_refused(ulong[] words) => Assert.False(Machine().Paravirtual!.TryRestoreState(words));

    [Theory]
    [InlineData(VmwareFeatures.Frequency, 45u)]
    [InlineData(VmwareFeatures.VcpuInfo, 68u)]
    [InlineData(VmwareFeatures.StealClock, 91u)]
    [InlineData(VmwareFeatures.Vmcall, 10u)]
    public void Without_its_feature_a_command_is_not_there(VmwareFeatures feature, uint command)
    {
        TestMachine machine = Machine(VmwareFeatures.All & ~feature);
        Assert.Equal((Failure, Untouched, command), Give(machine, Form.Vmcall, command, Record));
        Assert.Equal(feature == VmwareFeatures.Vmcall ? 6u : Failure, Give(machine, Form.Port, command, Record).Eax);
    }

    [Fact]
    public void Cpuid_carries_signature_frequencies_and_how_to_call()
    {
        var vmware = new VmwareInterface(Frequency);
        Assert.Equal(new CpuidLeaf(0x40000010, 0x61774d56, 0x4d566572, 0x65726177), vmware.QueryCpuid(0x40000000));
        Assert.Equal(new CpuidLeaf(2_000_000, 2_000_000, 2, 0), vmware.QueryCpuid(0x40000010));
        Assert.Equal(default, vmware.QueryCpuid(0x40000001));
        Assert.Equal(default, new VmwareInterface(Frequency, VmwareFeatures.StealClock).QueryCpuid(0x40000010));
    }

    public void Dispose() => _machines.ForEach(static machine => machine.Dispose());

    private void Steal(TestMachine machine, long nanoseconds)
    {
        _host.Now += 1_000_000;
        _host.TimeKeptWaiting += nanoseconds;
        machine.Paravirtual!.InterruptTaken();
    }

    /// <summary>Runs one command: EAX, EBX and ECX after it.</summary>
    private static (uint Eax, uint Ebx, uint Ecx) Give(TestMachine machine, Form form, uint command, ulong address = 0, uint magic = Magic, uint? port = null, bool isUser = false)
    {
        machine.Restart();
        machine.EnterLongMode();
        Assembler end = new(64);
        end.hlt();
        machine.SetLongGate((int)ExceptionVector.GeneralProtection, TestMachine.Handlers);
        machine.Place(end, TestMachine.Handlers);
        if (isUser)
        {
            machine.EnterUser();
        }

        Assembler asm = new(64);
        asm.mov(ecx, command);
        switch (form)
        {
            case Form.Port:
                asm.@in(eax, dx);
                break;
            case Form.Vmcall:
                asm.vmcall();
                break;
            default:
                asm.vmmcall();
                break;
        }

        asm.hlt();
        machine.Place(asm, Code);
        machine.Cpu->Rip = Code;
        machine.Cpu->Gpr[0] = magic;
        machine.Cpu->Gpr[2] = port ?? (form == Form.Port ? Port : 0);
        machine.Cpu->Gpr[3] = Untouched;
        machine.Cpu->Gpr[6] = address >> 32;
        machine.Cpu->Gpr[7] = (uint)address;
        Assert.Equal(MachineExit.Halted, machine.Run());
        return ((uint)machine.Cpu->Gpr[0], (uint)machine.Cpu->Gpr[3], (uint)machine.Cpu->Gpr[1]);
    }

    private TestMachine Machine(VmwareFeatures features = VmwareFeatures.All, Tiering tiering = Tiering.Auto)
    {
        var machine = new TestMachine(memory => (_vmware = new VmwareInterface(Frequency, features), _host = new FakeParavirtualHost(memory)), tiering);
        _machines.Add(machine);
        return machine;
    }
}
