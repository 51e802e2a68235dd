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

    /// <summary>The cold side of a store: makes it possible, then runs the record again.</summary>
    public static int MissWrite(CpuState* cpu, TbOp* op, byte* memory, ulong address, int bytes)
    {
        // The store may hit its own block, which makes this record stale; it still has to be carried out first.
        delegate*<CpuState*, TbOp*, byte*, int> handler = op->Handler;
        DirectMemory.Prepare(cpu, address, bytes);
        return handler(cpu, op, memory);
    }

    /// <summary>The store of a read-modify-write, before its load. Pointers do not miss: they are checked where they are made.</summary>
    public static int MissModify(CpuState* cpu, TbOp* op, byte* memory, ulong address, int bytes) => MissWrite(cpu, op, memory, address, bytes);

    /// <summary>A direct branch whose side is not chained yet.</summary>
    public static int Unlinked(CpuState* cpu, TbOp* op, byte* memory, ulong target) => Dispatch.Unlinked(cpu, op, target);

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
}
