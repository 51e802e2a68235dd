using Jitvmm.Runtime.Cpu;
using Jitvmm.Runtime.Execution;
using Jitvmm.Runtime.Memory;
using Jitvmm.Runtime.Semantics;

namespace Jitvmm.Runtime.Callouts;

/// <summary>Far JMP and CALL (SDM vol. 2A, CALL and JMP; vol. 3A, 5.8). The pointer operand has been read.</summary>
public static unsafe partial class FarTransfers
{
    /// <summary>Far JMP.</summary>
    /// <param name="cpu">The CPU.</param>
    /// <param name="selector">The target's selector.</param>
    /// <param name="offset">The target's offset, of the operand's size.</param>
    /// <param name="next">The instruction after this one: what a task switch comes back to.</param>
    [TouchesRegisters]
    public static int Jump(CpuState* cpu, uint selector, ulong offset, ulong next)
    {
        selector &= 0xffff;
        if (CpuMode.HasRealSegments(cpu))
        {
            CheckRealOffset(cpu, offset);
            Segments.LoadReal(cpu, SegmentIndex.Cs, selector);
            cpu->Rip = offset;
            return (int)BlockExit.Lookup;
        }

        RaiseNull(selector);
        Descriptor descriptor = DescriptorTables.Read(cpu, selector, ExceptionVector.GeneralProtection);
        if (descriptor.IsCode)
        {
            CheckDirect(cpu, selector, descriptor);
            CheckOffset(cpu, descriptor, offset);
            EnterCode(cpu, selector, descriptor, offset);
            return (int)BlockExit.Lookup;
        }

        CheckSystem(cpu, selector, descriptor);
        switch (descriptor.Type)
        {
            case SystemSegmentType.CallGate or SystemSegmentType.CallGate16:
                JumpThroughGate(cpu, selector, descriptor);
                break;
            case SystemSegmentType.TaskGate:
                TaskSwitches.Start(cpu, descriptor.GateSelector, next, false);
                break;
            default:
                TaskSwitches.Start(cpu, selector, next, false);
                break;
        }

        return (int)BlockExit.Lookup;
    }

    /// <summary>Far CALL; <paramref name="bytes"/> is the operand size, 2, 4 or 8.</summary>
    [TouchesRegisters]
    public static int Call(CpuState* cpu, uint selector, ulong offset, int bytes, ulong next)
    {
        selector &= 0xffff;
        if (CpuMode.HasRealSegments(cpu))
        {
            CheckRealOffset(cpu, offset);
            PushReturn(cpu, bytes, next);
            Segments.LoadReal(cpu, SegmentIndex.Cs, selector);
            cpu->Rip = offset;
            return (int)BlockExit.Lookup;
        }

        RaiseNull(selector);
        Descriptor descriptor = DescriptorTables.Read(cpu, selector, ExceptionVector.GeneralProtection);
        if (descriptor.IsCode)
        {
            CheckDirect(cpu, selector, descriptor);
            CheckOffset(cpu, descriptor, offset);
            PushReturn(cpu, bytes, next);
            EnterCode(cpu, selector, descriptor, offset);
            return (int)BlockExit.Lookup;
        }

        CheckSystem(cpu, selector, descriptor);
        switch (descriptor.Type)
        {
            case SystemSegmentType.CallGate or SystemSegmentType.CallGate16:
                CallThroughGate(cpu, selector, descriptor, next);
                break;
            case SystemSegmentType.TaskGate:
                TaskSwitches.Start(cpu, descriptor.GateSelector, next, true);
                break;
            default:
                TaskSwitches.Start(cpu, selector, next, true);
                break;
        }

        return (int)BlockExit.Lookup;
    }

    private static void PushReturn(CpuState* cpu, int bytes, ulong next)
    {
        StackCursor stack = StackCursor.Current(cpu);
        stack.Push(cpu->Selectors[(int)SegmentIndex.Cs], bytes);
        stack.Push(next, bytes);
        stack.Commit();
    }

    /// <summary>A code segment named by the instruction itself.</summary>
    private static void CheckDirect(CpuState* cpu, uint selector, Descriptor code)
    {
        int cpl = cpu->System.Cpl;
        bool isAllowed = code.IsConforming ? code.Dpl <= cpl : code.Dpl == cpl && (int)(selector & 3) <= cpl;
        RaiseIf(!isAllowed || (CpuMode.IsLong(cpu) && code.IsLong && code.IsBig), selector);
        CheckPresent(code, selector);
        DescriptorTables.MarkAccessed(cpu, selector, code);
    }

    /// <summary>What else a far pointer may name: a gate or, outside long mode, a task.</summary>
    private static void CheckSystem(CpuState* cpu, uint selector, Descriptor descriptor)
    {
        bool isLong = CpuMode.IsLong(cpu);
        bool isKnown = descriptor.IsSystem && descriptor.Type switch
        {
            SystemSegmentType.CallGate => true,
            SystemSegmentType.CallGate16 or SystemSegmentType.TaskGate or SystemSegmentType.Task or SystemSegmentType.Task16 => !isLong,
            _ => false,
        };
        RaiseIf(!isKnown || descriptor.Dpl < cpu->System.Cpl || descriptor.Dpl < (int)(selector & 3), selector);
        CheckPresent(descriptor, selector);
    }

    private static void JumpThroughGate(CpuState* cpu, uint selector, Descriptor gate)
    {
        Descriptor code = ReadGateTarget(cpu, selector, gate, out ulong target);
        RaiseIf(!code.IsConforming && code.Dpl != cpu->System.Cpl, gate.GateSelector);
        CheckOffset(cpu, code, target);
        EnterCode(cpu, gate.GateSelector, code, target);
    }

