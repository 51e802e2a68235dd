using Jitvmm.Runtime.Cpu;
using Jitvmm.Runtime.Execution;
using Jitvmm.Runtime.Memory;
using Jitvmm.Runtime.Semantics;

namespace Jitvmm.Runtime.Callouts;

/// <summary>
/// Enters the handlers of interrupts and exceptions through the IDT of the current mode (SDM vol. 3A, chapter 6). RIP in the state is that of the interrupted or
/// faulting instruction. Registers change only when the whole delivery has succeeded.
/// </summary>
public static unsafe partial class InterruptDelivery
{
    private const int NonMaskableVector = 2;
    private const int LongGateBytes = 16;

    /// <summary>The interrupt-stack pointers of a 64-bit task-state segment, and those of the privilege levels.</summary>
    private const uint InterruptStacks = 36 - 8;

    private const uint PrivilegeStacks = 4;

    /// <summary>What is delivered, and from where.</summary>
    private readonly ref struct Event
    {
        public int Vector { get; init; }

        public bool HasErrorCode { get; init; }

        public uint ErrorCode { get; init; }

        /// <summary>INT n, INT3 and INTO: the gate's DPL counts, and the error codes of faults say "not external".</summary>
        public bool IsSoftware { get; init; }

        /// <summary>A fault: the saved RFLAGS has RF set, so that an instruction breakpoint does not hit twice.</summary>
        public bool IsFault { get; init; }

        public ulong ReturnRip { get; init; }

        /// <summary>EXT, bit 0 of error codes.</summary>
        public uint External => IsSoftware ? 0u : 1;

        /// <summary>Error code of a fault in the gate itself.</summary>
        public uint GateError => ((uint)Vector << 3) | 2 | External;
    }

    private enum FaultClass
    {
        Benign,
        Contributory,
        PageFault,
        DoubleFault,
    }

    /// <summary>An interrupt from the platform. The caller has looked at IF.</summary>
    public static void DeliverInterrupt(CpuState* cpu, int vector)
    {
        try
        {
            DeliverOnce(cpu, new Event { Vector = vector, ReturnRip = cpu->Rip });
        }
        catch (GuestFaultException nested)
        {
            DeliverException(cpu, nested.Fault);
        }
    }

    /// <summary>A non-maskable interrupt; further ones wait for IRET.</summary>
    public static void DeliverNonMaskable(CpuState* cpu)
    {
        cpu->System.NmiBlocked = 1;
        DeliverInterrupt(cpu, NonMaskableVector);
    }

    /// <summary>An exception the CPU raised. Faults on the way to its handler become double and triple faults (SDM vol. 3A, 6.15).</summary>
    public static void DeliverException(CpuState* cpu, CpuException exception)
    {
        while (true)
        {
            NoteCause(cpu, exception);
            try
            {
                DeliverOnce(cpu, new Event
                {
                    Vector = (int)exception.Vector,
                    HasErrorCode = HasErrorCode(exception.Vector),
                    ErrorCode = exception.ErrorCode,
                    IsSoftware = exception.Vector is ExceptionVector.Breakpoint or ExceptionVector.Overflow,
                    IsFault = IsFault(exception.Vector),
                    ReturnRip = cpu->Rip,
                });
                return;
            }
            catch (GuestFaultException nested)
            {
                FaultClass first = ClassOf(exception.Vector);
                FaultClass second = ClassOf(nested.Fault.Vector);
                if (first == FaultClass.DoubleFault && second != FaultClass.Benign)
                {
                    MachineCpu.Of(cpu).Platform.TripleFault();
                    return;
                }

                exception = IsDouble(first, second) ? new CpuException(ExceptionVector.DoubleFault, 0, 0) : nested.Fault;
            }
        }
    }

    /// <summary>INT n, INT3, INTO, INT1. Faults on the way are those of the instruction itself.</summary>
    [TouchesRegisters]
    public static int Software(CpuState* cpu, int vector, int isPrivileged, ulong next)
    {
        if (cpu->System.IsMachine == 0)
        {
            return InProcess(cpu, vector, isPrivileged, next);
        }

        if (CpuMode.IsVirtual8086(cpu) && CpuMode.IoPrivilegeLevel(cpu) < 3 && isPrivileged == 0
            && vector is not ((int)ExceptionVector.Breakpoint or (int)ExceptionVector.Overflow))
        {
            GuestAccess.Raise(ExceptionVector.GeneralProtection);
        }

        if (isPrivileged != 0 && cpu->System.DebugHits != 0)
        {
            // A data breakpoint that MOV SS held back is told with INT1's own trap, not after it.
            Breakpoints.Report(cpu, cpu->System.DebugHits);
            cpu->System.DebugHits = 0;
        }

        DeliverOnce(cpu, new Event { Vector = vector, IsSoftware = isPrivileged == 0, ReturnRip = next });
        return (int)BlockExit.Lookup;
    }

