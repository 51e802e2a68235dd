using Iced.Intel;
using Jitvmm.Runtime.Cpu;
using Jitvmm.Runtime.Execution;
using Jitvmm.Translator;
using static Iced.Intel.AssemblerRegisters;

namespace Jitvmm.Tests.Runtime.Callouts;

/// <summary>
/// Loops in several pages, compiled as one, while pages are replaced: code runs where the page tables said at the latest flush (SDM vol. 3A, 4.10.4), and the fault of a page
/// that is gone is that of its first instruction.
/// </summary>
public sealed unsafe class RegionPagesTests
{
    private const ulong Linear = 0x80_0000_0000;
    private const ulong Table = 0x102000;
    private const ulong Frames = 0x200000;

    /// <summary>Pages by their place in <see cref="Table"/>, and the frames they are in at first.</summary>
    private const ulong Callee = 0;
    private const ulong Caller = 2;

    /// <summary>The frame with another callee.</summary>
    private const ulong Other = 8;

    private const int Rounds = 40;
    private const int CallsPerRound = 20_000;

    public static TheoryData<Tiering, string> Flushes
    {
        get
        {
            TheoryData<Tiering, string> data = [];
            foreach (Tiering tiering in (Tiering[])[Tiering.Tier0, Tiering.Tier1, Tiering.Auto])
            {
                data.Add(tiering, "INVLPG");
                data.Add(tiering, "CR3");
            }

            return data;
        }
    }

    /// <summary>Each round calls a function thousands of times, and then has the other function in its page.</summary>
    [Theory]
    [MemberData(nameof(Flushes))]
    public void A_function_in_another_page_is_replaced(Tiering tiering, string flush)
    {
        using TestMachine machine = NewMachine(tiering);
        PlaceFunction(machine, Callee, 1);
        PlaceFunction(machine, Other, 3);
        Run(machine, asm => asm.call(Linear + (Callee << 12) + 0x100), asm => Exchange(asm, Callee, flush));
        Assert.Equal((ulong)(Rounds / 2 * CallsPerRound * (1 + 3)), machine.Cpu->Gpr[0]);
    }

    /// <summary>The same with an instruction that goes on in the page that is replaced, inside the loop.</summary>
    [Theory]
    [MemberData(nameof(Flushes))]
    public void The_rest_of_an_instruction_is_replaced(Tiering tiering, string flush)
    {
        using TestMachine machine = NewMachine(tiering);

        // In two pages: ADD EAX, imm32 two bytes before the end of the first, which is the caller's next.
        const ulong Between = Caller + 1;
        const ulong Rest = Caller + 2;
        machine.Write(FrameOf(Between) + 0xffe, 0x0105, 2);
        PlaceRest(machine, Rest, 0);
        PlaceRest(machine, Other, 1);
        Run(machine, asm => asm.call(Linear + (Between << 12) + 0xffe), asm => Exchange(asm, Rest, flush));
        Assert.Equal((ulong)(Rounds / 2 * CallsPerRound * (1 + 0x101)), machine.Cpu->Gpr[0]);
    }

    /// <summary>Nobody flushes: either function is right, a crash or a third is not.</summary>
    [Theory]
    [InlineData(Tiering.Tier0)]
    [InlineData(Tiering.Tier1)]
    [InlineData(Tiering.Auto)]
    public void Without_a_flush_the_old_page_may_stay(Tiering tiering)
    {
        using TestMachine machine = NewMachine(tiering);
        PlaceFunction(machine, Callee, 1);
        PlaceFunction(machine, Other, 3);
        Run(machine, asm => asm.call(Linear + (Callee << 12) + 0x100), asm => Exchange(asm, Callee, ""));
        Assert.InRange(machine.Cpu->Gpr[0], (ulong)(Rounds * CallsPerRound), (ulong)(Rounds * CallsPerRound * 3));
    }

