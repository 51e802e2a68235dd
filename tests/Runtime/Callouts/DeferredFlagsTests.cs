using Iced.Intel;
using Jitvmm.Runtime.Execution;
using Jitvmm.Translator;
using static Iced.Intel.AssemblerRegisters;

namespace Jitvmm.Tests.Runtime.Callouts;

/// <summary>
/// Compiled code that is left with flags that other blocks set, one or the other: PUSHF in the code behind it sees what it sees in tier 0, whose flags the host CPU has
/// confirmed (<c>tests/Differential</c>).
/// </summary>
public sealed unsafe class DeferredFlagsTests
{
    private const ulong Code = 0x200000;
    private const ulong Reader = 0x201000;
    private const int Rounds = 30_000;

    /// <summary>What sets flags, or some of them, from RAX, RDX and the flags before.</summary>
    private static readonly Action<Assembler>[] s_operations =
    [
        asm => asm.add(rax, rdx), asm => asm.add(eax, edx), asm => asm.add(ax, dx), asm => asm.add(al, dl), asm => asm.adc(rax, rdx), asm => asm.adc(al, dl),
        asm => asm.sub(rax, rdx), asm => asm.sub(eax, edx), asm => asm.cmp(ax, dx), asm => asm.cmp(al, dl), asm => asm.sbb(rax, rdx), asm => asm.sbb(ax, dx),
        asm => asm.and(rax, rdx), asm => asm.xor(eax, edx), asm => asm.test(al, dl), asm => asm.neg(rax), asm => asm.neg(al),
        asm => asm.inc(rax), asm => asm.inc(al), asm => asm.dec(eax), asm => asm.dec(ax),
        asm => asm.imul(rax, rdx), asm => asm.imul(eax, edx), asm => asm.imul(ax, dx), asm => asm.mul(dl), asm => asm.imul(dl),
        asm => asm.shl(rax, 1), asm => asm.shl(eax, 7), asm => asm.shl(al, 9), asm => asm.shr(rax, 63), asm => asm.shr(ax, 3), asm => asm.shr(al, 12),
        asm => asm.sar(rax, 5), asm => asm.sar(eax, 31), asm => asm.sar(al, 1), asm => asm.shl(rax, cl), asm => asm.sar(eax, cl),
        asm => asm.bt(rax, (byte)3), asm => asm.stc(), asm => asm.cmc(), asm => asm.rol(eax, 1), asm => asm.popcnt(eax, edx), asm => asm.bsf(rax, rdx), asm => asm.lea(rax, rax + rdx),
    ];

    public static TheoryData<int> Seeds => [.. Enumerable.Range(1, 24)];

    [Theory]
    [MemberData(nameof(Seeds))]
    public void Whoever_set_them_flags_are_right_where_compiled_code_is_left(int seed)
    {
        ulong expected = Run(seed, Tiering.Tier0);
        Assert.Equal(expected, Run(seed, Tiering.Tier1));
        Assert.Equal(expected, Run(seed, Tiering.Auto));
    }

    private static ulong Run(int seed, Tiering tiering)
    {
        using TestMachine machine = new TestMachine(tiering: tiering).EnterLongMode();
        machine.Write(TestMachine.PageTables + 8, 0x100007);
        Assembler reader = new(64);
        reader.pushfq();
        reader.pop(r10);
        reader.and(r10d, 0x8d5);
        reader.rol(r8, 7);
        reader.xor(r8, r10);
        reader.ret();
        machine.Place(reader, Reader);
        machine.Place(Loop(new Random(seed)), Code);
        machine.Cpu->Rip = Code;
        Assert.Equal(MachineExit.Halted, machine.Run());
        return machine.Cpu->Gpr[8];
    }

    /// <summary>A loop of diamonds: each side sets flags or leaves them, and at some joins they are read.</summary>
    private static Assembler Loop(Random random)
    {
        Assembler asm = new(64);
        Label again = asm.CreateLabel();
        asm.xor(r8d, r8d);
        asm.mov(ebx, Rounds);
        asm.mov(rsi, Reader);
        asm.mov(r9, 0x9e3779b97f4a7c15);
        asm.Label(ref again);
        asm.mov(rax, rbx);
        asm.imul(rax, r9);
        asm.mov(rdx, rax);
        asm.shr(rdx, 29);
        asm.mov(ecx, edx);
        for (int join = 0; join < 4; join++)
        {
            Label other = asm.CreateLabel();
            Label met = asm.CreateLabel();
            asm.bt(rbx, (byte)(join + 2));
            asm.jc(other);
            Pick(random)(asm);
            asm.jmp(met);
            asm.Label(ref other);
            Pick(random)(asm);
            if (random.Next(2) == 0)
            {
                Pick(random)(asm);
            }

            asm.Label(ref met);
            asm.lea(rdx, rdx + 0x1234567);
            if (random.Next(2) == 0)
            {
                asm.call(rsi);
            }
            else if (random.Next(2) == 0)
            {
                Pick(random)(asm);
            }
        }

        asm.call(rsi);
        asm.sub(ebx, 1);
        asm.jne(again);
        asm.hlt();
        return asm;
    }

    private static Action<Assembler> Pick(Random random) => s_operations[random.Next(s_operations.Length)];
}
