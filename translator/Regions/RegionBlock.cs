using Iced.Intel;
using Jitvmm.Runtime.CodeCache;
using Jitvmm.Translator.Ir;
using Jitvmm.Translator.Passes;

namespace Jitvmm.Translator.Regions;

/// <summary>One block of a region: its guest instructions, their IR, and what is known about its flags.</summary>
public sealed class RegionBlock
{
    private readonly List<ulong> _computedTargets = [];

    public required TranslationBlock Source { get; init; }

    public required Instruction[] Instructions { get; init; }

    public ulong Address => Source.Address;

    /// <summary>Where it falls through to. Not its source's end, which takes in the first byte of an undefined opcode.</summary>
    public ulong Next => Instructions[^1].NextIP;

    /// <summary>Operations in order; the last one ends the block, unless it falls through to <see cref="Next"/>.</summary>
    public IrInstruction[] Code { get; set; } = [];

    /// <summary>Uses of each operation after dead code was found; 0 is dead.</summary>
    public int[] Used { get; set; } = [];

    /// <summary>Status flags each guest instruction reads.</summary>
    public StatusFlags[] FlagReads { get; set; } = [];

    public FlagDemand FlagsIn { get; set; }

    public FlagDemand FlagsOut { get; set; }

    /// <summary>Guest addresses control may go to directly.</summary>
    public List<ulong> Successors { get; } = [];

    /// <summary>Of these, ones outside the region that read none of the flags they find.</summary>
    public HashSet<ulong> FlaglessExits { get; } = [];

    /// <summary>Of these, ones that the computed jump or call at its end went to in tier 0.</summary>
    public IReadOnlyList<ulong> ComputedTargets => _computedTargets;

    /// <summary>Address after a call that ends the block: where the callee returns to. 0 when it does not end in a call.</summary>
    public ulong ReturnSite { get; set; }

    /// <summary>The call into the hypercall page that ends it; what comes back comes to its one successor.</summary>
    public PageCall? PageCall { get; init; }

    /// <summary>It is right only while nobody but its vCPU writes to memory.</summary>
    public bool AssumesPrivateMemory { get; set; }

    /// <summary>Whether the region leaves it to tier 0, which goes on to its successors.</summary>
    public bool EndsInTierZero { get; set; }

    /// <summary>Whether a branch of the region comes here from the same or a higher address.</summary>
    public bool IsLoopHead { get; set; }

    /// <summary>Number under which the region may be entered here, or −1.</summary>
    public int Entry { get; set; } = -1;

    /// <summary>The computed jump or call at its end goes there, too.</summary>
    public void AddComputedTarget(ulong target)
    {
        if (!Successors.Contains(target))
        {
            _computedTargets.Add(target);
            Successors.Add(target);
        }
    }

    /// <summary>Those that the region has; the others it leaves for.</summary>
    /// <param name="chosen">Its blocks.</param>
    public void KeepComputedTargets(Dictionary<ulong, RegionBlock> chosen)
    {
        Successors.RemoveAll(target => _computedTargets.Contains(target) && !chosen.ContainsKey(target));
        _computedTargets.RemoveAll(target => !chosen.ContainsKey(target));
    }
}