    /// <summary>INTO.</summary>
    [TouchesRegisters]
    public static int OnOverflow(CpuState* cpu, ulong overflow, ulong next)
    {
        if (overflow != 0)
        {
            return Software(cpu, (int)ExceptionVector.Overflow, 0, next);
        }

        cpu->Rip = next;
        return (int)BlockExit.Lookup;
    }

    /// <summary>A process guest has breakpoints and overflows; its other vectors have gates of privilege level 0 (as Linux sets up the IDT).</summary>
    private static int InProcess(CpuState* cpu, int vector, int isPrivileged, ulong next)
    {
        if (vector is not ((int)ExceptionVector.Breakpoint or (int)ExceptionVector.Overflow) || isPrivileged != 0)
        {
            GuestAccess.Raise(ExceptionVector.GeneralProtection);
        }

        cpu->Rip = next;
        cpu->PendingVector = vector;
        return (int)BlockExit.Exception;
    }

    private static void NoteCause(CpuState* cpu, CpuException exception)
    {
        if (exception.Vector == ExceptionVector.PageFault)
        {
            cpu->System.Cr2 = exception.Address;
        }
        else if (exception.Vector == ExceptionVector.Debug)
        {
            cpu->System.Debug[7] &= ~(1ul << 13);
        }
    }

    private static void DeliverOnce(CpuState* cpu, in Event what)
    {
        // Data breakpoints that are hit from here on trap behind the delivery.
        cpu->System.DeliversEvent = 1;
        if (CpuMode.IsLong(cpu))
        {
            DeliverLong(cpu, what);
        }
        else if (CpuMode.IsProtected(cpu))
        {
            DeliverProtected(cpu, what);
        }
        else
        {
            DeliverReal(cpu, what);
        }

        cpu->System.InterruptShadow = 0;
        cpu->System.DeliversEvent = 2;
    }

    /// <summary>
    /// IA-32e mode (SDM vol. 3A, 6.14). From 64-bit user code the supervisor's TLB is selected first: all accesses on the way are
    /// supervisor's, and it is the view the handler will have.
    /// </summary>
    private static void DeliverLong(CpuState* cpu, in Event what)
    {
        int old = cpu->System.Cpl;
        if (old != 3 || !CpuMode.Is64Bit(cpu))
        {
            DeliverLong(cpu, what, old);
            return;
        }

        SetLevel(cpu, 0);
        try
        {
            DeliverLong(cpu, what, old);
        }
        catch (GuestFaultException)
        {
            SetLevel(cpu, old);
            throw;
        }
    }

    private static void SetLevel(CpuState* cpu, int cpl)
    {
        cpu->System.Cpl = cpl;
        SoftTlb.ModeChanged(cpu);
    }

    private static void DeliverLong(CpuState* cpu, in Event what, int old)
    {
        uint place = (uint)what.Vector * LongGateBytes;
        RaiseIf(place + LongGateBytes - 1 > cpu->System.IdtLimit, what.GateError);
        Descriptor gate = new(SystemMemory.Read64(cpu, cpu->System.IdtBase + place, true));
        CheckGate(what, gate, gate.Type is SystemSegmentType.InterruptGate or SystemSegmentType.TrapGate, old);
        ulong target = gate.GateOffset | (SystemMemory.Read64(cpu, cpu->System.IdtBase + place + 8, true) << 32);
        Descriptor code = ReadHandler(cpu, gate.GateSelector, old, what.External);
        RaiseIf(!code.IsLong || code.IsBig, (gate.GateSelector & 0xfffcu) | what.External);
        RaiseIf(SystemSemantics.IsNonCanonical(target), what.External);
        int cpl = code.IsConforming ? old : code.Dpl;
        if (cpl == 3)
        {
            // A handler for user code itself: its stack is written with user rights.
            SetLevel(cpu, cpl);
        }

        ulong stack = LongStack(cpu, (int)(gate.Raw >> 32) & 7, cpl, old, what.External);
        PushLongFrame(cpu, what, stack, cpl);
        bool wasLong = CpuMode.Is64Bit(cpu);
        Segments.Set(cpu, SegmentIndex.Cs, (gate.GateSelector & 0xfffcu) | (uint)cpl, code);
        if (cpl != old)
        {
            Segments.SetNull(cpu, SegmentIndex.Ss, (uint)cpl);
        }

        EnterHandler(cpu, target, gate.Type == SystemSegmentType.InterruptGate);
        cpu->System.Cpl = cpl;
        if (cpl != old || !wasLong)
        {
            CpuMode.Changed(cpu);
        }
    }

