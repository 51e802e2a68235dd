using System.Runtime.CompilerServices;
using Jitvmm.Runtime.Callouts;
using Jitvmm.Runtime.CodeCache;
using Jitvmm.Runtime.Cpu;
using Jitvmm.Runtime.Execution;
using Jitvmm.Runtime.Memory;

namespace Jitvmm.Runtime.Interpret.Paged;

/// <summary>Machine guests: what is particular to <see cref="PagedMemory"/>.</summary>
public static unsafe partial class BlockHandlers
{
    public static readonly nint EnterCountedAddress = (nint)(delegate*<CpuState*, TbOp*, byte*, int>)&EnterCounted;
    public static readonly nint SearchAddress = (nint)(delegate*<CpuState*, TbOp*, byte*, int>)&Search;
    public static readonly nint SystemCallAddress = (nint)(delegate*<CpuState*, TbOp*, byte*, int>)&SystemCall;

    /// <summary>The first record of each block of a CPU that counts instructions: its blocks have one each.</summary>
    public static int EnterCounted(CpuState* cpu, TbOp* op, byte* memory)
    {
        if (cpu->ExitRequest != 0 || cpu->System.InstructionsLeft <= 0)
        {
            return Interrupted(cpu, op);
        }

        cpu->System.InstructionsLeft--;
        op->Immediate++;
        op++;
        return op->Handler(cpu, op, memory);
    }

    public static int MissRead(CpuState* cpu, TbOp* op, byte* memory, ulong address, int bytes) =>
        Miss(cpu, op, memory, address, bytes, StagedUse.Read);

    public static int MissWrite(CpuState* cpu, TbOp* op, byte* memory, ulong address, int bytes) =>
        Miss(cpu, op, memory, address, bytes, StagedUse.Write);

    /// <summary>A read-modify-write.</summary>
    public static int MissModify(CpuState* cpu, TbOp* op, byte* memory, ulong address, int bytes) =>
        Miss(cpu, op, memory, address, bytes, StagedUse.Modify);

    /// <summary>
    /// A direct branch whose side is not chained. Within the page it may be; to another page it goes through the jump cache each time, because the
    /// mapping of that page may change without this block knowing; so does a block that straddles pages.
    /// </summary>
    public static int Unlinked(CpuState* cpu, TbOp* op, byte* memory, ulong target)
    {
        TbOp* next = Dispatch.Find(cpu, target);
        bool mayChain = (op->Address ^ target) >> GuestPages.PageShift == 0 && cpu->System.HasUnalignedCode == 0;
        if (next == null || (mayChain && next->R0 == 0))
        {
            return mayChain ? Dispatch.Unlinked(cpu, op, target) : Search(cpu, op, memory, target);
        }

        return next->Handler(cpu, next, memory);
    }

    /// <summary>Goes on at a block that is not in the jump cache.</summary>
    public static int Search(CpuState* cpu, TbOp* op, byte* memory, ulong target)
    {
        cpu->Rip = target;
        return Search(cpu, op, memory);
    }

    /// <summary>The same at RIP.</summary>
    public static int Search(CpuState* cpu, TbOp* op, byte* memory)
    {
        TbOp* next = Dispatch.Search(cpu, cpu->Rip);
        if (next == null)
        {
            return (int)BlockExit.Lookup;
        }

        return next->Handler(cpu, next, memory);
    }

    /// <summary>SYSCALL behind what its lift did: the guest's own kernel answers. A single step is the vCPU loop's.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    public static int SystemCall(CpuState* cpu)
    {
        if (cpu->System.IsSingle != 0)
        {
            return (int)BlockExit.SystemCall;
        }

        FastSystemCalls.Enter(cpu);
        return (int)BlockExit.Lookup;
    }

