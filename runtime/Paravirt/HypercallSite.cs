namespace Jitvmm.Runtime.Paravirt;

/// <summary>The instruction of a hypercall.</summary>
public enum HypercallInstruction
{
    Vmcall,
    Vmmcall,
}

/// <summary>How a hypercall site was recognised.</summary>
public enum HypercallSiteKind
{
    /// <summary>By its instruction.</summary>
    Instruction,

    /// <summary>By its instruction, where the guest rewrote a site of another instruction or number (a patched alternative).</summary>
    Rewritten,

    /// <summary>A call into a page of hypercalls that the VMM wrote.</summary>
    Page,
}

/// <summary>A place in the guest's code that makes a hypercall.</summary>
/// <param name="Index">Its number in the registry, under which processors count it.</param>
/// <param name="Address">RIP when it was first met.</param>
/// <param name="Physical">Where it is in guest RAM.</param>
/// <param name="Instruction">Its instruction.</param>
/// <param name="Kind">How it was recognised.</param>
public sealed record HypercallSite(int Index, ulong Address, ulong Physical, HypercallInstruction Instruction, HypercallSiteKind Kind)
{
    /// <summary>Bytes of either instruction.</summary>
    public const int Length = 3;

    /// <summary>The call's number, where the code fixes it.</summary>
    public ulong? Number { get; internal set; }

    /// <summary>Its code changed, and has not been decoded again since.</summary>
    public bool IsStale { get; internal set; }

    /// <summary>Its code was rewritten to another hypercall.</summary>
    public bool IsReplaced { get; internal set; }
}
