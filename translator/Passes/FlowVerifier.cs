using Jitvmm.Translator.Ir;
using Jitvmm.Translator.Regions;

namespace Jitvmm.Translator.Passes;

/// <summary>Checks what the analyses of a region say against its IR: which operations are looked at for NaNs, what blocks take for known, and which places accesses share the check of.</summary>
/// <remarks>Used where <see cref="IrVerifier"/> is.</remarks>
public static class FlowVerifier
{
    /// <summary>What several accesses may take in together, so that they touch at most two pages.</summary>
    private const long MaxSpan = 4096;

    /// <summary>What does not agree, and where; null when all does.</summary>
    /// <param name="blocks">Of one region, after its passes.</param>
    /// <param name="flow">What was found out about them.</param>
    /// <param name="isMachine">Whether the guest is a machine: its accesses share nothing.</param>
    public static string? FirstProblem(IReadOnlyList<RegionBlock> blocks, RegionFlow flow, bool isMachine)
    {
        for (int i = 0; i < blocks.Count; i++)
        {
            if ((NanProblem(blocks, i, flow) ?? (isMachine ? null : AccessProblem(blocks[i], new AccessGroups(blocks[i], new AddressRoots(blocks[i].Code))))) is { } problem)
            {
                return $"block {blocks[i].Address:x}: {problem}";
            }
        }

        return null;
    }

    /// <summary>A group must take in each of its accesses, and ask for what they do.</summary>
    /// <returns>Null when all do.</returns>
    public static string? AccessProblem(RegionBlock block, AccessGroups groups)
    {
        AddressRoots roots = new(block.Code);
        for (int i = 0; i < block.Code.Length; i++)
        {
            ref readonly IrInstruction op = ref block.Code[i];
            if (block.Used[i] == 0 || op.Opcode is not (IrOpcode.Load or IrOpcode.Store or IrOpcode.Pointer))
            {
                continue;
            }

            AccessGroup group = groups.Of(i);
            (int root, long distance) = roots.Of(op.A);
            long bytes = op.Opcode == IrOpcode.Pointer ? op.Immediate : op.Width / 8;
            bool writes = op.Opcode == IrOpcode.Store || op.IsModifyingLoad || (op.Opcode == IrOpcode.Pointer && op.Width != 0);
            if (writes && !group.Write)
            {
                return $"operation {i} ({op.Opcode}) writes, and its group only reads";
            }

            if (group.IsFixed)
            {
                // Of a place that depends on an operation, what may be added to the distance is known.
                long first = block.Code[root].Opcode == IrOpcode.Constant ? unchecked(block.Code[root].Immediate + distance) : distance;
                if (first != group.From || group.To - group.From < bytes)
                {
                    return $"operation {i} ({op.Opcode}) is at {first:x}, and its group from {group.From:x} to {group.To:x}";
                }

                continue;
            }

            if (root != group.Root || unchecked(distance - group.From) < 0 || unchecked(group.To - distance) < bytes || (group.To - group.From > MaxSpan && group.To - group.From != bytes))
            {
                return $"operation {i} ({op.Opcode}) is at {distance:x} from {root}, and its group from {group.From:x} to {group.To:x} from {group.Root}";
            }
        }

        return null;
    }

    private static string? NanProblem(IReadOnlyList<RegionBlock> blocks, int index, RegionFlow flow)
    {
        RegionBlock block = blocks[index];
        if (!flow.Nans.IsNeeded)
        {
            return null;
        }

        for (int i = 0; i < block.Code.Length; i++)
        {
            if (flow.Nans.Looks(block, i) && !NanFlow.IsOrdered(block.Code[i]))
            {
                return $"operands of operation {i} ({block.Code[i].Opcode}) are looked at for NaNs, and their order means nothing";
            }
        }

        if (block.Entry >= 0 && !flow.Nans.UnseenMasksAtEntry(block).IsEmpty)
        {
            return "it takes masks for known where the region is entered";
        }

        foreach (int next in flow.Graph.SuccessorsOf(index))
        {
            if (!flow.Nans.UnseenMasks(block.Address, blocks[next].Address).IsEmpty)
            {
                return $"block {blocks[next].Address:x} behind it takes masks for known";
            }
        }

        return null;
    }
}
