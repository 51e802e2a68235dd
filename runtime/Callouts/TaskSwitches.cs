using Jitvmm.Runtime.Cpu;
using Jitvmm.Runtime.Execution;
using Jitvmm.Runtime.Memory;

namespace Jitvmm.Runtime.Callouts;

/// <summary>Task-state segments: the stacks of inner privilege levels, and hardware task switches (SDM vol. 3A, chapter 7).</summary>
internal static unsafe class TaskSwitches
{
    /// <summary>Where things are in a task-state segment of one width.</summary>
    private readonly record struct Layout(int Bytes, uint Cr3, uint Rip, uint Flags, uint Registers, uint Selectors, int SelectorCount, uint Ldt, uint MinimumLimit);

    private static Layout Wide => new(4, 0x1c, 0x20, 0x24, 0x28, 0x48, 6, 0x60, 0x67);

    private static Layout Narrow => new(2, 0, 0x0e, 0x10, 0x12, 0x22, 4, 0x2a, 0x2b);

    /// <summary>Where a 32-bit task asks for a debug trap when it is switched to (SDM vol. 3A, 7.2.1).</summary>
    private const uint DebugTrap = 0x64;

    private enum Reason
    {
        Jump,
        Call,
        Interrupt,
        Return,
    }

    /// <summary>Stack pointer and, outside long mode, selector of a privilege level's stack.</summary>
    public static ulong ReadInnerStack(CpuState* cpu, int cpl, uint external, out uint selector)
    {
        ulong task = cpu->System.TaskBase;
        uint limit = cpu->System.Limits[(int)SegmentIndex.Task];
        uint error = (cpu->System.TaskSelector & 0xfffcu) | external;
        int type = cpu->System.Attributes[(int)SegmentIndex.Task] & SegmentAttributes.TypeMask;
        selector = 0;
        if (CpuMode.IsLong(cpu))
        {
            uint place = 4 + (8 * (uint)cpl);
            RaiseIf(place + 7 > limit, ExceptionVector.InvalidTaskState, error);
            return SystemMemory.Read64(cpu, task + place, true);
        }

        bool isWide = type is SystemSegmentType.Task or SystemSegmentType.BusyTask;
        uint offset = isWide ? 4 + (8 * (uint)cpl) : 2 + (4 * (uint)cpl);
        RaiseIf(offset + (isWide ? 5u : 3) > limit, ExceptionVector.InvalidTaskState, error);
        selector = SystemMemory.Read16(cpu, task + offset + (isWide ? 4u : 2), true);
        return isWide ? SystemMemory.Read32(cpu, task + offset, true) : SystemMemory.Read16(cpu, task + offset, true);
    }

    /// <summary>Far JMP or CALL to a task, named by itself or by a task gate.</summary>
    public static void Start(CpuState* cpu, uint selector, ulong next, bool isCall) =>
        Switch(cpu, selector, isCall ? Reason.Call : Reason.Jump, next, 0);

    /// <summary>An interrupt through a task gate; its error code goes to the new task's stack.</summary>
    public static void Interrupt(CpuState* cpu, uint selector, ulong returnRip, uint external, bool hasErrorCode, uint errorCode)
    {
        bool isWide = Switch(cpu, selector, Reason.Interrupt, returnRip, external);
        if (!hasErrorCode)
        {
            return;
        }

        try
        {
            StackCursor stack = StackCursor.Current(cpu, external);
            stack.Push(errorCode, isWide ? 4 : 2);
            stack.Commit();
        }
        catch (GuestFaultException fault)
        {
            InterruptDelivery.DeliverException(cpu, fault.Fault);
        }
    }

    /// <summary>IRET with NT set: back to the task that called this one.</summary>
    public static void Return(CpuState* cpu, ulong next)
    {
        uint link = SystemMemory.Read16(cpu, cpu->System.TaskBase, true);
        Switch(cpu, link, Reason.Return, next, 0);
    }

