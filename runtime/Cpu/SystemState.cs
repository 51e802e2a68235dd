using System.Runtime.InteropServices;

namespace Jitvmm.Runtime.Cpu;

/// <summary>Segment registers in encoding order, then the two system segments.</summary>
public enum SegmentIndex
{
    Es,
    Cs,
    Ss,
    Ds,
    Fs,
    Gs,
    Ldt,
    Task,
}

/// <summary>
/// The system registers of a machine guest's CPU (SDM vol. 3A, 2.1). A process guest leaves all but <see cref="Cpl"/> 0.
/// </summary>
/// <remarks>
/// Descriptor caches: selectors of ES to GS are <see cref="CpuState.Selectors"/>; the bases of FS and GS are <see cref="CpuState.FsBase"/> and
/// <see cref="CpuState.GsBase"/>, where generated code adds them. Use <see cref="BaseOf"/> rather than choosing by hand.
/// </remarks>
[StructLayout(LayoutKind.Sequential)]
public unsafe struct SystemState
{
    /// <summary>Length of <see cref="RecentBlocks"/>, a power of two.</summary>
    public const int RecentBlockCount = 16;

    /// <summary>Bases of ES, CS, SS, DS.</summary>
    public fixed ulong Bases[4];

    public ulong LdtBase;
    public ulong TaskBase;

    /// <summary>Limits in bytes (granularity applied), by <see cref="SegmentIndex"/>.</summary>
    public fixed uint Limits[8];

    /// <summary>Bits 8–23 of the descriptor's upper half shifted down by 8 (type, S, DPL, P, AVL, L, D/B, G), by <see cref="SegmentIndex"/>. 0 for a null segment.</summary>
    public fixed ushort Attributes[8];

    public ushort LdtSelector;
    public ushort TaskSelector;

    /// <summary>Current privilege level; the requestor level of CS except in real mode.</summary>
    public int Cpl;

    public ulong Cr0;
    public ulong Cr2;
    public ulong Cr3;
    public ulong Cr4;
    public ulong Efer;
    public ulong XCr0;

    public ulong GdtBase;
    public ulong IdtBase;
    public uint GdtLimit;
    public uint IdtLimit;

    public fixed ulong Debug[8];

    public ulong Star;
    public ulong LongStar;
    public ulong CompatibilityStar;
    public ulong SyscallMask;
    public ulong KernelGsBase;
    public ulong SysenterCs;
    public ulong SysenterEsp;
    public ulong SysenterEip;
    public ulong PageAttributes;
    public ulong TscAux;
    public ulong TscOffset;
    public ulong TscAdjust;
    public ulong MiscellaneousEnable;
    public ulong DebugControl;

    /// <summary>Memory type ranges: default type, fixed ranges in the order of their numbers, base and mask of each variable range.</summary>
    public ulong MtrrDefault;

    public fixed ulong MtrrFixed[11];
    public fixed ulong MtrrVariable[16];

    /// <summary>Bits of <see cref="CpuState.FlagsSystem"/> that POPF may change at this privilege level.</summary>
    public ulong PopfMask;

    /// <summary>1 where SYSCALL is undefined: outside 64-bit mode, or with EFER.SCE clear.</summary>
    public int SyscallDisabled;

    /// <summary>1 from the delivery of an NMI until the next IRET.</summary>
    public int NmiBlocked;

    /// <summary>Error code of the exception in <see cref="CpuState.PendingVector"/>.</summary>
    public uint PendingErrorCode;

    /// <summary>1 when the platform has an interrupt that IF held back.</summary>
    public int InterruptPending;

    /// <summary>Instructions a CPU that counts them may still execute before it leaves to the vCPU loop; 0 and unused otherwise.</summary>
    public long InstructionsLeft;

    /// <summary>What <see cref="InterruptShadow"/> is behind MOV SS and POP SS.</summary>
    public const int StackShadow = 2;

    /// <summary>Not 0 for the one instruction after STI (1), MOV SS or POP SS (<see cref="StackShadow"/>) during which no interrupt is taken; after the latter no debug trap either (SDM vol. 3A, 6.8.3).</summary>
    public int InterruptShadow;

    /// <summary>RIP of that one instruction: with another RIP it has been executed, and the shadow is over.</summary>
    public ulong ShadowedAddress;

    /// <summary>1 while this CPU belongs to a machine guest: memory is reached through <see cref="TlbTables"/>.</summary>
    public int IsMachine;

