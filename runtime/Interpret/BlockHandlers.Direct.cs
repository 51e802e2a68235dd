using System.Runtime.CompilerServices;
using Jitvmm.Runtime.CodeCache;
using Jitvmm.Runtime.Cpu;
using Jitvmm.Runtime.Execution;
using Jitvmm.Runtime.Memory;

namespace Jitvmm.Runtime.Interpret;

/// <summary>Process guests: what is particular to <see cref="DirectMemory"/>.</summary>
public static unsafe partial class BlockHandlers
{
    /// <summary>Loads never miss: the host faults.</summary>
    public static int MissRead(CpuState* cpu, TbOp* op, byte* memory, ulong address, int bytes) => op->Handler(cpu, op, memory);

    /// <summary>The cold side of a store: over code, or across pages.</summary>
    public static int MissWrite(CpuState* cpu, TbOp* op, byte* memory, ulong address, int bytes)
    {
        // The store may hit its own block, which makes this record stale; it still has to be carried out first.
        delegate*<CpuState*, TbOp*, byte*, int> handler = op->Handler;
        if ((nint)handler == StaleAddress)
        {
            return Dispatch.Lookup(cpu, op->Address);
        }

        GuestAccess.Pointer(cpu, address, (uint)bytes, true);
        if (cpu->PreparedTo != 0)
        {
            // It runs alone already, and this is its second.
            cpu->PreparedFrom = Math.Min(cpu->PreparedFrom, address);
            cpu->PreparedTo = Math.Max(cpu->PreparedTo, address + (uint)bytes);
            return handler(cpu, op, memory);
        }

        int exit = StoreAlone(cpu, op, handler, memory, address, bytes);
        if (exit != CheckedFloat.Returned)
        {
            return exit;
        }

        op++;
        return op->Handler(cpu, op, memory);
    }

    /// <summary>The store of a read-modify-write, before its load; an address that will be written through.</summary>
    public static int MissModify(CpuState* cpu, TbOp* op, byte* memory, ulong address, int bytes) => MissWrite(cpu, op, memory, address, bytes);

    /// <summary>A direct branch whose side is not chained yet.</summary>
    public static int Unlinked(CpuState* cpu, TbOp* op, byte* memory, ulong target) => Dispatch.Unlinked(cpu, op, target);

    /// <summary>Goes on at a block that is not in the jump cache: the vCPU loop finds it.</summary>
    public static int Search(CpuState* cpu, TbOp* op, byte* memory, ulong target) => Dispatch.Lookup(cpu, target);

    /// <summary>The block at RIP, if it is known here.</summary>
    private static TbOp* Find(CpuState* cpu) => Dispatch.Find(cpu, cpu->Rip);

    /// <summary>The embedder answers.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int SystemCall(CpuState* cpu) => (int)BlockExit.SystemCall;

    /// <summary>Every exit of a process is the vCPU loop's.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TbOp* After(CpuState* cpu, int exit) => null;

    /// <summary>A crash of a process is reported without the way to it.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Remember(CpuState* cpu, TbOp* op)
    {
    }

    /// <summary>
    /// Runs a copy of one record, which goes nowhere else, then throws translations of what it stored away. Before the store would be too early: a CPU that
    /// runs the code translates the old bytes again at once, and nobody would tell it of the new ones.
    /// </summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    private static int StoreAlone(CpuState* cpu, TbOp* op, delegate*<CpuState*, TbOp*, byte*, int> handler, byte* memory, ulong address, int bytes)
    {
        TbOp* copy = stackalloc TbOp[2];
        cpu->PreparedFrom = address;
        cpu->PreparedTo = address + (uint)bytes;
        try
        {
            return RunAlone(cpu, copy, op, handler, memory);
        }
        finally
        {
            ulong from = cpu->PreparedFrom;
            ulong to = cpu->PreparedTo;
            cpu->PreparedFrom = 0;
            cpu->PreparedTo = 0;
            cpu->CurrentOp = (nint)op;
            VCpu.FromState(cpu)!.Memory.InvalidateCode(from, to - from, op->Address);
        }
    }
}
