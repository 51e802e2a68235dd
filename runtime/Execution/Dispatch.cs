using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Jitvmm.Runtime.CodeCache;
using Jitvmm.Runtime.Cpu;
using Jitvmm.Runtime.Memory;

namespace Jitvmm.Runtime.Execution;

/// <summary>An entry of a vCPU's jump cache.</summary>
[StructLayout(LayoutKind.Sequential)]
public unsafe struct JumpCacheEntry
{
    public ulong Address;
    public TbOp* Op;
}

/// <summary>How generated code of both tiers leaves a block.</summary>
public static unsafe class Dispatch
{
    public const int JumpCacheSize = 4096;

    public static ref JumpCacheEntry JumpCacheSlot(CpuState* cpu, ulong address) =>
        ref ((JumpCacheEntry*)cpu->JumpCache)[JumpCacheIndex(address)];

    internal static int JumpCacheIndex(ulong address) => (int)((address ^ (address >> 12)) & (JumpCacheSize - 1));

    /// <summary>Ends a block at a computed address.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TbOp* Find(CpuState* cpu, ulong address)
    {
        JumpCacheEntry* entry = (JumpCacheEntry*)cpu->JumpCache + ((address ^ (address >> 12)) & (JumpCacheSize - 1));
        return entry->Address == address ? entry->Op : null;
    }

    /// <summary>
    /// The block at an address of a machine guest's code that the jump cache does not have, without leaving generated code; null when only the vCPU's loop can find it, or is to have
    /// it since a single instruction runs.
    /// </summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    public static TbOp* Search(CpuState* cpu, ulong address) =>
        (cpu->System.IsSingle | cpu->System.IsStepping) != 0 || SoftTlb.IsJumpCacheHidden(cpu) ? null : VCpu.FromState(cpu)!.FindKnown(address);

    /// <summary>Whether a computed jump to an address is known to lead to the block with this head, as the address is mapped and code is decoded now.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool LeadsTo(CpuState* cpu, ulong address, nint head) => (nint)Find(cpu, address) == head;

    /// <summary>Cold end of a direct branch whose side is not chained yet.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    public static int Unlinked(CpuState* cpu, TbOp* op, ulong target)
    {
        cpu->Rip = target;
        cpu->CurrentOp = (nint)op;
        return (int)BlockExit.Link;
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    public static int Lookup(CpuState* cpu, ulong target)
    {
        cpu->Rip = target;
        return (int)BlockExit.Lookup;
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    public static int Raise(CpuState* cpu, TbOp* op, ExceptionVector vector)
    {
        return Raise(cpu, op->Address, vector);
    }

    /// <summary>The instruction at an address raises an exception.</summary>
    public static int Raise(CpuState* cpu, ulong rip, ExceptionVector vector)
    {
        cpu->Rip = rip;
        cpu->PendingVector = (int)vector;
        cpu->FaultAddress = 0;
        return (int)BlockExit.Exception;
    }
}
