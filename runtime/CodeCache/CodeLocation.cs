namespace Jitvmm.Runtime.CodeCache;

/// <summary>What code a block is made of: the same bytes at another address, or read in another CPU mode, are another block.</summary>
/// <param name="Address">RIP.</param>
/// <param name="Physical">Where its bytes are in the <see cref="Memory.GuestPages"/>; the address itself for a process guest.</param>
/// <param name="Mode">The CPU mode it is decoded for.</param>
public readonly record struct CodeLocation(ulong Address, ulong Physical, CodeMode Mode)
{
    /// <summary>Not 0 when the first instruction goes on in another page: where that page is.</summary>
    public ulong NextPage { get; init; }

    /// <summary>64-bit code of a process guest.</summary>
    public static CodeLocation InProcess(ulong address) => new(address, address, CodeMode.Long);
}

/// <summary>How code is decoded.</summary>
[Flags]
public enum CodeMode : byte
{
    Bits16 = 0,

    /// <summary>CS.D.</summary>
    Bits32 = 1,

    /// <summary>CS.L in IA-32e mode.</summary>
    Long = 2,

    /// <summary>SS.B: the stack pointer is ESP. Meaningless in 64-bit code.</summary>
    WideStack = 4,

    /// <summary>Segment limits or types must be looked at.</summary>
    CheckedSegments = 8,
}
