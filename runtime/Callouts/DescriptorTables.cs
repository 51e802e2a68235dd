using Jitvmm.Runtime.Cpu;
using Jitvmm.Runtime.Execution;
using Jitvmm.Runtime.Memory;
using Jitvmm.Runtime.Semantics;

namespace Jitvmm.Runtime.Callouts;

/// <summary>
/// The descriptor-table registers, reading descriptors, and the instructions that look at them (SDM vol. 3A, 2.4 and 3.5): LGDT, LIDT, LLDT, LTR and
/// their storing counterparts, LAR, LSL, VERR, VERW, ARPL.
/// </summary>
public static unsafe class DescriptorTables
{
    private const int ZeroFlag = 1;

    /// <summary>LGDT; the operand has been read.</summary>
    [TouchesRegisters]
    public static void LoadGlobal(CpuState* cpu, uint limit, ulong address)
    {
        CheckTableLoad(cpu, address);
        cpu->System.GdtBase = address;
        cpu->System.GdtLimit = limit;
    }

    /// <summary>LIDT.</summary>
    [TouchesRegisters]
    public static void LoadInterrupt(CpuState* cpu, uint limit, ulong address)
    {
        CheckTableLoad(cpu, address);
        cpu->System.IdtBase = address;
        cpu->System.IdtLimit = limit;
    }

    /// <summary>Before SGDT, SIDT, SLDT, STR or SMSW: CR4.UMIP keeps them from user code.</summary>
    [TouchesRegisters]
    public static void CheckStore(CpuState* cpu)
    {
        if (cpu->System.Cpl != 0 && (cpu->System.Cr4 & Cr4.UserModeInstructionPrevention) != 0)
        {
            GuestAccess.Raise(ExceptionVector.GeneralProtection);
        }
    }

    /// <summary>Before LLDT or LTR reads its operand.</summary>
    [TouchesRegisters]
    public static void CheckLoad(CpuState* cpu)
    {
        CheckProtected(cpu);
        if (cpu->System.Cpl != 0)
        {
            GuestAccess.Raise(ExceptionVector.GeneralProtection);
        }
    }

    /// <summary>LLDT.</summary>
    [TouchesRegisters]
    public static void LoadLocal(CpuState* cpu, uint selector)
    {
        if ((selector & 0xfffc) == 0)
        {
            cpu->System.LdtSelector = (ushort)selector;
            cpu->System.Attributes[(int)SegmentIndex.Ldt] = 0;
            return;
        }

        Descriptor descriptor = ReadSystem(cpu, selector, ExceptionVector.GeneralProtection, out ulong address);
        if (!descriptor.IsSystem || descriptor.Type != SystemSegmentType.LocalTable)
        {
            GuestAccess.Raise(ExceptionVector.GeneralProtection, selector & 0xfffc);
        }

        CheckPresent(descriptor, selector);
        cpu->System.LdtSelector = (ushort)selector;
        cpu->System.LdtBase = address;
        cpu->System.Limits[(int)SegmentIndex.Ldt] = descriptor.Limit;
        cpu->System.Attributes[(int)SegmentIndex.Ldt] = descriptor.Attributes;
    }

    /// <summary>LTR: marks the task-state segment busy.</summary>
    [TouchesRegisters]
    public static void LoadTask(CpuState* cpu, uint selector)
    {
        if ((selector & 0xfffc) == 0)
        {
            GuestAccess.Raise(ExceptionVector.GeneralProtection);
        }

        Descriptor descriptor = ReadSystem(cpu, selector, ExceptionVector.GeneralProtection, out ulong address);
        bool isAvailable = descriptor.IsSystem && (descriptor.Type == SystemSegmentType.Task || (descriptor.Type == SystemSegmentType.Task16 && !CpuMode.IsLong(cpu)));
        if (!isAvailable)
        {
            GuestAccess.Raise(ExceptionVector.GeneralProtection, selector & 0xfffc);
        }

        CheckPresent(descriptor, selector);
        SystemMemory.Write8(cpu, cpu->System.GdtBase + (selector & 0xfff8) + 5, (byte)(descriptor.Attributes | 2), true);
        cpu->System.TaskSelector = (ushort)selector;
        cpu->System.TaskBase = address;
        cpu->System.Limits[(int)SegmentIndex.Task] = descriptor.Limit;
        cpu->System.Attributes[(int)SegmentIndex.Task] = (ushort)(descriptor.Attributes | 2);
    }