    private static bool Switch(CpuState* cpu, uint selector, Reason reason, ulong returnRip, uint external)
    {
        Breakpoints.NoteUnrepeatable(cpu);
        Descriptor next = ReadTask(cpu, selector, reason, external);
        bool isWide = (next.Type & 8) != 0;
        Layout layout = isWide ? Wide : Narrow;
        RaiseIf(next.Limit < layout.MinimumLimit, ExceptionVector.InvalidTaskState, (selector & 0xfffc) | external);
        ulong flags = cpu->ReadFlags();
        Save(cpu, reason == Reason.Return ? flags & ~SystemFlags.NestedTask : flags, returnRip);
        bool nests = reason is Reason.Call or Reason.Interrupt;
        if (nests)
        {
            SystemMemory.Write16(cpu, next.Base, cpu->System.TaskSelector, true);
        }
        else
        {
            DescriptorTables.MarkBusy(cpu, cpu->System.TaskSelector, false);
        }

        if (reason != Reason.Return)
        {
            DescriptorTables.MarkBusy(cpu, selector, true);
        }

        cpu->System.TaskSelector = (ushort)selector;
        cpu->System.TaskBase = next.Base;
        cpu->System.Limits[(int)SegmentIndex.Task] = next.Limit;
        cpu->System.Attributes[(int)SegmentIndex.Task] = (ushort)(next.Attributes | 2);
        cpu->System.Cr0 |= Cr0.TaskSwitched;
        try
        {
            Load(cpu, layout, nests);
        }
        catch (GuestFaultException fault)
        {
            // The switch is done: the fault is the new task's.
            CpuMode.Changed(cpu);
            InterruptDelivery.DeliverException(cpu, fault.Fault);
        }

        return isWide;
    }

    private static Descriptor ReadTask(CpuState* cpu, uint selector, Reason reason, uint external)
    {
        ExceptionVector otherwise = reason == Reason.Return ? ExceptionVector.InvalidTaskState : ExceptionVector.GeneralProtection;
        uint error = (selector & 0xfffc) | external;
        RaiseIf((selector & 4) != 0 || (selector & 0xfffc) == 0, otherwise, error);
        Descriptor task = DescriptorTables.Read(cpu, selector, otherwise, external);
        bool isRight = reason == Reason.Return
            ? task.Type is SystemSegmentType.BusyTask or SystemSegmentType.BusyTask16
            : task.Type is SystemSegmentType.Task or SystemSegmentType.Task16;
        RaiseIf(!task.IsSystem || !isRight, otherwise, error);
        RaiseIf(!task.IsPresent, ExceptionVector.SegmentNotPresent, error);
        return task;
    }

    private static void Save(CpuState* cpu, ulong flags, ulong rip)
    {
        bool isWide = (cpu->System.Attributes[(int)SegmentIndex.Task] & 8) != 0;
        Layout layout = isWide ? Wide : Narrow;
        ulong task = cpu->System.TaskBase;
        uint end = layout.Selectors + (uint)(layout.SelectorCount * layout.Bytes);
        SystemMemory.CheckWrite(cpu, task + layout.Rip, (int)(end - layout.Rip), true);
        PagedMemory.Write(cpu, task + layout.Rip, layout.Bytes, rip, true);
        PagedMemory.Write(cpu, task + layout.Flags, layout.Bytes, flags, true);
        for (int register = 0; register < 8; register++)
        {
            PagedMemory.Write(cpu, task + layout.Registers + (uint)(register * layout.Bytes), layout.Bytes, cpu->Gpr[register], true);
        }

        for (int segment = 0; segment < layout.SelectorCount; segment++)
        {
            SystemMemory.Write16(cpu, task + layout.Selectors + (uint)(segment * layout.Bytes), cpu->Selectors[segment], true);
        }
    }

    private static void Load(CpuState* cpu, in Layout layout, bool nests)
    {
        ulong task = cpu->System.TaskBase;
        bool isWide = layout.Bytes == 4;
        if (isWide && (cpu->System.Cr0 & Cr0.Paging) != 0)
        {
            ControlRegisters.WriteCr3(cpu, SystemMemory.Read32(cpu, task + layout.Cr3, true));
        }

        ulong flags = PagedMemory.Read(cpu, task + layout.Flags, layout.Bytes, true);
        cpu->Rip = PagedMemory.Read(cpu, task + layout.Rip, layout.Bytes, true);
        for (int register = 0; register < 8; register++)
        {
            // A 16-bit task leaves ones in the upper halves, as the 386 did.
            ulong upper = isWide ? 0 : 0xffff0000ul;
            cpu->Gpr[register] = upper | PagedMemory.Read(cpu, task + layout.Registers + (uint)(register * layout.Bytes), layout.Bytes, true);
        }

        cpu->WriteFlags((flags & 0x3f7fd7) | (nests ? SystemFlags.NestedTask : 0));
        uint* selectors = stackalloc uint[6];
        for (int segment = 0; segment < layout.SelectorCount; segment++)
        {
            selectors[segment] = SystemMemory.Read16(cpu, task + layout.Selectors + (uint)(segment * layout.Bytes), true);
        }

        uint local = SystemMemory.Read16(cpu, task + layout.Ldt, true);
        if (isWide && (SystemMemory.Read16(cpu, task + DebugTrap, true) & 1) != 0)
        {
            cpu->System.DebugHits |= Breakpoints.TaskTrap;
            cpu->ExitRequest = 1;
        }

        LoadSegments(cpu, selectors, local);
    }

