using Jitvmm.Runtime.Cpu;
using Jitvmm.Runtime.Execution;
using Jitvmm.Runtime.Memory;
using Jitvmm.Runtime.Semantics;

namespace Jitvmm.Runtime.Callouts;

/// <summary>Far RET and IRET (SDM vol. 2A, IRET; vol. 2B, RET).</summary>
public static unsafe partial class FarTransfers
{
    /// <summary>What IRET may always change.</summary>
    private const ulong PlainFlags = SystemFlags.Status | SystemFlags.Trap | SystemFlags.Direction | SystemFlags.NestedTask | SystemFlags.Resume
        | SystemFlags.AlignmentCheck | SystemFlags.Identification;

    private const ulong PrivilegedFlags = SystemFlags.PrivilegeLevel | SystemFlags.VirtualInterrupt | SystemFlags.VirtualInterruptPending;

    /// <summary>Far RET, which releases <paramref name="released"/> bytes of parameters.</summary>
    [TouchesRegisters]
    public static int Return(CpuState* cpu, int bytes, uint released)
    {
        StackCursor stack = StackCursor.Current(cpu);
        ulong target = stack.Pop(bytes);
        uint selector = (uint)stack.Pop(bytes) & 0xffff;
        if (CpuMode.HasRealSegments(cpu))
        {
            CheckRealOffset(cpu, target);
            stack.Skip(released);
            stack.Commit();
            Segments.LoadReal(cpu, SegmentIndex.Cs, selector);
            cpu->Rip = target;
            return (int)BlockExit.Lookup;
        }

        Descriptor code = ReadReturn(cpu, selector);
        CheckOffset(cpu, code, target);
        stack.Skip(released);
        if ((int)(selector & 3) > cpu->System.Cpl)
        {
            ReturnOuter(cpu, ref stack, bytes, released, selector, code);
        }
        else
        {
            stack.Commit();
        }

        EnterCode(cpu, selector, code, target);
        return (int)BlockExit.Lookup;
    }

    /// <summary>IRET with an operand size of 2, 4 or 8 bytes.</summary>
    /// <param name="cpu">The CPU.</param>
    /// <param name="bytes">The operand size.</param>
    /// <param name="next">The instruction after this one: where a task that returned goes on when it is called again.</param>
    [TouchesRegisters]
    public static int ReturnFromInterrupt(CpuState* cpu, int bytes, ulong next)
    {
        if (cpu->System.IsMachine == 0)
        {
            // Its return to the same level is not provided; no program for an operating system relies on it.
            GuestAccess.Raise(ExceptionVector.GeneralProtection);
        }

        if (CpuMode.HasRealSegments(cpu))
        {
            ReturnReal(cpu, bytes);
        }
        else if ((cpu->FlagsSystem & SystemFlags.NestedTask) != 0)
        {
            RaiseIf(CpuMode.IsLong(cpu), 0);
            TaskSwitches.Return(cpu, next);
        }
        else
        {
            ReturnProtected(cpu, bytes);
        }

        if (cpu->System.NmiBlocked != 0)
        {
            // One that came meanwhile is taken now.
            cpu->System.NmiBlocked = 0;
            cpu->ExitRequest = 1;
        }

        InterruptFlag.Settled(cpu);
        return (int)BlockExit.Lookup;
    }

    private static void ReturnReal(CpuState* cpu, int bytes)
    {
        bool isVirtual = CpuMode.IsVirtual8086(cpu);
        RaiseIf(isVirtual && CpuMode.IoPrivilegeLevel(cpu) < 3, 0);
        StackCursor stack = StackCursor.Current(cpu);
        ulong target = stack.Pop(bytes);
        uint selector = (uint)stack.Pop(bytes) & 0xffff;
        ulong image = stack.Pop(bytes);
        CheckRealOffset(cpu, target);
        stack.Commit();
        Segments.LoadReal(cpu, SegmentIndex.Cs, selector);
        cpu->Rip = target;
        LoadFlags(cpu, image, PlainFlags | SystemFlags.Interrupt | (isVirtual ? 0 : SystemFlags.PrivilegeLevel), bytes);
    }

    private static void ReturnProtected(CpuState* cpu, int bytes)
    {
        int old = cpu->System.Cpl;
        StackCursor stack = StackCursor.Current(cpu);
        ulong target = stack.Pop(bytes);
        uint selector = (uint)stack.Pop(bytes) & 0xffff;
        ulong image = stack.Pop(bytes);
        bool isLong = CpuMode.IsLong(cpu);
        if (!isLong && bytes == 4 && old == 0 && (image & SystemFlags.Virtual8086) != 0)
        {
            EnterVirtual8086(cpu, ref stack, target, selector, image);
            return;
        }

        Descriptor code = ReadReturn(cpu, selector);
        CheckOffset(cpu, code, target);
        bool isOuter = (int)(selector & 3) > old;
        ulong changeable = PlainFlags | (old == 0 ? PrivilegedFlags : 0) | (old <= CpuMode.IoPrivilegeLevel(cpu) ? SystemFlags.Interrupt : 0);
        if (isOuter || CpuMode.Is64Bit(cpu))
        {
            ReturnOuter(cpu, ref stack, bytes, 0, selector, code);
        }
        else
        {
            stack.Commit();
        }

        LoadFlags(cpu, image, changeable, bytes);
        EnterCode(cpu, selector, code, target);
    }

