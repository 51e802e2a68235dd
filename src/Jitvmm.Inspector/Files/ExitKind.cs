using Jitvmm.Runtime.Execution;
using Jitvmm.Translator.Regions;

namespace Jitvmm.Inspector.Files;

/// <summary>Why generated code was left: to the vCPU's loop, or out of a region to other generated code.</summary>
public enum ExitKind : byte
{
    /// <summary>The next block was not known.</summary>
    Lookup,

    /// <summary>A branch that was not chained yet.</summary>
    Unchained,

    /// <summary>Somebody asked the vCPU to come out.</summary>
    Interrupted,

    /// <summary>The block became hot and was offered to tier 1.</summary>
    Hot,

    SystemCall,

    /// <summary>The guest raised an exception.</summary>
    Exception,

    /// <summary>An instruction only tier 0 executes, whose block was not known yet.</summary>
    Interpret,

    /// <summary>An instruction that must run by itself.</summary>
    Single,

    /// <summary>HLT.</summary>
    Halted,

    /// <summary>A page that was not where the region was made from, looked up anew.</summary>
    Fetch,

    /// <summary>Out of a region, by a direct branch.</summary>
    RegionBranch = 32,

    /// <summary>Out of a region, by a computed jump or call, or a return to none of its calls.</summary>
    RegionIndirect,

    /// <summary>Out of a region, for an access to memory: TLB miss, missing right, code in the page.</summary>
    RegionAccess,

    /// <summary>Out of a region, for an operand that its fast path does not take.</summary>
    RegionOperand,

    /// <summary>Out of a region, to an instruction only tier 0 executes.</summary>
    RegionTierZero,

    /// <summary>Out of a region, at a loop that saw the exit request.</summary>
    RegionSafepoint,

    /// <summary>Out of a region, into a page that was not where the region was made from.</summary>
    RegionPage,

    /// <summary>Out of a region, by SYSCALL.</summary>
    RegionSystemCall,
}

/// <summary>The names of <see cref="ExitKind"/>.</summary>
public static class ExitKinds
{
    /// <summary>What the engine's exit is here.</summary>
    public static ExitKind Of(BlockExit exit) => exit switch
    {
        BlockExit.Lookup => ExitKind.Lookup,
        BlockExit.Link => ExitKind.Unchained,
        BlockExit.Interrupted => ExitKind.Interrupted,
        BlockExit.Hot => ExitKind.Hot,
        BlockExit.SystemCall => ExitKind.SystemCall,
        BlockExit.Exception => ExitKind.Exception,
        BlockExit.Interpret or BlockExit.Nan => ExitKind.Interpret,
        BlockExit.Single => ExitKind.Single,
        BlockExit.Halted => ExitKind.Halted,
        BlockExit.Fetch => ExitKind.Fetch,
        _ => throw new ArgumentOutOfRangeException(nameof(exit)),
    };

    /// <summary>What a region's counter is here. A block's is no exit.</summary>
    public static ExitKind Of(RegionEvent what) => what switch
    {
        RegionEvent.Branch => ExitKind.RegionBranch,
        RegionEvent.Indirect => ExitKind.RegionIndirect,
        RegionEvent.Access => ExitKind.RegionAccess,
        RegionEvent.Operand => ExitKind.RegionOperand,
        RegionEvent.TierZero => ExitKind.RegionTierZero,
        RegionEvent.Safepoint => ExitKind.RegionSafepoint,
        RegionEvent.Page => ExitKind.RegionPage,
        RegionEvent.SystemCall => ExitKind.RegionSystemCall,
        RegionEvent.Block => throw new ArgumentOutOfRangeException(nameof(what)),
        _ => throw new ArgumentOutOfRangeException(nameof(what)),
    };

    /// <summary>The word of tables and JSON.</summary>
    public static string NameOf(ExitKind kind) => kind switch
    {
        ExitKind.Lookup => "lookup",
        ExitKind.Unchained => "unchained",
        ExitKind.Interrupted => "interrupted",
        ExitKind.Hot => "hot",
        ExitKind.SystemCall => "system-call",
        ExitKind.Exception => "exception",
        ExitKind.Interpret => "interpret",
        ExitKind.Single => "single",
        ExitKind.Halted => "halted",
        ExitKind.Fetch => "fetch",
        ExitKind.RegionBranch => "region-branch",
        ExitKind.RegionIndirect => "region-indirect",
        ExitKind.RegionAccess => "region-access",
        ExitKind.RegionOperand => "region-operand",
        ExitKind.RegionTierZero => "region-tier-0",
        ExitKind.RegionSafepoint => "region-safepoint",
        ExitKind.RegionPage => "region-page",
        ExitKind.RegionSystemCall => "region-system-call",
        _ => throw new ArgumentOutOfRangeException(nameof(kind)),
    };

    /// <summary>Whether a file may have it.</summary>
    public static bool IsKnown(ExitKind kind) => kind is <= ExitKind.Fetch or (>= ExitKind.RegionBranch and <= ExitKind.RegionSystemCall);
}