    /// <summary>All selectors are in place before the first is checked, so that a fault shows the new task's.</summary>
    private static void LoadSegments(CpuState* cpu, uint* selectors, uint local)
    {
        for (int segment = 0; segment < 6; segment++)
        {
            Segments.SetNull(cpu, (SegmentIndex)segment, selectors[segment]);
        }

        cpu->System.Attributes[(int)SegmentIndex.Ldt] = 0;
        cpu->System.LdtSelector = (ushort)local;
        if (CpuMode.IsVirtual8086(cpu))
        {
            cpu->System.Cpl = 3;
            for (int segment = 0; segment < 6; segment++)
            {
                Segments.LoadReal(cpu, (SegmentIndex)segment, selectors[segment]);
            }

            LoadLocalTable(cpu, local);
            CpuMode.Changed(cpu);
            return;
        }

        cpu->System.Cpl = (int)(selectors[(int)SegmentIndex.Cs] & 3);
        LoadLocalTable(cpu, local);
        LoadCode(cpu, selectors[(int)SegmentIndex.Cs]);
        uint stack = selectors[(int)SegmentIndex.Ss];
        RaiseIf((stack & 0xfffc) == 0, ExceptionVector.InvalidTaskState, 0);
        Descriptor segmentOfStack = Segments.ReadStack(cpu, stack, cpu->System.Cpl, ExceptionVector.InvalidTaskState);
        DescriptorTables.MarkAccessed(cpu, stack, segmentOfStack);
        Segments.Set(cpu, SegmentIndex.Ss, stack, segmentOfStack);
        Segments.LoadData(cpu, SegmentIndex.Es, selectors[(int)SegmentIndex.Es], ExceptionVector.InvalidTaskState);
        Segments.LoadData(cpu, SegmentIndex.Ds, selectors[(int)SegmentIndex.Ds], ExceptionVector.InvalidTaskState);
        Segments.LoadData(cpu, SegmentIndex.Fs, selectors[(int)SegmentIndex.Fs], ExceptionVector.InvalidTaskState);
        Segments.LoadData(cpu, SegmentIndex.Gs, selectors[(int)SegmentIndex.Gs], ExceptionVector.InvalidTaskState);
        CpuMode.Changed(cpu);
    }

    private static void LoadLocalTable(CpuState* cpu, uint selector)
    {
        if ((selector & 0xfffc) == 0)
        {
            return;
        }

        Descriptor descriptor = DescriptorTables.ReadSystem(cpu, selector, ExceptionVector.InvalidTaskState, out ulong address);
        bool isTable = descriptor.IsSystem && descriptor.Type == SystemSegmentType.LocalTable && descriptor.IsPresent;
        RaiseIf(!isTable, ExceptionVector.InvalidTaskState, selector & 0xfffc);
        cpu->System.LdtBase = address;
        cpu->System.Limits[(int)SegmentIndex.Ldt] = descriptor.Limit;
        cpu->System.Attributes[(int)SegmentIndex.Ldt] = descriptor.Attributes;
    }

    private static void LoadCode(CpuState* cpu, uint selector)
    {
        uint error = selector & 0xfffc;
        RaiseIf(error == 0, ExceptionVector.InvalidTaskState, 0);
        Descriptor code = DescriptorTables.Read(cpu, selector, ExceptionVector.InvalidTaskState);
        int requested = (int)(selector & 3);
        bool isAllowed = code.IsCode && (code.IsConforming ? code.Dpl <= requested : code.Dpl == requested);
        RaiseIf(!isAllowed, ExceptionVector.InvalidTaskState, error);
        RaiseIf(!code.IsPresent, ExceptionVector.SegmentNotPresent, error);
        DescriptorTables.MarkAccessed(cpu, selector, code);
        Segments.Set(cpu, SegmentIndex.Cs, selector, code);
    }

    private static void RaiseIf(bool condition, ExceptionVector vector, uint error)
    {
        if (condition)
        {
            GuestAccess.Raise(vector, error);
        }
    }
}