    /// <summary>Pops SS:RSP for the level that <paramref name="selector"/>, the new CS, asks for, and makes it current.</summary>
    private static void ReturnOuter(CpuState* cpu, ref StackCursor stack, int bytes, uint released, uint selector, Descriptor code)
    {
        int cpl = (int)(selector & 3);
        ulong pointer = stack.Pop(bytes);
        uint stackSelector = (uint)stack.Pop(bytes) & 0xffff;
        bool toLong = CpuMode.IsLong(cpu) && code.IsLong;
        if ((stackSelector & 0xfffc) == 0)
        {
            RaiseIf(!toLong || cpl == 3 || (int)(stackSelector & 3) != cpl, 0);
            Segments.SetNull(cpu, SegmentIndex.Ss, stackSelector);
        }
        else
        {
            Descriptor segment = Segments.ReadStack(cpu, stackSelector, cpl, ExceptionVector.GeneralProtection);
            DescriptorTables.MarkAccessed(cpu, stackSelector, segment);
            Segments.Set(cpu, SegmentIndex.Ss, stackSelector, segment);
        }

        ulong mask = toLong ? ulong.MaxValue
            : (cpu->System.Attributes[(int)SegmentIndex.Ss] & SegmentAttributes.Big) != 0 ? uint.MaxValue : ushort.MaxValue;
        StackCursor.SetPointer(cpu, pointer + released, mask);
        if (cpl != cpu->System.Cpl)
        {
            cpu->System.Cpl = cpl;
            Segments.DropInner(cpu);
        }
    }

    /// <summary>The code segment returned to: no inner one, with the privilege its selector asks for.</summary>
    private static Descriptor ReadReturn(CpuState* cpu, uint selector)
    {
        RaiseNull(selector);
        Descriptor code = DescriptorTables.Read(cpu, selector, ExceptionVector.GeneralProtection);
        int requested = (int)(selector & 3);
        bool isAllowed = code.IsCode && requested >= cpu->System.Cpl && (code.IsConforming ? code.Dpl <= requested : code.Dpl == requested);
        RaiseIf(!isAllowed || (CpuMode.IsLong(cpu) && code.IsLong && code.IsBig), selector);
        CheckPresent(code, selector);
        DescriptorTables.MarkAccessed(cpu, selector, code);
        return code;
    }

    private static void EnterVirtual8086(CpuState* cpu, ref StackCursor stack, ulong target, uint selector, ulong image)
    {
        ulong pointer = stack.Pop(4);
        uint stackSelector = (uint)stack.Pop(4);
        uint es = (uint)stack.Pop(4);
        uint ds = (uint)stack.Pop(4);
        uint fs = (uint)stack.Pop(4);
        uint gs = (uint)stack.Pop(4);
        cpu->WriteFlags(image & 0x3f7fd7);
        Segments.LoadReal(cpu, SegmentIndex.Cs, selector & 0xffff);
        Segments.LoadReal(cpu, SegmentIndex.Ss, stackSelector & 0xffff);
        Segments.LoadReal(cpu, SegmentIndex.Es, es & 0xffff);
        Segments.LoadReal(cpu, SegmentIndex.Ds, ds & 0xffff);
        Segments.LoadReal(cpu, SegmentIndex.Fs, fs & 0xffff);
        Segments.LoadReal(cpu, SegmentIndex.Gs, gs & 0xffff);
        cpu->Gpr[4] = (uint)pointer;
        cpu->Rip = target & 0xffff;
        cpu->System.Cpl = 3;
        CpuMode.Changed(cpu);
    }

    /// <summary>RF matters to instruction breakpoints alone; without any it would only have to be cleared again.</summary>
    private static void LoadFlags(CpuState* cpu, ulong image, ulong changeable, int bytes)
    {
        ulong mask = changeable & (bytes == 2 ? 0xffff : ulong.MaxValue);
        bool hasBreakpoints = (cpu->System.Debug[7] & 0xff) != 0;
        ulong flags = (cpu->ReadFlags() & ~mask) | (image & mask);
        cpu->WriteFlags(hasBreakpoints ? flags : flags & ~SystemFlags.Resume);
    }
}
