using Iced.Intel;
using Jitvmm.Runtime.Callouts;
using Jitvmm.Runtime.Execution;
using Jitvmm.Runtime.Paravirt;
using Jitvmm.Tests.Runtime.Callouts;
using Jitvmm.Translator;
using static Iced.Intel.AssemblerRegisters;

namespace Jitvmm.Tests.Runtime.Paravirt;

/// <summary>Xen's page of hypercalls in running code, where each entry knows its number (xen/include/public/xen.h).</summary>
public sealed unsafe class XenPageTests : IDisposable
{
    private const ulong Code = 0x1000;
    private const ulong Page = 0x6000;
    private const ulong Version = Page + (17 * 32);
    private const ulong Unknown = Page + (99 * 32);
    private const uint HypercallRegister = 0x40000000;
    private const int Loops = 20_000;
    private const int ManyLoops = 60_000;

    private readonly List<IDisposable> _guests = [];

    [Theory]
    [InlineData(Tiering.Auto)]
    [InlineData(Tiering.Tier0)]
    [InlineData(Tiering.Tier1)]
    public void What_the_guest_writes_into_the_page_is_never_decoded(Tiering tiering)
    {
        XenGuest guest = Guest(tiering);
        Fill(guest);
        Assembler asm = new(64);
        Label loop = asm.CreateLabel();
        asm.mov(ebp, Loops);
        asm.xor(ebx, ebx);
        asm.Label(ref loop);
        asm.mov(edi, 7);
        asm.mov(rax, Version);
        asm.call(rax);
        asm.add(rbx, rax);
        asm.call(Unknown);
        asm.sub(rbx, rax);
        asm.dec(ebp);
        asm.jnz(loop);
        asm.mov(rdi, Version);
        asm.mov(__qword_ptr[rdi], 0x0b0f0b0f);
        asm.xor(edi, edi);
        asm.call(Version);
        asm.hlt();
        Run(guest, asm, true);
        Assert.Equal(0x40011ul, guest.Machine.Cpu->Gpr[0]);
        Assert.Equal((4096ul + 38) * Loops, guest.Machine.Cpu->Gpr[3]);
        IReadOnlyList<HypercallSite> sites = guest.Xen.Sites.All;
        Assert.All(sites, static site => Assert.Equal(HypercallSiteKind.Page, site.Kind));
        ulong[] taken = [.. ((uint[])[17, 99]).Select(number => sites.Where(site => site.Number == number).Aggregate(0ul, (sum, site) => sum + guest.Xen.Sites.TimesTaken(site.Index)))];
        Assert.Equal([(ulong)Loops + 1, (ulong)Loops], taken);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_compiled_loop_of_calls_that_need_no_memory_stays_in_its_region(bool isIndirect)
    {
        XenGuest guest = Guest(Tiering.Tier1);
        Assembler asm = new(64);
        Label loop = asm.CreateLabel();
        asm.mov(ebp, ManyLoops);
        asm.xor(ebx, ebx);
        asm.Label(ref loop);
        asm.mov(edi, 7);
        Call(asm, isIndirect, Version);
        asm.add(rbx, rax);
        Call(asm, isIndirect, Unknown);
        asm.sub(rbx, rax);
        asm.dec(ebp);
        asm.jnz(loop);
        asm.hlt();
        Run(guest, asm, true);
        Assert.Equal((4096ul + 38) * ManyLoops, guest.Machine.Cpu->Gpr[3]);
        Assert.Equal(TestMachine.Stack, guest.Machine.Cpu->Gpr[4]);

        // What tier 0 does before a region is there.
        Assert.InRange(guest.Machine.Paravirtual!.Callouts, 1ul, ManyLoops / 5ul);
        HypercallSite[] calls = [.. guest.Xen.Sites.All.Where(static site => site.Instruction == HypercallInstruction.Call)];
        Assert.Equal([17ul, 99ul], calls.Select(static site => site.Number!.Value));
        Assert.All(calls, site => Assert.Equal((ulong)ManyLoops, guest.Xen.Sites.TimesTaken(site.Index)));
    }

    [Fact]
    public void A_call_that_needs_memory_is_made_outside()
    {
        XenGuest guest = Guest(Tiering.Tier1);
        Assembler asm = new(64);
        Label loop = asm.CreateLabel();
        asm.mov(ebp, ManyLoops);
        asm.Label(ref loop);
        asm.mov(edi, 6);
        asm.mov(esi, (uint)XenGuest.Record);
        asm.call(Version);
        asm.dec(ebp);
        asm.jnz(loop);
        asm.hlt();
        Run(guest, asm, true);
        Assert.Equal(0ul, guest.Machine.Cpu->Gpr[0]);
        Assert.Equal((ulong)ManyLoops, guest.Machine.Paravirtual!.Callouts);
    }

    [Theory]
    [InlineData(Tiering.Tier0)]
    [InlineData(Tiering.Tier1)]
    public void A_call_that_is_rewritten_makes_the_other(Tiering tiering)
    {
        XenGuest guest = Guest(tiering);
        Assembler asm = new(64);
        Label round = asm.CreateLabel();
        Label loop = asm.CreateLabel();
        Label call = asm.CreateLabel();
        Label end = asm.CreateLabel();
        asm.mov(r12d, 2);
        asm.xor(ebx, ebx);
        asm.Label(ref round);
        asm.mov(ebp, ManyLoops);
        asm.Label(ref loop);
        asm.mov(edi, 7);
        asm.Label(ref call);
        asm.call(Version);
        asm.add(rbx, rax);
        asm.dec(ebp);
        asm.jnz(loop);
        asm.dec(r12d);
        asm.jz(end);
        asm.lea(rax, __[call]);
        asm.add(__dword_ptr[rax + 1], (int)(Unknown - Version));
        asm.jmp(round);
        asm.Label(ref end);
        asm.hlt();
        Run(guest, asm, true);
        Assert.Equal((4096ul - 38) * ManyLoops, guest.Machine.Cpu->Gpr[3]);
        Assert.Equal(2ul * ManyLoops, guest.Xen.Sites.All.Where(static site => site.Instruction == HypercallInstruction.Call).Aggregate(0ul, (sum, site) => sum + guest.Xen.Sites.TimesTaken(site.Index)));
    }

    [Fact]
    public void The_instruction_itself_works_too()
    {
        XenGuest guest = Guest(Tiering.Auto);
        Assembler asm = new(64);
        asm.mov(eax, 17);
        asm.mov(edi, 7);
        asm.vmmcall();
        asm.mov(rbx, rax);
        asm.mov(eax, 99);
        asm.vmcall();
        asm.hlt();
        Run(guest, asm, true);
        Assert.Equal((4096ul, unchecked((ulong)XenGuest.NotImplemented)), (guest.Machine.Cpu->Gpr[3], guest.Machine.Cpu->Gpr[0]));
    }

    [Fact]
    public void Legacy_code_calls_it_too()
    {
        XenGuest guest = Guest(Tiering.Auto);
        Assembler asm = new(32);
        asm.mov(ebx, 7);
        asm.call(Version);
        asm.hlt();
        Run(guest, asm, false);
        Assert.Equal(4096ul, guest.Machine.Cpu->Gpr[0]);
    }

    [Fact]
    public void A_page_that_moves_leaves_its_code_behind()
    {
        XenGuest guest = Guest(Tiering.Auto);
        Assert.True(ModelSpecificRegisters.TryWrite(guest.Machine.Cpu, HypercallRegister, 0xe000));
        Assert.True(guest.Xen.Sites.Page!.Owns(0xe000) && !guest.Xen.Sites.Page.Owns(Page));
        Assert.Equal(0x010f_0000_0011_b8ul & 0xffffff, guest.Machine.Read(0xe000 + (17 * 32), 3));
    }

    public void Dispose() => _guests.ForEach(static guest => guest.Dispose());

    private XenGuest Guest(Tiering tiering)
    {
        var guest = new XenGuest(tiering: tiering);
        _guests.Add(guest);
        Fill(guest);
        Assert.True(ModelSpecificRegisters.TryWrite(guest.Machine.Cpu, HypercallRegister, Page));
        return guest;
    }

    /// <summary>Undefined opcodes.</summary>
    private static void Fill(XenGuest guest)
    {
        for (ulong offset = 0; offset < 0x1000; offset += 2)
        {
            guest.Machine.Write(Page + offset, 0x0b0f, 2);
        }
    }

    private static void Call(Assembler asm, bool isIndirect, ulong target)
    {
        if (isIndirect)
        {
            asm.mov(rcx, target);
            asm.call(rcx);
            return;
        }

        asm.call(target);
    }

    private static void Run(XenGuest guest, Assembler asm, bool is64Bit)
    {
        TestMachine machine = guest.Machine;
        machine.Restart();
        _ = is64Bit ? machine.EnterLongMode() : machine.EnterProtectedMode();
        machine.Place(asm, Code);
        machine.Cpu->Rip = Code;
        Assert.Equal(MachineExit.Halted, machine.Run());
    }
}