    /// <summary>SLDT and STR, which real mode does not know.</summary>
    [TouchesRegisters]
    public static uint StoreLocal(CpuState* cpu)
    {
        CheckProtected(cpu);
        CheckStore(cpu);
        return cpu->System.LdtSelector;
    }

    [TouchesRegisters]
    public static uint StoreTask(CpuState* cpu)
    {
        CheckProtected(cpu);
        CheckStore(cpu);
        return cpu->System.TaskSelector;
    }

    /// <summary>LAR: the access rights in the upper 32 bits and success (ZF) in bit 0.</summary>
    [TouchesRegisters]
    public static ulong AccessRights(CpuState* cpu, uint selector)
    {
        CheckProtected(cpu);
        if (!TryRead(cpu, selector, out Descriptor descriptor) || !IsVisible(cpu, descriptor, selector) || !IsKnownToLar(cpu, descriptor))
        {
            return 0;
        }

        return (descriptor.Raw & 0x00ffff00_00000000) | ZeroFlag;
    }

    /// <summary>LSL: the limit in the upper 32 bits and success (ZF) in bit 0.</summary>
    [TouchesRegisters]
    public static ulong SegmentLimit(CpuState* cpu, uint selector)
    {
        CheckProtected(cpu);
        if (!TryRead(cpu, selector, out Descriptor descriptor) || !IsVisible(cpu, descriptor, selector) || !IsKnownToLsl(cpu, descriptor))
        {
            return 0;
        }

        return ((ulong)descriptor.Limit << 32) | ZeroFlag;
    }

    /// <summary>VERR: 1 when the segment can be read at this privilege.</summary>
    [TouchesRegisters]
    public static uint CanRead(CpuState* cpu, uint selector)
    {
        CheckProtected(cpu);
        return TryRead(cpu, selector, out Descriptor descriptor) && IsVisible(cpu, descriptor, selector) && descriptor.IsReadable ? 1u : 0;
    }

    /// <summary>VERW.</summary>
    [TouchesRegisters]
    public static uint CanWrite(CpuState* cpu, uint selector)
    {
        CheckProtected(cpu);
        return TryRead(cpu, selector, out Descriptor descriptor) && IsVisible(cpu, descriptor, selector) && descriptor.IsWritable ? 1u : 0;
    }

    /// <summary>Raises #UD where protected-mode instructions do not exist.</summary>
    [TouchesRegisters]
    public static void CheckProtected(CpuState* cpu)
    {
        if (CpuMode.HasRealSegments(cpu))
        {
            GuestAccess.Raise(ExceptionVector.InvalidOpcode);
        }
    }

    /// <summary>The descriptor of a selector that is not null; false beyond the table's limit or without a local table.</summary>
    internal static bool TryRead(CpuState* cpu, uint selector, out Descriptor descriptor)
    {
        descriptor = default;
        if ((selector & 0xfffc) == 0 || !TryLocate(cpu, selector, 8, out ulong address))
        {
            return false;
        }

        descriptor = new Descriptor(SystemMemory.Read64(cpu, address, true));
        return true;
    }

    /// <summary>A descriptor that must be there: a fault with the selector otherwise.</summary>
    internal static Descriptor Read(CpuState* cpu, uint selector, ExceptionVector otherwise, uint external = 0)
    {
        if (!TryLocate(cpu, selector, 8, out ulong address))
        {
            GuestAccess.Raise(otherwise, (selector & 0xfffc) | external);
        }

        return new Descriptor(SystemMemory.Read64(cpu, address, true));
    }

    /// <summary>A system descriptor, 16 bytes in long mode, of the global table.</summary>
    internal static Descriptor ReadSystem(CpuState* cpu, uint selector, ExceptionVector otherwise, out ulong baseAddress)
    {
        bool isLong = CpuMode.IsLong(cpu);
        if ((selector & 4) != 0 || !TryLocate(cpu, selector, isLong ? 16u : 8u, out ulong address))
        {
            GuestAccess.Raise(otherwise, selector & 0xfffc);
            address = 0;
        }

        Descriptor descriptor = new(SystemMemory.Read64(cpu, address, true));
        baseAddress = descriptor.Base;
        if (isLong)
        {
            ulong upper = SystemMemory.Read64(cpu, address + 8, true);
            baseAddress |= upper << 32;
            if ((upper >> 32 & 0x1f00) != 0 || SystemSemantics.IsNonCanonical(baseAddress))
            {
                GuestAccess.Raise(ExceptionVector.GeneralProtection, selector & 0xfffc);
            }
        }

        return descriptor;
    }

