using Jitvmm.Runtime.Cpu;
using Jitvmm.Runtime.Execution;
using Jitvmm.Runtime.Memory;

namespace Jitvmm.Runtime.Callouts;

/// <summary>Delivery in real mode and protected mode (SDM vol. 3A, 6.12 and 20.1.4).</summary>
public static unsafe partial class InterruptDelivery
{
    private const int GateBytes = 8;

    private static void DeliverReal(CpuState* cpu, in Event what)
    {
        uint place = (uint)what.Vector * 4;
        RaiseIf(place + 3 > cpu->System.IdtLimit, what.GateError);
        uint entry = SystemMemory.Read32(cpu, cpu->System.IdtBase + place, true);
        StackCursor stack = StackCursor.Current(cpu);
        stack.Push(cpu->ReadFlags(), 2);
        stack.Push(cpu->Selectors[(int)SegmentIndex.Cs], 2);
        stack.Push(what.ReturnRip, 2);
        stack.Commit();
        Segments.LoadReal(cpu, SegmentIndex.Cs, entry >> 16);
        cpu->FlagsSystem &= ~(SystemFlags.Interrupt | SystemFlags.Trap | SystemFlags.AlignmentCheck | SystemFlags.Resume);
        cpu->Rip = entry & 0xffff;
    }

    private static void DeliverProtected(CpuState* cpu, in Event what)
    {
        uint place = (uint)what.Vector * GateBytes;
        RaiseIf(place + GateBytes - 1 > cpu->System.IdtLimit, what.GateError);
        Descriptor gate = new(SystemMemory.Read64(cpu, cpu->System.IdtBase + place, true));
        CheckGate(what, gate, gate.Type is SystemSegmentType.InterruptGate or SystemSegmentType.TrapGate or SystemSegmentType.InterruptGate16
            or SystemSegmentType.TrapGate16 or SystemSegmentType.TaskGate, cpu->System.Cpl);
        if (gate.Type == SystemSegmentType.TaskGate)
        {
            TaskSwitches.Interrupt(cpu, gate.GateSelector, what.ReturnRip, what.External, what.HasErrorCode, what.ErrorCode);
            return;
        }

        bool isWide = gate.Type >= SystemSegmentType.InterruptGate;
        uint target = isWide ? gate.GateOffset : gate.GateOffset & 0xffff;
        Descriptor code = ReadHandler(cpu, gate.GateSelector, cpu->System.Cpl, what.External);
        bool isInner = !code.IsConforming && code.Dpl < cpu->System.Cpl;
        bool wasVirtual = CpuMode.IsVirtual8086(cpu);
        RaiseIf(wasVirtual && (code.IsConforming || code.Dpl != 0), (gate.GateSelector & 0xfffcu) | what.External);
        RaiseIf(target > code.Limit, what.External);
        int cpl = isInner ? code.Dpl : cpu->System.Cpl;
        if (isInner)
        {
            PushInnerFrame(cpu, what, cpl, isWide ? 4 : 2, wasVirtual);
        }
        else
        {
            StackCursor stack = StackCursor.Current(cpu, what.External);
            PushReturn(cpu, what, ref stack, isWide ? 4 : 2);
            stack.Commit();
        }

        Segments.Set(cpu, SegmentIndex.Cs, (gate.GateSelector & 0xfffcu) | (uint)cpl, code);
        EnterHandler(cpu, target, gate.Type is SystemSegmentType.InterruptGate or SystemSegmentType.InterruptGate16);
        cpu->System.Cpl = cpl;
        CpuMode.Changed(cpu);
    }

    /// <summary>Switches to the inner level's stack and leaves the outer one's registers on it.</summary>
    private static void PushInnerFrame(CpuState* cpu, in Event what, int cpl, int bytes, bool wasVirtual)
    {
        ulong pointer = TaskSwitches.ReadInnerStack(cpu, cpl, what.External, out uint selector);
        RaiseNullStack(selector, what.External);
        Descriptor segment = Segments.ReadStack(cpu, selector, cpl, ExceptionVector.InvalidTaskState, what.External);
        StackCursor stack = StackCursor.Other(cpu, segment, pointer, true, (selector & 0xfffc) | what.External);
        if (wasVirtual)
        {
            stack.Push(cpu->Selectors[(int)SegmentIndex.Gs], bytes);
            stack.Push(cpu->Selectors[(int)SegmentIndex.Fs], bytes);
            stack.Push(cpu->Selectors[(int)SegmentIndex.Ds], bytes);
            stack.Push(cpu->Selectors[(int)SegmentIndex.Es], bytes);
        }

        stack.Push(cpu->Selectors[(int)SegmentIndex.Ss], bytes);
        stack.Push(cpu->Gpr[4], bytes);
        PushReturn(cpu, what, ref stack, bytes);
        if (wasVirtual)
        {
            Segments.SetNull(cpu, SegmentIndex.Gs, 0);
            Segments.SetNull(cpu, SegmentIndex.Fs, 0);
            Segments.SetNull(cpu, SegmentIndex.Ds, 0);
            Segments.SetNull(cpu, SegmentIndex.Es, 0);
        }

        DescriptorTables.MarkAccessed(cpu, selector, segment);
        Segments.Set(cpu, SegmentIndex.Ss, selector, segment);
        stack.Commit();
    }

    private static void PushReturn(CpuState* cpu, in Event what, ref StackCursor stack, int bytes)
    {
        stack.Push(cpu->ReadFlags() | (what.IsFault ? SystemFlags.Resume : 0), bytes);
        stack.Push(cpu->Selectors[(int)SegmentIndex.Cs], bytes);
        stack.Push(what.ReturnRip, bytes);
        if (what.HasErrorCode)
        {
            stack.Push(what.ErrorCode, bytes);
        }
    }

    private static void RaiseNullStack(uint selector, uint external)
    {
        if ((selector & 0xfffc) == 0)
        {
            GuestAccess.Raise(ExceptionVector.InvalidTaskState, external);
        }
    }
}