    private static ulong LongStack(CpuState* cpu, int interruptStack, int cpl, int old, uint external)
    {
        if (interruptStack == 0 && cpl == old)
        {
            return cpu->Gpr[4] & ~15ul;
        }

        uint place = interruptStack != 0 ? InterruptStacks + (8 * (uint)interruptStack) : PrivilegeStacks + (8 * (uint)cpl);
        if (place + 7 > cpu->System.Limits[(int)SegmentIndex.Task])
        {
            GuestAccess.Raise(ExceptionVector.InvalidTaskState, (cpu->System.TaskSelector & 0xfffcu) | external);
        }

        return SystemMemory.Read64(cpu, cpu->System.TaskBase + place, true) & ~15ul;
    }

    private static void PushLongFrame(CpuState* cpu, in Event what, ulong stack, int cpl)
    {
        ulong flags = cpu->ReadFlags() | (what.IsFault ? SystemFlags.Resume : 0);
        StackCursor cursor = StackCursor.Long(cpu, stack, cpl < 3, what.External);
        cursor.Push(cpu->Selectors[(int)SegmentIndex.Ss], 8);
        cursor.Push(cpu->Gpr[4], 8);
        cursor.Push(flags, 8);
        cursor.Push(cpu->Selectors[(int)SegmentIndex.Cs], 8);
        cursor.Push(what.ReturnRip, 8);
        if (what.HasErrorCode)
        {
            cursor.Push(what.ErrorCode, 8);
        }

        cursor.Commit();
    }

    private static void CheckGate(in Event what, Descriptor gate, bool isKnown, int cpl)
    {
        RaiseIf(!gate.IsSystem || !isKnown, what.GateError);
        RaiseIf(what.IsSoftware && gate.Dpl < cpl, what.GateError);
        if (!gate.IsPresent)
        {
            GuestAccess.Raise(ExceptionVector.SegmentNotPresent, what.GateError);
        }
    }

    /// <summary>The code segment a gate names: at least as privileged as the interrupted program.</summary>
    private static Descriptor ReadHandler(CpuState* cpu, uint selector, int cpl, uint external)
    {
        RaiseIf((selector & 0xfffc) == 0, external);
        Descriptor code = DescriptorTables.Read(cpu, selector, ExceptionVector.GeneralProtection, external);
        uint error = (selector & 0xfffc) | external;
        RaiseIf(!code.IsCode || code.Dpl > cpl, error);
        if (!code.IsPresent)
        {
            GuestAccess.Raise(ExceptionVector.SegmentNotPresent, error);
        }

        DescriptorTables.MarkAccessed(cpu, selector, code);
        return code;
    }

    private static void EnterHandler(CpuState* cpu, ulong target, bool masksInterrupts)
    {
        cpu->FlagsSystem &= ~(SystemFlags.Trap | SystemFlags.NestedTask | SystemFlags.Resume | SystemFlags.Virtual8086 | (masksInterrupts ? SystemFlags.Interrupt : 0));
        cpu->Rip = target;
    }

    private static bool HasErrorCode(ExceptionVector vector) => vector is ExceptionVector.DoubleFault or ExceptionVector.InvalidTaskState
        or ExceptionVector.SegmentNotPresent or ExceptionVector.StackFault or ExceptionVector.GeneralProtection or ExceptionVector.PageFault
        or ExceptionVector.AlignmentCheck;

    private static bool IsFault(ExceptionVector vector) => vector is not (ExceptionVector.Debug or ExceptionVector.NonMaskable or ExceptionVector.Breakpoint
        or ExceptionVector.Overflow or ExceptionVector.DoubleFault or ExceptionVector.MachineCheck);

    private static FaultClass ClassOf(ExceptionVector vector) => vector switch
    {
        ExceptionVector.DivideError or ExceptionVector.InvalidTaskState or ExceptionVector.SegmentNotPresent or ExceptionVector.StackFault
            or ExceptionVector.GeneralProtection => FaultClass.Contributory,
        ExceptionVector.PageFault => FaultClass.PageFault,
        ExceptionVector.DoubleFault => FaultClass.DoubleFault,
        _ => FaultClass.Benign,
    };

    /// <summary>SDM vol. 3A, table 6-5.</summary>
    private static bool IsDouble(FaultClass first, FaultClass second) =>
        (first == FaultClass.Contributory && second == FaultClass.Contributory)
        || (first == FaultClass.PageFault && second is FaultClass.Contributory or FaultClass.PageFault);

    private static void RaiseIf(bool condition, uint errorCode)
    {
        if (condition)
        {
            GuestAccess.Raise(ExceptionVector.GeneralProtection, errorCode);
        }
    }
}