    /// <summary>Where to go on behind an exit that is only a jump, without the vCPU loop; null to leave to it.</summary>
    /// <remarks>A callout may have brought the jump cache back that a single instruction must not see.</remarks>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TbOp* After(CpuState* cpu, int exit) =>
        exit == (int)BlockExit.Lookup && (cpu->System.IsSingle | cpu->System.IsStepping) == 0 ? Find(cpu) : null;

    /// <summary>The block at RIP, if it is known without the vCPU's loop.</summary>
    private static TbOp* Find(CpuState* cpu)
    {
        TbOp* next = Dispatch.Find(cpu, cpu->Rip);
        return next != null ? next : Dispatch.Search(cpu, cpu->Rip);
    }

    /// <summary>Continues after a region that ended with SYSCALL.</summary>
    public static int SystemCall(CpuState* cpu, TbOp* op, byte* memory)
    {
        int exit = SystemCall(cpu);
        TbOp* next = After(cpu, exit);
        if (next == null)
        {
            return exit;
        }

        return next->Handler(cpu, next, cpu->MemoryBase);
    }

    /// <summary>What a report of a triple fault shows.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Remember(CpuState* cpu, TbOp* op) =>
        cpu->System.RecentBlocks[cpu->System.RecentCount++ & (SystemState.RecentBlockCount - 1)] = op->Address;

    private static int Miss(CpuState* cpu, TbOp* op, byte* memory, ulong address, int bytes, StagedUse use)
    {
        AccessOutcome outcome = PagedMemory.Resolve(cpu, address, bytes, use != StagedUse.Read);
        if (outcome == AccessOutcome.Filled)
        {
            return op->Handler(cpu, op, memory);
        }

        if (outcome == AccessOutcome.Faulted)
        {
            cpu->Rip = op->Address;
            return (int)BlockExit.Exception;
        }

        return Unusual(cpu, op, memory, address, bytes, use);
    }

    private static int Unusual(CpuState* cpu, TbOp* op, byte* memory, ulong address, int bytes, StagedUse use)
    {
        // The store may hit its own block, which makes this record stale; it still has to be carried out first.
        StagedMemory* staging = (StagedMemory*)cpu->System.Staging;
        delegate*<CpuState*, TbOp*, byte*, int> handler = op->Handler;
        if ((nint)handler == StaleAddress)
        {
            return Dispatch.Lookup(cpu, op->Address);
        }

        if (cpu->System.Watches != 0 && cpu->System.IsSingle == 0 && Breakpoints.HitsOf(cpu, address, bytes, use != StagedUse.Read) != 0)
        {
            cpu->Rip = op->Address;
            return (int)BlockExit.Single;
        }

        if (!StagedAccess.TryStage(cpu, staging, address, bytes, use))
        {
            cpu->Rip = op->Address;
            return (int)BlockExit.Exception;
        }

        if (cpu->System.IsStepping != 0)
        {
            return op->Handler(cpu, op, memory);
        }

        int exit = Step(cpu, op, handler, memory, staging);
        if (exit != CheckedFloat.Returned)
        {
            return exit;
        }

        op++;
        return op->Handler(cpu, op, memory);
    }

    /// <summary>Runs a copy of one record that goes nowhere else, then carries out what it stored.</summary>
    private static int Step(CpuState* cpu, TbOp* op, delegate*<CpuState*, TbOp*, byte*, int> handler, byte* memory, StagedMemory* staging)
    {
        cpu->System.IsStepping = 1;
        int exit;
        try
        {
            exit = RunAlone(cpu, staging->Records, op, handler, memory);
        }
        catch
        {
            cpu->System.IsStepping = 0;
            StagedAccess.Forget(cpu, staging);
            throw;
        }

        cpu->System.IsStepping = 0;

        // Whose stores these are: not every handler says.
        cpu->CurrentOp = (nint)op;
        if (exit is (int)BlockExit.Exception or (int)BlockExit.Single)
        {
            StagedAccess.Forget(cpu, staging);
            return exit;
        }

        StagedAccess.Commit(cpu, staging);
        return exit;
    }
}
