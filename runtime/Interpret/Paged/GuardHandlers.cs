using System.Runtime.CompilerServices;
using Jitvmm.Runtime.Callouts;
using Jitvmm.Runtime.CodeCache;
using Jitvmm.Runtime.Cpu;
using Jitvmm.Runtime.Execution;
using Jitvmm.Runtime.Memory;

namespace Jitvmm.Runtime.Interpret.Paged;

/// <summary>
/// The records in front of an instruction whose mode has something to check: they raise what the instruction would, with nothing changed, or go on to the next
/// record. Blocks of ordinary modes have none.
/// </summary>
/// <remarks>
/// A guard of an access has the operand's Base, Index, Scale, Displacement, AddressMask and Segment, and in its immediate a <see cref="GuardedAccess"/>.
/// </remarks>
public static unsafe class GuardHandlers
{
    public static readonly nint LimitAddress = (nint)(delegate*<CpuState*, TbOp*, byte*, int>)&Limit;
    public static readonly nint UnitAddress = (nint)(delegate*<CpuState*, TbOp*, byte*, int>)&Unit;
    public static readonly nint AccessAddress = (nint)(delegate*<CpuState*, TbOp*, byte*, int>)&Access;
    public static readonly nint StringAddress = (nint)(delegate*<CpuState*, TbOp*, byte*, int>)&String;

    public static readonly nint BreakpointAddress = (nint)(delegate*<CpuState*, TbOp*, byte*, int>)&Breakpoint;

    private const int Rcx = 1;

    /// <summary>What a check finds when nothing is wrong.</summary>
    private const int Allowed = -1;

    private const int OneByOne = -2;

    /// <summary>The block's last byte, in Displacement, must lie in the code segment. R0: 1 for a block of one instruction; another is left to run one by one.</summary>
    public static int Limit(CpuState* cpu, TbOp* op, byte* memory)
    {
        if (op->Displacement <= cpu->System.Limits[(int)SegmentIndex.Cs])
        {
            op++;
            return op->Handler(cpu, op, memory);
        }

        return op->R0 != 0 ? Dispatch.Raise(cpu, op, ExceptionVector.GeneralProtection) : Alone(cpu, op);
    }

    /// <summary>The operating system must let the instruction have its <see cref="ProcessorUnit"/>, in Immediate.</summary>
    public static int Unit(CpuState* cpu, TbOp* op, byte* memory)
    {
        int vector = ProcessorUnits.Check(cpu, (ProcessorUnit)op->Immediate);
        if (vector != ProcessorUnits.Available)
        {
            return Dispatch.Raise(cpu, op, (ExceptionVector)vector);
        }

        op++;
        return op->Handler(cpu, op, memory);
    }

    /// <summary>An instruction breakpoint comes before anything else of its instruction.</summary>
    public static int Breakpoint(CpuState* cpu, TbOp* op, byte* memory)
    {
        if (Breakpoints.HitsCode(cpu, op->Address))
        {
            return Dispatch.Raise(cpu, op, ExceptionVector.Debug);
        }

        op++;
        return op->Handler(cpu, op, memory);
    }

    public static int Access(CpuState* cpu, TbOp* op, byte* memory)
    {
        int vector = CheckAccess(cpu, op);
        if (vector != Allowed)
        {
            return Dispatch.Raise(cpu, op, (ExceptionVector)vector);
        }

        op++;
        return op->Handler(cpu, op, memory);
    }

    /// <summary>
    /// A repeated string instruction, which does nothing with a count of 0. If not all of its elements lie in the segment, it runs element by element.
    /// </summary>
    public static int String(CpuState* cpu, TbOp* op, byte* memory)
    {
        int vector = CheckString(cpu, op);
        if (vector == OneByOne)
        {
            return Alone(cpu, op);
        }

        if (vector != Allowed)
        {
            return Dispatch.Raise(cpu, op, (ExceptionVector)vector);
        }

        op++;
        return op->Handler(cpu, op, memory);
    }

    // The checks are methods of their own: a handler with a local whose address is taken does not tail-call.
    [MethodImpl(MethodImplOptions.NoInlining)]
    private static int CheckAccess(CpuState* cpu, TbOp* op)
    {
        GuardedAccess access = new(op->Immediate);
        ulong index = access.HasByteIndex ? *((byte*)cpu + op->Index) : *(ulong*)((byte*)cpu + op->Index) << op->Scale;
        ulong offset = *(ulong*)((byte*)cpu + op->Base) + index + op->Displacement;
        if (access.BitWidth != 0)
        {
            offset += access.BitDistance(*(ulong*)((byte*)cpu + op->R1));
        }

        return Check(cpu, op, access, offset & op->AddressMask);
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static int CheckString(CpuState* cpu, TbOp* op)
    {
        GuardedAccess access = new(op->Immediate);
        ulong count = cpu->Gpr[Rcx] & op->AddressMask;
        ulong offset = *(ulong*)((byte*)cpu + op->Base) & op->AddressMask;
        if (count == 0)
        {
            return Allowed;
        }

        int vector = Check(cpu, op, access, offset);
        return vector == Allowed && cpu->System.IsSingle == 0 && !AllowsAll(cpu, access, offset, count, op->AddressMask) ? OneByOne : vector;
    }

    private static int Check(CpuState* cpu, TbOp* op, GuardedAccess access, ulong offset)
    {
        if (!access.Allows(cpu, offset, access.Bytes))
        {
            return (int)access.Fault;
        }

        return access.IsMisaligned(offset + *(ulong*)((byte*)cpu + op->Segment)) ? (int)ExceptionVector.AlignmentCheck : Allowed;
    }

    private static bool AllowsAll(CpuState* cpu, GuardedAccess access, ulong offset, ulong count, ulong mask)
    {
        if (!access.ChecksSegment)
        {
            return true;
        }

        // 2³² elements of 8 bytes at most: no overflow.
        ulong more = (count - 1) * (uint)access.Bytes;
        bool down = cpu->FlagD != 0;
        if (down ? more > offset : offset + more + (uint)access.Bytes - 1 > mask)
        {
            return false;
        }

        return access.Allows(cpu, down ? offset - more : offset + more, access.Bytes);
    }

    private static int Alone(CpuState* cpu, TbOp* op)
    {
        cpu->Rip = op->Address;
        return (int)BlockExit.Single;
    }
}