    /// <summary>Adds the upper half of the offset in a 64-bit call gate, which takes two entries (SDM vol. 3A, 5.8.3.1).</summary>
    internal static void ReadGateUpper(CpuState* cpu, uint selector, ref ulong offset)
    {
        if (!TryLocate(cpu, selector, 16, out ulong address))
        {
            GuestAccess.Raise(ExceptionVector.GeneralProtection, selector & 0xfffc);
        }

        ulong upper = SystemMemory.Read64(cpu, address + 8, true);
        if ((upper >> 32 & 0x1f00) != 0)
        {
            GuestAccess.Raise(ExceptionVector.GeneralProtection, selector & 0xfffc);
        }

        offset = (uint)offset | (upper << 32);
    }

    /// <summary>Sets the accessed bit of a code or data descriptor that lacks it.</summary>
    internal static void MarkAccessed(CpuState* cpu, uint selector, Descriptor descriptor)
    {
        if ((descriptor.Attributes & SegmentAttributes.Accessed) == 0 && TryLocate(cpu, selector, 8, out ulong address))
        {
            SystemMemory.Write8(cpu, address + 5, (byte)(descriptor.Attributes | SegmentAttributes.Accessed), true);
        }
    }

    /// <summary>Sets or clears the busy bit of a task's descriptor in the global table.</summary>
    internal static void MarkBusy(CpuState* cpu, uint selector, bool busy)
    {
        ulong place = cpu->System.GdtBase + (selector & 0xfff8) + 5;
        byte access = SystemMemory.Read8(cpu, place, true);
        SystemMemory.Write8(cpu, place, (byte)(busy ? access | 2 : access & ~2), true);
    }

    /// <summary>Linear address of a descriptor; false beyond the table's limit.</summary>
    private static bool TryLocate(CpuState* cpu, uint selector, uint bytes, out ulong address)
    {
        bool isLocal = (selector & 4) != 0;
        uint limit = isLocal ? cpu->System.Limits[(int)SegmentIndex.Ldt] : cpu->System.GdtLimit;
        address = (isLocal ? cpu->System.LdtBase : cpu->System.GdtBase) + (selector & 0xfff8);
        bool exists = !isLocal || (cpu->System.Attributes[(int)SegmentIndex.Ldt] & SegmentAttributes.Present) != 0;
        return exists && (selector & 0xfff8) + bytes - 1 <= limit;
    }

    private static void CheckTableLoad(CpuState* cpu, ulong address)
    {
        if (cpu->System.Cpl != 0 || SystemSemantics.IsNonCanonical(address))
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

    private static bool IsVisible(CpuState* cpu, Descriptor descriptor, uint selector) =>
        descriptor.IsConforming || (descriptor.Dpl >= cpu->System.Cpl && descriptor.Dpl >= (int)(selector & 3));

    private static bool IsKnownToLar(CpuState* cpu, Descriptor descriptor)
    {
        bool isLong = CpuMode.IsLong(cpu);
        return !descriptor.IsSystem || descriptor.Type switch
        {
            SystemSegmentType.LocalTable or SystemSegmentType.Task or SystemSegmentType.BusyTask or SystemSegmentType.CallGate => true,
            SystemSegmentType.Task16 or SystemSegmentType.BusyTask16 or SystemSegmentType.CallGate16 or SystemSegmentType.TaskGate => !isLong,
            _ => false,
        };
    }

    private static bool IsKnownToLsl(CpuState* cpu, Descriptor descriptor) => !descriptor.IsSystem || descriptor.Type switch
    {
        SystemSegmentType.LocalTable or SystemSegmentType.Task or SystemSegmentType.BusyTask => true,
        SystemSegmentType.Task16 or SystemSegmentType.BusyTask16 => !CpuMode.IsLong(cpu),
        _ => false,
    };
}
