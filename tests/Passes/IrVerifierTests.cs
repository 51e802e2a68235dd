using Jitvmm.Translator.Ir;
using Jitvmm.Translator.Passes;
using Jitvmm.Translator.Regions;

namespace Jitvmm.Tests.Passes;

/// <summary>What the lifter and the passes make is valid, and what is not is found.</summary>
public sealed class IrVerifierTests
{
    /// <summary>add rax, rcx; mov [rdi], eax; vpaddd ymm0, ymm1, ymm2; cmp rax, rdx; jne Start.</summary>
    private static readonly byte[] s_code =
    [
        0x48, 0x01, 0xc8, 0x89, 0x07, 0xc5, 0xf5, 0xfe, 0xc2, 0x48, 0x39, 0xd0, 0x75, 0xf2,
    ];

    [Fact]
    public void Lifted_code_is_valid_behind_each_pass()
    {
        List<string> passes = [];
        List<RegionBlock> blocks = [Lift()];
        Run(blocks, pass =>
        {
            Assert.Null(IrVerifier.FirstProblem(blocks));
            passes.Add(pass);
        });
        Assert.Equal(["lifting", "values instead of loads", "flag liveness and dead code"], passes);

        // ADD's flags are written again by CMP.
        Assert.Contains(0, blocks[0].Used);
    }

    [Fact]
    public void An_operand_that_comes_later_is_found() => Breaks(IrOpcode.Store, static (ref IrInstruction op, int at) => op.A = at, "which is not before it");

    [Fact]
    public void An_operand_without_a_value_is_found() =>
        Breaks(IrOpcode.Store, static (ref IrInstruction op, int _) => op.A = 3, "uses 3, which has no value");

    [Fact]
    public void An_address_of_32_bits_is_found() => Breaks(IrOpcode.Store, static (ref IrInstruction op, int _) => op.A = op.B, "has operands of the wrong types (I32, I32, None)");

    [Fact]
    public void A_callout_without_an_argument_is_found() =>
        Breaks(IrOpcode.Call, static (ref IrInstruction op, int _) => op.Arguments = op.Arguments![1..], "gives (");

    [Fact]
    public void An_end_in_the_middle_is_found() => Breaks(
        IrOpcode.Store,
        static (ref IrInstruction op, int _) =>
        {
            op.Opcode = IrOpcode.Jump;
        },
        "ends the block, and others follow");

    [Fact]
    public void An_operation_of_an_earlier_instruction_is_found() => Breaks(IrOpcode.Store, static (ref IrInstruction op, int _) => op.Guest = 0, "belongs to instruction 0");

    [Fact]
    public void What_is_kept_and_uses_what_is_dead_is_found()
    {
        List<RegionBlock> blocks = [Lift()];
        Run(blocks, null);
        int store = Array.FindIndex(blocks[0].Code, static op => op.Opcode == IrOpcode.Store);
        int address = blocks[0].Code[store].A;
        int uses = blocks[0].Used[address];
        blocks[0].Used[address] = 0;
        Assert.Contains($"is kept, and {address}, which it uses, is dead", IrVerifier.FirstProblem(blocks), StringComparison.Ordinal);
        blocks[0].Used[address] = uses;
        blocks[0].Used[store] = 0;
        Assert.Contains("has an effect and is dead", IrVerifier.FirstProblem(blocks), StringComparison.Ordinal);
    }

    private delegate void Change(ref IrInstruction op, int at);

    /// <summary>The first operation of a kind, changed so, is what is told.</summary>
    private static void Breaks(IrOpcode opcode, Change change, string problem)
    {
        RegionBlock block = Lift();
        int at = Array.FindIndex(block.Code, op => op.Opcode == opcode);
        change(ref block.Code[at], at);
        string? told = IrVerifier.FirstProblem([block]);
        Assert.StartsWith($"operation {at} ({block.Code[at].Opcode}) of block 401000 ", told, StringComparison.Ordinal);
        Assert.Contains(problem, told, StringComparison.Ordinal);
    }

    private static void Run(List<RegionBlock> blocks, Action<string>? done)
    {
        Dictionary<ulong, RegionBlock> chosen = blocks.ToDictionary(static block => block.Address);
        RegionLifter.MarkLoopHeads(blocks, chosen);
        blocks[0].Entry = 0;
        new RegionPasses(false, false, static _ => StatusFlags.All) { Done = done }.Run(blocks, chosen);
    }

    private static RegionBlock Lift() => LiftedBlock.Of(s_code);
}
