using Jitvmm.Translator.Ir;
using Jitvmm.Translator.Regions;

namespace Jitvmm.Translator.Passes;

/// <summary>The passes over the IR of a region, in their order: the one place that names them, for what compiles a region and for what makes it again to show it.</summary>
/// <param name="flow">What is known of the region.</param>
/// <param name="isMachine">Whether the guest is a machine.</param>
/// <param name="readAt">The flags that the code at an address outside the region reads before it writes them.</param>
public sealed class RegionPasses(RegionFlow flow, bool isMachine, Func<ulong, StatusFlags> readAt)
{
    /// <summary>Told what has just been done with the blocks; null when nobody wants to know.</summary>
    public Action<string>? Done { get; init; }

    /// <summary>Runs them over blocks that are lifted, with their loop heads and entries.</summary>
    /// <param name="blocks">In address order.</param>
    /// <param name="chosen">The same by address.</param>
    public void Run(IReadOnlyList<RegionBlock> blocks, Dictionary<ulong, RegionBlock> chosen)
    {
        Behind("lifting", blocks);
        new FlagLiveness(flow, isMachine, readAt).Find(blocks, chosen);
        Behind("flag liveness and dead code", blocks);
    }

    private void Behind(string pass, IReadOnlyList<RegionBlock> blocks)
    {
#if DEBUG
        if (IrVerifier.FirstProblem(blocks) is { } problem)
        {
            throw new InvalidOperationException($"behind {pass}, {problem}");
        }
#endif
        Done?.Invoke(pass);
    }
}