    /// <summary>All tables of the soft TLB; the pair of the current privilege is <see cref="CpuState.MemoryBase"/>.</summary>
    public nint TlbTables;

    /// <summary>Host address of guest physical address 0.</summary>
    public byte* PhysicalBase;

    /// <summary>User mode's tables in the current context.</summary>
    public nint UserTables;

    /// <summary>The jump caches of user mode, one per context.</summary>
    public nint UserJumpCaches;

    /// <summary>Which context is which: a <see cref="Memory.TlbContexts"/>.</summary>
    public nint Contexts;

    /// <summary>Where the code looked up last is: the entries of <see cref="Memory.SoftTlb.TryFindCode"/>.</summary>
    public nint Fetches;

    /// <summary>What the entries of <see cref="Fetches"/> must have that count now: see <see cref="Memory.TlbContexts.SupervisorEpoch"/>.</summary>
    public ulong FetchEpoch;

    /// <summary>1 when a supervisor's table may hold a translation that is not global.</summary>
    public int HasPrivateSupervisorEntries;

    /// <summary>Jump caches of supervisor and user mode; the current one is <see cref="CpuState.JumpCache"/>.</summary>
    public nint SupervisorJumpCache;

    public nint UserJumpCache;

    /// <summary>A <see cref="CodeCache.CodeMode"/>, from CS, SS and EFER.</summary>
    public int CodeMode;

    /// <summary>1 when the base of CS is inside a page: RIP then does not tell where pages end.</summary>
    public int HasUnalignedCode;

    /// <summary>The flags of <see cref="CodeMode"/> that follow from CR0, CR4, XCR0 and DR7.</summary>
    public int CodeChecks;

    /// <summary>What data and I/O breakpoints there are; see <see cref="Callouts.Breakpoints"/>.</summary>
    public int Watches;

    /// <summary>1 while an interrupt or exception is delivered, 2 behind that until the next instruction that runs by itself.</summary>
    public int DeliversEvent;

    /// <summary>Causes, as DR6 shows them, of a debug trap that is due behind the instruction just done.</summary>
    public ulong DebugHits;

    /// <summary>1 while one instruction runs by itself: a repeated string instruction then does one element.</summary>
    public int IsSingle;

    /// <summary>What mode and code base the two jump caches were filled in.</summary>
    public fixed ulong JumpCacheKeys[2];

    /// <summary>The access a handler's body could not make; see <see cref="NotedAccess"/>.</summary>
    public ulong NotedAddress;

    /// <summary>Bytes of it, and in bits 16–17 how: 0 read, 1 write, 2 modify.</summary>
    public int NotedAccess;

    /// <summary>1 while a single instruction runs with staged memory.</summary>
    public int IsStepping;

    /// <summary>1 when the supervisor's jump cache may lead through a mapping that is not global.</summary>
    public int HasPrivateSupervisorCode;

    /// <summary>Bytes staged for an access that no TLB entry can serve, and the record that makes it.</summary>
    public nint Staging;

    /// <summary>Lowest and highest linear page that large-page TLB entries may cover since the last flush.</summary>
    public ulong LargePagesFrom;

    public ulong LargePagesTo;

    /// <summary>Addresses of the blocks entered last in tier 0, a ring that <see cref="RecentCount"/> goes round; for reports of a crash.</summary>
    public fixed ulong RecentBlocks[RecentBlockCount];

    /// <summary>How often this CPU took each hypercall site: an array that <see cref="Paravirt.HypercallSites"/> gave; 0 without a paravirtual interface.</summary>
    public nint HypercallCounts;

    /// <summary>Blocks entered since the reset, modulo 2³².</summary>
    public uint RecentCount;

    /// <summary>PAE's page-directory pointers as CR3 was last loaded: walks use them, not the table they came from (SDM vol. 3A, 4.4.1).</summary>
    public fixed ulong PagePointers[4];

    /// <summary>Where the base of a segment is kept.</summary>
    public static ref ulong BaseOf(CpuState* cpu, SegmentIndex segment)
    {
        switch (segment)
        {
            case SegmentIndex.Fs:
                return ref cpu->FsBase;
            case SegmentIndex.Gs:
                return ref cpu->GsBase;
            case SegmentIndex.Ldt:
                return ref cpu->System.LdtBase;
            case SegmentIndex.Task:
                return ref cpu->System.TaskBase;
            default:
                return ref cpu->System.Bases[(int)segment];
        }
    }
}
