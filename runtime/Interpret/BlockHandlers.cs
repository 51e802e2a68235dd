using Jitvmm.Runtime.CodeCache;
using Jitvmm.Runtime.Cpu;
using Jitvmm.Runtime.Execution;
using Jitvmm.Runtime.Memory;
using Jitvmm.Runtime.Semantics;

#if !PAGED
namespace Jitvmm.Runtime.Interpret;
#else
namespace Jitvmm.Runtime.Interpret.Paged;
#endif

/// <summary>The records that stand at the ends of blocks rather than for an instruction. All tail-jump, so they live with the handlers.</summary>
public static unsafe partial class BlockHandlers
{
    public static readonly nint EnterAddress = (nint)(delegate*<CpuState*, TbOp*, byte*, int>)&Enter;
    public static readonly nint FallThroughAddress = (nint)(delegate*<CpuState*, TbOp*, byte*, int>)&FallThrough;
    public static readonly nint UndefinedAddress = (nint)(delegate*<CpuState*, TbOp*, byte*, int>)&Undefined;
    public static readonly nint ReplacedAddress = (nint)(delegate*<CpuState*, TbOp*, byte*, int>)&Replaced;
    public static readonly nint StaleAddress = (nint)(delegate*<CpuState*, TbOp*, byte*, int>)&Stale;
    public static readonly nint CheckFloatAddress = (nint)(delegate*<CpuState*, TbOp*, byte*, int>)&CheckFloat;
    public static readonly nint ReturnAddress = (nint)(delegate*<CpuState*, TbOp*, byte*, int>)&Return;
    /// <summary>What a body returns that could not make an access.</summary>
    public const int Missed = -2;

    public static readonly nint InterpretAddress = (nint)(delegate*<CpuState*, TbOp*, byte*, int>)&Interpret;

    /// <summary>
    /// The first record of each block: safepoint and execution count. Immediate counts up to Displacement, where
    /// the block is hot.
    /// </summary>
    public static int Enter(CpuState* cpu, TbOp* op, byte* memory)
    {
        if (cpu->ExitRequest != 0)
        {
            return Interrupted(cpu, op);
        }

        if (++op->Immediate == op->Displacement)
        {
            return Hot(cpu, op);
        }

        Remember(cpu, op);
        op++;
        return op->Handler(cpu, op, memory);
    }

    /// <summary>The last record of a block that ends without a branch: continues at the next block.</summary>
    public static int FallThrough(CpuState* cpu, TbOp* op, byte* memory)
    {
        TbOp* next = op->Next;
        if (next == null)
        {
            return Unlinked(cpu, op, memory, op->Address);
        }

        return next->Handler(cpu, next, memory);
    }

    /// <summary>The record of an instruction nobody implements: #UD.</summary>
    public static int Undefined(CpuState* cpu, TbOp* op, byte* memory) => Dispatch.Raise(cpu, op, ExceptionVector.InvalidOpcode);

    /// <summary>The head of a block whose bytes changed, for what was chained to it: goes on at the block that is there now.</summary>
    public static int Replaced(CpuState* cpu, TbOp* op, byte* memory)
    {
        TbOp* next = op->Target;
        if (next == null || (nint)next->Handler == ReplacedAddress)
        {
            return Unlinked(cpu, op, memory, op->Address);
        }

        return next->Handler(cpu, next, memory);
    }

    /// <summary>Replaces every other record of such a block: leave, and look the address up again.</summary>
    public static int Stale(CpuState* cpu, TbOp* op, byte* memory) => Dispatch.Lookup(cpu, op->Address);

    /// <summary>
    /// Stands before an instruction that may cause a floating-point exception, in blocks that look for unmasked ones:
    /// runs its record, which a <see cref="Return"/> follows, and goes on behind that.
    /// </summary>
    public static int CheckFloat(CpuState* cpu, TbOp* op, byte* memory)
    {
        int exit = FloatExceptions.AreMasked(cpu->Mxcsr) ? op[1].Handler(cpu, op + 1, memory) : CheckedFloat.Run(cpu, op + 1, memory);
        if (exit != CheckedFloat.Returned)
        {
            return exit;
        }

        op += 3;
        return op->Handler(cpu, op, memory);
    }

    /// <summary>Continues after a body that noted the access it could not make.</summary>
    public static int MissNoted(CpuState* cpu, TbOp* op, byte* memory)
    {
        ulong address = cpu->System.NotedAddress;
        int bytes = cpu->System.NotedAccess & 0xffff;
        return (cpu->System.NotedAccess >> 16) switch
        {
            0 => MissRead(cpu, op, memory, address, bytes),
            1 => MissWrite(cpu, op, memory, address, bytes),
            _ => MissModify(cpu, op, memory, address, bytes),
        };
    }

    /// <summary>Notes an access for <see cref="MissNoted"/>; the result tells a body's caller.</summary>
    public static int Note(CpuState* cpu, ulong address, int access)
    {
        cpu->System.NotedAddress = address;
        cpu->System.NotedAccess = access;
        return Missed;
    }

    /// <summary>Ends the run of a single record.</summary>
    public static int Return(CpuState* cpu, TbOp* op, byte* memory) => CheckedFloat.Returned;

    /// <summary>Runs a copy of one record that goes nowhere else: <see cref="Return"/> follows it, no jump finds its target, and none is chained.</summary>
    /// <param name="copy">Room for two records.</param>
    private static int RunAlone(CpuState* cpu, TbOp* copy, TbOp* op, delegate*<CpuState*, TbOp*, byte*, int> handler, byte* memory)
    {
        VCpu.FromState(cpu)!.CopyAlone(copy, op, handler);
        nint jumpCache = cpu->JumpCache;
        SoftTlb.HideJumpCache(cpu);
        try
        {
            int exit = handler(cpu, copy, memory);
            return exit == (int)BlockExit.Link ? (int)BlockExit.Lookup : exit;
        }
        finally
        {
            cpu->JumpCache = jumpCache;
        }
    }

    private static int Interrupted(CpuState* cpu, TbOp* op)
    {
        cpu->Rip = op->Address;
        return (int)BlockExit.Interrupted;
    }

    private static int Hot(CpuState* cpu, TbOp* op)
    {
        cpu->Rip = op->Address;
        cpu->CurrentOp = (nint)op;
        return (int)BlockExit.Hot;
    }

    /// <summary>
    /// Goes on at RIP after a region that left one instruction to tier 0: behind the block's head, which would come straight
    /// back.
    /// </summary>
    public static int Interpret(CpuState* cpu, TbOp* op, byte* memory)
    {
        TbOp* next = Find(cpu);
        if (next == null)
        {
            return (int)BlockExit.Interpret;
        }

        Remember(cpu, next);
        next++;
        return next->Handler(cpu, next, memory);
    }
}
