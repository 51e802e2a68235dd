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

/// <summary>
/// How code is decoded. What the flags named Checked say is rare; code of such a mode has records in front of its instructions that look, so that other code
/// need not.
/// </summary>
[Flags]
public enum CodeMode : ushort
{
    Bits16 = 0,

    /// <summary>CS.D.</summary>
    Bits32 = 1,

    /// <summary>CS.L in IA-32e mode.</summary>
    Long = 2,

    /// <summary>SS.B: the stack pointer is ESP. Meaningless in 64-bit code.</summary>
    WideStack = 4,

    /// <summary>16- and 32-bit code whose CS, SS, DS or ES is not flat: limits, types and presence are looked at.</summary>
    CheckedSegments = 8,

    /// <summary>CR0 or CR4 takes away x87, MMX or SSE, or sends x87 errors to the interrupt controller.</summary>
    CheckedUnits = 16,

    /// <summary>CR4 or XCR0 takes away AVX or the XSAVE family.</summary>
    CheckedAvx = 32,

    /// <summary>User code with CR0.AM and RFLAGS.AC: misaligned accesses fault.</summary>
    CheckedAlignment = 64,

    /// <summary>DR7 enables an instruction breakpoint.</summary>
    CheckedBreakpoints = 128,

    /// <summary>A block of one instruction that leaves to the vCPU loop behind it.</summary>
    Single = 256,
}
