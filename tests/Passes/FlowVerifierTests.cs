using Jitvmm.Runtime.CodeCache;
using Jitvmm.Translator.Ir;
using Jitvmm.Translator.Passes;
using Jitvmm.Translator.Regions;

namespace Jitvmm.Tests.Passes;

/// <summary>What the analyses say of lifted code agrees with it, and no longer does when the code is another.</summary>
public sealed class FlowVerifierTests
{
    /// <summary>vaddps ymm0, ymm1, [rdi]; mov rax, [rsi]; mov [rsi + 8], rax.</summary>
    private static readonly byte[] s_code =
    [
        0xc5, 0xf4, 0x58, 0x07, 0x48, 0x8b, 0x06, 0x48, 0x89, 0x46, 0x08,
    ];

    [Fact]
    public void Analyses_agree_with_the_code()
    {
        (List<RegionBlock> blocks, RegionFlow flow) = Analyse();
        Assert.Null(FlowVerifier.FirstProblem(blocks, flow, false));
        Assert.Contains(true, Enumerable.Range(0, blocks[0].Code.Length).Select(i => flow.Nans.Looks(blocks[0], i)));
    }

    [Fact]
    public void Looking_for_NaNs_where_order_means_nothing_is_found()
    {
        (List<RegionBlock> blocks, RegionFlow flow) = Analyse();
        int sum = Array.FindIndex(blocks[0].Code, NanFlow.IsOrdered);
        blocks[0].Code[sum].Method = NanFlow.InAnyOrder(blocks[0].Code[sum]);
        Assert.Contains($"operation {sum} (Call) are looked at for NaNs", FlowVerifier.FirstProblem(blocks, flow, false), StringComparison.Ordinal);
    }

    [Fact]
    public void An_access_that_its_group_does_not_take_in_is_found() => Breaks(IrOpcode.Store, static (ref IrInstruction op) => op.Width = 256, "(Store) is at 8 from");

    [Fact]
    public void A_write_in_a_group_that_reads_is_found() => Breaks(
        IrOpcode.Load,
        static (ref IrInstruction op) => op.Immediate = 1,
        "(Load) writes, and its group only reads");

    private delegate void Change(ref IrInstruction op);

    private static void Breaks(IrOpcode opcode, Change change, string problem)
    {
        RegionBlock block = Analyse().Blocks[0];
        AccessGroups groups = new(block, new AddressRoots(block.Code));
        Assert.Null(FlowVerifier.AccessProblem(block, groups));
        change(ref block.Code[Array.FindIndex(block.Code, op => op.Opcode == opcode)]);
        Assert.Contains(problem, FlowVerifier.AccessProblem(block, groups), StringComparison.Ordinal);
    }

    private static (List<RegionBlock> Blocks, RegionFlow Flow) Analyse()
    {
        List<RegionBlock> blocks = [LiftedBlock.Of(s_code)];
        blocks[0].Entry = 0;
        RegionFlow flow = new RegionPasses(false, false, static _ => StatusFlags.All).Run(blocks, blocks.ToDictionary(static block => block.Address));
        return (blocks, flow);
    }
}
