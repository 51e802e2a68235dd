namespace Jitvmm.Runtime.Paravirt;

/// <summary>The instruction of a hypercall.</summary>
public enum HypercallInstruction
{
    Vmcall,
    Vmmcall,

    /// <summary>A call of code that the VMM owns.</summary>
    Call,
}

/// <summary>How a hypercall site was recognised.</summary>
public enum HypercallSiteKind
{
    /// <summary>By its instruction.</summary>
    Instruction,

    /// <summary>By its instruction, where the guest rewrote a site of another instruction or number (a patched alternative).</summary>
    Rewritten,

    /// <summary>A call into a page of hypercalls that the VMM owns, or the instruction in that page.</summary>
    Page,
}

/// <summary>A place in the guest's code that makes a hypercall.</summary>
/// <param name="Index">Its number in the registry, under which processors count it.</param>
/// <param name="Address">RIP when it was first met; of a call into a page, where that returns to.</param>
/// <param name="Physical">Where it is in guest RAM; of a call into a page, its last byte.</param>
/// <param name="Instruction">Its instruction.</param>
/// <param name="Kind">How it was recognised.</param>
public sealed record HypercallSite(int Index, ulong Address, ulong Physical, HypercallInstruction Instruction, HypercallSiteKind Kind)
{
    /// <summary>Bytes of either instruction.</summary>
    public const int Length = 3;

    /// <summary>Bytes looked at for changes.</summary>
    internal ulong Watched => Instruction == HypercallInstruction.Call ? 1ul : Length;

    /// <summary>The call's number, where the code fixes it; of a call into a page, where all so far had the same.</summary>
    public ulong? Number { get; internal set; }

    /// <summary>Its code changed, and has not been decoded again since.</summary>
    public bool IsStale { get; internal set; }

    /// <summary>Its code was rewritten to another hypercall.</summary>
    public bool IsReplaced { get; internal set; }
}