    /// <summary>Each round the function's page is taken away; its fault brings the other one. Flags at the fault are those of the loop.</summary>
    [Theory]
    [InlineData(Tiering.Tier0)]
    [InlineData(Tiering.Tier1)]
    [InlineData(Tiering.Auto)]
    public void A_page_that_is_gone_faults_at_its_first_instruction(Tiering tiering)
    {
        using TestMachine machine = NewMachine(tiering);
        PlaceFunction(machine, Callee, 1);
        PlaceFunction(machine, Other, 3);
        Assembler handler = new(64);
        handler.inc(r8);
        handler.add(r9, __qword_ptr[rsp + 8]);
        handler.mov(r10, __qword_ptr[rsp + 24]);
        handler.and(r10d, 0x8d7);
        handler.add(r11, r10);
        Exchange(handler, Callee, "");
        handler.add(rsp, 8);
        handler.iretq();
        machine.Place(handler, TestMachine.Handlers);
        machine.SetLongGate((int)ExceptionVector.PageFault, TestMachine.Handlers);
        Run(machine, asm =>
        {
            // CF, PF, AF and SF are set, nobody in the loop reads them.
            asm.xor(ebp, ebp);
            asm.sub(ebp, 1);
            asm.call(Linear + (Callee << 12) + 0x100);
        }, asm =>
        {
            asm.mov(rdx, Table + (8 * Callee));
            asm.and(__qword_ptr[rdx], -2);
            asm.mov(rcx, Linear + (Callee << 12));
            asm.invlpg(__byte_ptr[rcx]);
        });
        const ulong Faults = Rounds - 1;
        Assert.Equal(Faults, machine.Cpu->Gpr[8]);
        Assert.Equal(unchecked(Faults * (Linear + (Callee << 12) + 0x100)), machine.Cpu->Gpr[9]);
        Assert.Equal(Faults * 0x97, machine.Cpu->Gpr[11]);
        Assert.Equal((ulong)(Rounds / 2 * CallsPerRound * (1 + 3)), machine.Cpu->Gpr[0]);
    }

    private static TestMachine NewMachine(Tiering tiering)
    {
        TestMachine machine = new TestMachine(tiering: tiering).EnterLongMode();
        machine.Write(TestMachine.PageTables + 8, 0x100007);
        machine.Write(0x100000, 0x101007);
        machine.Write(0x101000, Table | 7);
        for (ulong page = 0; page < Other; page++)
        {
            machine.Write(Table + (8 * page), FrameOf(page) | 7);
        }

        return machine;
    }

    private static ulong FrameOf(ulong page) => Frames + (page << 12);

    /// <summary>Rounds of many calls each, with something between them. RAX counts what the calls add to it.</summary>
    private static void Run(TestMachine machine, Action<Assembler> call, Action<Assembler> between)
    {
        Assembler asm = new(64);
        Label round = asm.CreateLabel();
        Label again = asm.CreateLabel();
        asm.xor(eax, eax);
        asm.xor(r8d, r8d);
        asm.xor(r9d, r9d);
        asm.xor(r11d, r11d);
        asm.mov(esi, Rounds);
        asm.Label(ref round);
        asm.mov(ebx, CallsPerRound);
        asm.Label(ref again);
        call(asm);
        asm.dec(ebx);
        asm.jne(again);
        between(asm);
        asm.dec(esi);
        asm.jne(round);
        asm.hlt();
        using MemoryStream stream = new();
        asm.Assemble(new StreamCodeWriter(stream), Linear + (Caller << 12));
        Assert.True(machine.Memory.Write(FrameOf(Caller), stream.ToArray()));
        machine.Cpu->Rip = Linear + (Caller << 12);
        Assert.Equal(MachineExit.Halted, machine.Run());
    }

    /// <summary>Has a page in the frame it was not in, and then flushes, or not.</summary>
    private static void Exchange(Assembler asm, ulong page, string flush)
    {
        asm.mov(rdx, Table + (8 * page));
        asm.mov(rcx, __qword_ptr[rdx]);
        asm.xor(rcx, (int)(FrameOf(page) ^ FrameOf(Other)));
        asm.or(rcx, 1);
        asm.mov(__qword_ptr[rdx], rcx);
        switch (flush)
        {
            case "INVLPG":
                asm.mov(rcx, Linear + (page << 12));
                asm.invlpg(__byte_ptr[rcx]);
                break;
            case "CR3":
                asm.mov(rcx, cr3);
                asm.mov(cr3, rcx);
                break;
        }
    }

    private static void PlaceFunction(TestMachine machine, ulong frame, int added)
    {
        Assembler asm = new(64);
        asm.add(eax, added);
        asm.ret();
        machine.Place(asm, FrameOf(frame) + 0x100);
    }

    /// <summary>The upper three bytes of the number, and RET.</summary>
    private static void PlaceRest(TestMachine machine, ulong frame, uint number) => machine.Write(FrameOf(frame), 0xc3_000000 | number, 4);
}
