using Iced.Intel;
using Jitvmm.Runtime.Execution;
using Jitvmm.Translator;
using static Iced.Intel.AssemblerRegisters;

namespace Jitvmm.Tests.Runtime.Callouts;

/// <summary>Loops through jump tables and tables of functions: as in tier 0, however many targets there are, when they first come, and where the table changes.</summary>
public sealed unsafe class ComputedJumpTests
{
    private const ulong Code = 0x200000;
    private const ulong Targets = 0x201000;
    private const ulong Table = 0x203000;
    private const int Rounds = 200_000;

    public static TheoryData<int, bool> Tables
    {
        get
        {
            TheoryData<int, bool> data = [];
            foreach (int targets in (int[])[1, 3, 4, 7, 16, 40])
            {
                data.Add(targets, false);
                data.Add(targets, true);
            }

            return data;
        }
    }

    [Theory]
    [MemberData(nameof(Tables))]
    public void Every_target_is_reached(int targets, bool calls)
    {
        ulong expected = Run(targets, calls, Tiering.Tier0);
        Assert.Equal(expected, Run(targets, calls, Tiering.Tier1));
        Assert.Equal(expected, Run(targets, calls, Tiering.Auto));
    }

    /// <summary>A loop that nothing but a computed jump closes can be left.</summary>
    [Theory]
    [InlineData(Tiering.Tier0)]
    [InlineData(Tiering.Tier1)]
    [InlineData(Tiering.Auto)]
    public void An_endless_loop_stops_when_it_is_asked_to(Tiering tiering)
    {
        using TestMachine machine = NewMachine(tiering);
        Assembler asm = new(64);
        Label again = asm.CreateLabel();
        asm.lea(rsi, __[again]);
        asm.Label(ref again);
        asm.inc(rax);
        asm.jmp(rsi);
        machine.Place(asm, Code);
        machine.Cpu->Rip = Code;
        using Timer kick = new(_ => machine.RequestStop(), null, 300, Timeout.Infinite);
        Assert.Equal(MachineExit.Stopped, machine.Run());
        Assert.True(machine.Cpu->Gpr[0] > 1000);
    }

    private static TestMachine NewMachine(Tiering tiering)
    {
        TestMachine machine = new TestMachine(tiering: tiering).EnterLongMode();
        machine.Write(TestMachine.PageTables + 8, 0x100007);
        return machine;
    }

    /// <summary>Half the targets are seen in the first half of the rounds only, so that the code compiled first knows nothing of the others. In the middle one entry changes.</summary>
    private static ulong Run(int targets, bool calls, Tiering tiering)
    {
        using TestMachine machine = NewMachine(tiering);
        Assembler asm = new(64);
        Label again = asm.CreateLabel();
        Label skip = asm.CreateLabel();
        Label first = asm.CreateLabel();
        asm.xor(eax, eax);
        asm.mov(ebx, Rounds);
        asm.mov(r9, 0x9e3779b97f4a7c15);
        asm.mov(r11, Table);
        asm.Label(ref again);
        asm.mov(rdx, rbx);
        asm.imul(rdx, r9);
        asm.shr(rdx, 33);
        asm.mov(r10d, Math.Max(1, targets / 2));
        asm.cmp(ebx, Rounds / 2);
        asm.ja(first);
        asm.mov(r10d, targets);
        asm.Label(ref first);
        asm.xchg(rax, rdx);
        asm.mov(rcx, rdx);
        asm.xor(edx, edx);
        asm.div(r10);
        asm.mov(rax, rcx);
        asm.cmp(ebx, Rounds / 2);
        asm.jne(skip);
        asm.mov(rsi, Targets);
        asm.mov(__qword_ptr[r11], rsi);
        asm.Label(ref skip);
        if (calls)
        {
            asm.call(__qword_ptr[r11 + (rdx * 8)]);
        }
        else
        {
            asm.jmp(__qword_ptr[r11 + (rdx * 8)]);
        }

        ulong back = Place(machine, asm, again);
        for (int i = 0; i <= targets; i++)
        {
            ulong address = Targets + (ulong)(i * 0x40);
            PlaceTarget(machine, address, i, calls ? 0 : back);
            machine.Write(Table + (ulong)(Math.Max(0, i - 1) * 8), address);
        }

        machine.Cpu->Rip = Code;
        Assert.Equal(MachineExit.Halted, machine.Run());
        return machine.Cpu->Gpr[0];
    }

    /// <summary>The loop, and its end, whose address it returns.</summary>
    private static ulong Place(TestMachine machine, Assembler asm, Label again)
    {
        Label end = asm.CreateLabel();
        asm.Label(ref end);
        asm.rol(rax, 3);
        asm.dec(ebx);
        asm.jne(again);
        asm.hlt();
        machine.Place(asm, Code);
        using var stream = new MemoryStream();
        return asm.Assemble(new StreamCodeWriter(stream), Code, BlockEncoderOptions.ReturnNewInstructionOffsets).GetLabelRIP(end);
    }

    /// <summary>Adds with carry what only it adds; flags go in and out.</summary>
    private static void PlaceTarget(TestMachine machine, ulong address, int number, ulong back)
    {
        Assembler asm = new(64);
        asm.adc(rax, (number * 0x1234567) + 1);
        asm.xor(rax, rbx);
        if (back == 0)
        {
            asm.ret();
        }
        else
        {
            asm.jmp(back);
        }

        machine.Place(asm, address);
    }
}
