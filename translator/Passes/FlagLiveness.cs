using Iced.Intel;
using Jitvmm.Runtime.Memory;
using Jitvmm.Translator.Ir;
using Jitvmm.Translator.Lift;
using Jitvmm.Translator.Regions;

namespace Jitvmm.Translator.Passes;

/// <summary>Finds which status flags, and with them which operations, a region's blocks need.</summary>
/// <param name="flow">What is known of the region.</param>
/// <param name="isMachine">Whether the guest is a machine.</param>
/// <param name="readAt">The flags that the code at an address outside the region reads before it writes them.</param>
public sealed class FlagLiveness(RegionFlow flow, bool isMachine, Func<ulong, StatusFlags> readAt)
{
    /// <summary>Status flags needed at each block's ends, to a fixed point over the region; all are where it is left.</summary>
    public void Find(IReadOnlyList<RegionBlock> blocks, Dictionary<ulong, RegionBlock> chosen)
    {
        foreach (RegionBlock block in blocks)
        {
            block.Used = new int[block.Code.Length];
            block.FlagReads = Array.ConvertAll(block.Instructions, FlagUse.ReadBy);
        }

        bool changed = true;
        while (changed)
        {
            changed = false;
            for (int i = blocks.Count - 1; i >= 0; i--)
            {
                RegionBlock block = blocks[i];
                block.FlagsOut = FlagsBehind(block, chosen);
                FlagDemand before = DeadCode.Mark(block.Code, block.FlagsOut, block.Used, block.FlagReads);
                before = block.FlagsIn | (block.IsLoopHead ? before.AtExit() : before);
                changed |= before != block.FlagsIn;
                block.FlagsIn = before;
            }
        }
    }

    private FlagDemand FlagsBehind(RegionBlock block, Dictionary<ulong, RegionBlock> chosen)
    {
        FlowControl last = Lifter.FlowOf(block.Instructions[^1]);
        bool direct = last is FlowControl.ConditionalBranch or FlowControl.UnconditionalBranch or FlowControl.Next
            || (last == FlowControl.Call && block.ReturnSite != 0);
        FlagDemand demand = direct ? FlagDemand.None : FlagDemand.Exit;
        if (last == FlowControl.Return)
        {
            foreach (RegionBlock caller in chosen.Values)
            {
                demand |= chosen.GetValueOrDefault(caller.ReturnSite)?.FlagsIn ?? FlagDemand.None;
            }
        }

        foreach (ulong successor in block.Successors)
        {
            if (successor == block.ReturnSite)
            {
                continue;
            }

            demand |= FlagsAt(block, successor, chosen);
        }

        return demand;
    }

    /// <summary>Flags that a block must leave behind where it goes on: all, if something is to be looked at on the way there.</summary>
    private FlagDemand FlagsAt(RegionBlock block, ulong successor, Dictionary<ulong, RegionBlock> chosen)
    {
        if (chosen.TryGetValue(successor, out RegionBlock? next))
        {
            return flow.MayLeaveBetween(block.Address, successor) ? next.FlagsIn | FlagDemand.Exit : next.FlagsIn;
        }

        if (isMachine && ((successor ^ block.Address) & SoftTlb.PageMask) != 0)
        {
            return FlagDemand.Exit;
        }

        StatusFlags read = readAt(successor);
        if (read == StatusFlags.None)
        {
            block.FlaglessExits.Add(successor);
        }

        return new FlagDemand(StatusFlags.None, read);
    }
}
