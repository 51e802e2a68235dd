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

    /// <summary>Error code of the exception in <see cref="CpuState.PendingVector"/>.</summary>
    public uint PendingErrorCode;

    /// <summary>1 when the platform has an interrupt that IF held back.</summary>
    public int InterruptPending;

    /// <summary>1 for the one instruction after STI, MOV SS or POP SS during which no interrupt is taken (SDM vol. 3A, 6.8.3).</summary>
    public int InterruptShadow;

    /// <summary>1 while this CPU belongs to a machine guest: memory is reached through <see cref="Tlb"/>.</summary>
    public int IsMachine;

    /// <summary>The soft TLB of the current privilege (kernel, kernel with AC set, user).</summary>
    public nint Tlb;

    /// <summary>Staged bytes of accesses no TLB entry can serve.</summary>
    public nint Staging;

    /// <summary>Linear address and bytes of the access that missed; bit 0 of the kind = write.</summary>
    public ulong MissAddress;

    public int MissLength;
    public int MissIsWrite;

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
