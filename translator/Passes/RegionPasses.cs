using Jitvmm.Translator.Ir;
using Jitvmm.Translator.Regions;

namespace Jitvmm.Translator.Passes;

/// <summary>The passes over the IR of a region, in their order: the one place that names them, for what compiles a region and for what makes it again to show it.</summary>
/// <param name="isMachine">Whether the guest is a machine.</param>
/// <param name="isPrivate">Nobody but the one vCPU that executes the code writes to memory.</param>
/// <param name="readAt">The flags that the code at an address outside the region reads before it writes them.</param>
public sealed class RegionPasses(bool isMachine, bool isPrivate, Func<ulong, StatusFlags> readAt)
{
    /// <summary>Told what has just been done with the blocks; null when nobody wants to know.</summary>
    public Action<string>? Done { get; init; }

    /// <summary>Runs them over blocks that are lifted, with their loop heads and entries.</summary>
    /// <param name="blocks">In address order.</param>
    /// <param name="chosen">The same by address.</param>
    /// <returns>What is known of the region.</returns>
    public RegionFlow Run(IReadOnlyList<RegionBlock> blocks, Dictionary<ulong, RegionBlock> chosen)
    {
        Behind("lifting", blocks);
        var forwarding = new MemoryForwarding(isMachine, isPrivate);
        foreach (RegionBlock block in blocks)
        {
            forwarding.Forward(block);
        }

        Behind("values instead of loads", blocks);
        RegionFlow flow = new(blocks, isMachine);
        new FlagLiveness(flow, isMachine, readAt).Find(blocks, chosen);
        Behind("flag liveness and dead code", blocks);
#if DEBUG
        Reject("analysis", FlowVerifier.FirstProblem(blocks, flow, isMachine));
#endif
        return flow;
    }

    private void Behind(string pass, IReadOnlyList<RegionBlock> blocks)
    {
#if DEBUG
        Reject(pass, IrVerifier.FirstProblem(blocks));
#endif
        Done?.Invoke(pass);
    }

#if DEBUG
    private static void Reject(string pass, string? problem)
    {
        if (problem != null)
        {
            throw new InvalidOperationException($"behind {pass}, {problem}");
        }
    }
#endif
}