    private static void CallThroughGate(CpuState* cpu, uint selector, Descriptor gate, ulong next)
    {
        Descriptor code = ReadGateTarget(cpu, selector, gate, out ulong target);
        int bytes = CpuMode.IsLong(cpu) ? 8 : gate.Type == SystemSegmentType.CallGate ? 4 : 2;
        if (code.IsConforming || code.Dpl == cpu->System.Cpl)
        {
            CheckOffset(cpu, code, target);
            PushReturn(cpu, bytes, next);
            EnterCode(cpu, gate.GateSelector, code, target);
            return;
        }

        CheckOffset(cpu, code, target);
        if (bytes == 8)
        {
            CallInnerLong(cpu, code.Dpl, next);
        }
        else
        {
            CallInner(cpu, code.Dpl, bytes, (int)(gate.Raw >> 32) & 31, next);
        }

        cpu->System.Cpl = code.Dpl;
        EnterCode(cpu, gate.GateSelector, code, target);
    }

    private static Descriptor ReadGateTarget(CpuState* cpu, uint selector, Descriptor gate, out ulong target)
    {
        bool isLong = CpuMode.IsLong(cpu);
        target = gate.Type == SystemSegmentType.CallGate ? gate.GateOffset : gate.GateOffset & 0xffff;
        if (isLong)
        {
            DescriptorTables.ReadGateUpper(cpu, selector, ref target);
        }

        RaiseNull(gate.GateSelector);
        Descriptor code = DescriptorTables.Read(cpu, gate.GateSelector, ExceptionVector.GeneralProtection);
        RaiseIf(!code.IsCode || code.Dpl > cpu->System.Cpl || (isLong && (!code.IsLong || code.IsBig)), gate.GateSelector);
        CheckPresent(code, gate.GateSelector);
        DescriptorTables.MarkAccessed(cpu, gate.GateSelector, code);
        return code;
    }

    private static void CallInnerLong(CpuState* cpu, int cpl, ulong next)
    {
        ulong pointer = TaskSwitches.ReadInnerStack(cpu, cpl, 0, out _);
        StackCursor stack = StackCursor.Long(cpu, pointer, cpl < 3, 0);
        stack.Push(cpu->Selectors[(int)SegmentIndex.Ss], 8);
        stack.Push(cpu->Gpr[4], 8);
        stack.Push(cpu->Selectors[(int)SegmentIndex.Cs], 8);
        stack.Push(next, 8);
        Segments.SetNull(cpu, SegmentIndex.Ss, (uint)cpl);
        stack.Commit();
    }

    /// <summary>Copies the parameters a legacy gate asks for to the inner stack.</summary>
    private static void CallInner(CpuState* cpu, int cpl, int bytes, int parameters, ulong next)
    {
        ulong pointer = TaskSwitches.ReadInnerStack(cpu, cpl, 0, out uint selector);
        if ((selector & 0xfffc) == 0)
        {
            GuestAccess.Raise(ExceptionVector.InvalidTaskState);
        }

        Descriptor segment = Segments.ReadStack(cpu, selector, cpl, ExceptionVector.InvalidTaskState);
        StackCursor outer = StackCursor.Current(cpu);
        StackCursor inner = StackCursor.Other(cpu, segment, pointer, true, selector & 0xfffc);
        inner.Push(cpu->Selectors[(int)SegmentIndex.Ss], bytes);
        inner.Push(cpu->Gpr[4], bytes);
        for (int parameter = parameters - 1; parameter >= 0; parameter--)
        {
            inner.Push(outer.Peek(parameter * bytes, bytes), bytes);
        }

        inner.Push(cpu->Selectors[(int)SegmentIndex.Cs], bytes);
        inner.Push(next, bytes);
        DescriptorTables.MarkAccessed(cpu, selector, segment);
        Segments.Set(cpu, SegmentIndex.Ss, selector, segment);
        inner.Commit();
    }

    /// <summary>Loads CS at the current privilege level and continues there.</summary>
    private static void EnterCode(CpuState* cpu, uint selector, Descriptor code, ulong target)
    {
        Segments.Set(cpu, SegmentIndex.Cs, (selector & 0xfffc) | (uint)cpu->System.Cpl, code);
        cpu->Rip = target;
        CpuMode.Changed(cpu);
    }

    /// <summary>A target must be canonical in 64-bit code, else within the limit.</summary>
    private static void CheckOffset(CpuState* cpu, Descriptor code, ulong offset)
    {
        bool isLongCode = CpuMode.IsLong(cpu) && code.IsLong;
        if (isLongCode ? SystemSemantics.IsNonCanonical(offset) : offset > code.Limit)
        {
            GuestAccess.Raise(ExceptionVector.GeneralProtection);
        }
    }

    private static void CheckRealOffset(CpuState* cpu, ulong offset)
    {
        if (offset > cpu->System.Limits[(int)SegmentIndex.Cs])
        {
            GuestAccess.Raise(ExceptionVector.GeneralProtection);
        }
    }

    private static void CheckPresent(Descriptor descriptor, uint selector)
    {
        if (!descriptor.IsPresent)
        {
            GuestAccess.Raise(ExceptionVector.SegmentNotPresent, selector & 0xfffc);
        }
    }

    private static void RaiseNull(uint selector)
    {
        if ((selector & 0xfffc) == 0)
        {
            GuestAccess.Raise(ExceptionVector.GeneralProtection);
        }
    }

    private static void RaiseIf(bool condition, uint selector)
    {
        if (condition)
        {
            GuestAccess.Raise(ExceptionVector.GeneralProtection, selector & 0xfffc);
        }
    }
}
