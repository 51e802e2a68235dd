using Jitvmm.Runtime.CodeCache;
using DirectBlocks = Jitvmm.Runtime.Interpret.BlockHandlers;
using DirectTable = Jitvmm.Runtime.Interpret.HandlerTable;
using Guards = Jitvmm.Runtime.Interpret.Paged.GuardHandlers;
using LegacyTable = Jitvmm.Runtime.Interpret.Paged.LegacyTable;
using PagedBlocks = Jitvmm.Runtime.Interpret.Paged.BlockHandlers;
using PagedTable = Jitvmm.Runtime.Interpret.Paged.HandlerTable;

namespace Jitvmm.Translator.Handlers;

/// <summary>The tier-0 handlers compiled for one kind of guest memory.</summary>
public sealed unsafe class HandlerSet
{
    private readonly delegate*<int, nint> _find;

    private HandlerSet(delegate*<int, nint> find) => _find = find;

    /// <summary>Process guests.</summary>
    public static HandlerSet Direct { get; } = new(&DirectTable.Find)
    {
        Enter = DirectBlocks.EnterAddress,
        FallThrough = DirectBlocks.FallThroughAddress,
        Undefined = DirectBlocks.UndefinedAddress,
        CheckFloat = DirectBlocks.CheckFloatAddress,
        Records = new(DirectBlocks.ReplacedAddress, DirectBlocks.StaleAddress, DirectBlocks.ReturnAddress),
        Interpret = DirectBlocks.InterpretAddress,
    };

    public required nint Enter { get; init; }

    public required nint FallThrough { get; init; }

    public required nint Undefined { get; init; }

    public required nint CheckFloat { get; init; }

    /// <summary>Those that the code cache needs.</summary>
    public required RecordHandlers Records { get; init; }

    /// <summary>Where a region goes on with an instruction that only tier 0 executes.</summary>
    public required nint Interpret { get; init; }

    /// <summary>Where a region goes on at a block that the jump cache does not have; 0 for processes, whose vCPU loop finds it.</summary>
    public nint Search { get; init; }

    /// <summary>Where a region goes on that ended with SYSCALL; 0 for processes, whose system calls the embedder answers.</summary>
    public nint SystemCall { get; init; }

    /// <summary>Guards are for machine guests alone: a process's mode has nothing to check.</summary>
    public nint GuardLimit { get; init; }

    public nint GuardBreakpoint { get; init; }

    public nint GuardUnit { get; init; }

    public nint GuardAccess { get; init; }

    public nint GuardString { get; init; }

    /// <summary>Machine guests. Made when first asked for: a process guest never loads that assembly.</summary>
    /// <param name="isCounted">Blocks count down <see cref="Runtime.Cpu.SystemState.InstructionsLeft"/>.</param>
    public static HandlerSet ForMachine(bool isCounted = false) => new(&FindPaged)
    {
        Enter = isCounted ? PagedBlocks.EnterCountedAddress : PagedBlocks.EnterAddress,
        FallThrough = PagedBlocks.FallThroughAddress,
        Undefined = PagedBlocks.UndefinedAddress,
        CheckFloat = PagedBlocks.CheckFloatAddress,
        Records = new(PagedBlocks.ReplacedAddress, PagedBlocks.StaleAddress, PagedBlocks.ReturnAddress),
        Interpret = PagedBlocks.InterpretAddress,
        Search = PagedBlocks.SearchAddress,
        SystemCall = PagedBlocks.SystemCallAddress,
        GuardLimit = Guards.LimitAddress,
        GuardBreakpoint = Guards.BreakpointAddress,
        GuardUnit = Guards.UnitAddress,
        GuardAccess = Guards.AccessAddress,
        GuardString = Guards.StringAddress,
    };

    private static nint FindPaged(int key)
    {
        nint handler = PagedTable.Find(key);
        return handler != 0 ? handler : LegacyTable.Find(key);
    }

    /// <summary>The handler of a form, or 0 when there is none.</summary>
    public nint Find(int key) => _find(key);
}
