using Jitvmm.Runtime.CodeCache;
using Jitvmm.Runtime.Cpu;
using Jitvmm.Runtime.Execution;
using Jitvmm.Runtime.Memory;
using Jitvmm.Runtime.Semantics;

namespace Jitvmm.Runtime.Callouts;

/// <summary>Loading data and stack segment registers with the checks of every mode (SDM vol. 2B, MOV; vol. 3A, 5.6 and 5.7).</summary>
public static unsafe class Segments
{
    /// <summary>MOV and POP to a segment register other than CS, and LDS to LSS.</summary>
    /// <param name="cpu">The CPU.</param>
    /// <param name="register">Which, as the byte offset of its selector in the state.</param>
    /// <param name="selector">Its low 16 bits.</param>
    /// <param name="next">RIP behind the instruction.</param>
    [TouchesRegisters]
    public static void Load(CpuState* cpu, int register, uint selector, ulong next)
    {
        selector &= 0xffff;
        SegmentIndex segment = (SegmentIndex)((register - CpuState.SelectorsOffset) / sizeof(ushort));
        if (cpu->System.IsMachine == 0)
        {
            LoadInProcess(cpu, segment, selector);
        }
        else if (CpuMode.HasRealSegments(cpu))
        {
            LoadReal(cpu, segment, selector);
        }
        else if (segment == SegmentIndex.Ss)
        {
            LoadStack(cpu, selector);
        }
        else
        {
            LoadData(cpu, segment, selector, ExceptionVector.GeneralProtection);
        }

        if (cpu->System.IsMachine == 0)
        {
            return;
        }

        if (segment == SegmentIndex.Ss)
        {
            cpu->System.InterruptShadow = SystemState.StackShadow;
            cpu->System.ShadowedAddress = next;
        }

        if (segment <= SegmentIndex.Ds && (cpu->System.CodeMode & (int)CodeMode.Long) == 0)
        {
            // Another width of the stack, or checks from now on, or no longer.
            CpuMode.ChangedWithin(cpu);
        }
    }

    /// <summary>A selector as real and virtual-8086 mode use it. Limits and rights stay what they were: "unreal" mode is a program's right.</summary>
    internal static void LoadReal(CpuState* cpu, SegmentIndex segment, uint selector)
    {
        cpu->Selectors[(int)segment] = (ushort)selector;
        SystemState.BaseOf(cpu, segment) = selector << 4;
        if (CpuMode.IsVirtual8086(cpu))
        {
            cpu->System.Limits[(int)segment] = 0xffff;
            cpu->System.Attributes[(int)segment] = SegmentAttributes.Present | (3 << SegmentAttributes.DplShift) | SegmentAttributes.CodeOrData
                | SegmentAttributes.ReadableOrWritable | SegmentAttributes.Accessed;
        }

        if (segment == SegmentIndex.Cs)
        {
            CpuMode.Changed(cpu);
        }
    }

    internal static void SetNull(CpuState* cpu, SegmentIndex segment, uint selector)
    {
        cpu->Selectors[(int)segment] = (ushort)selector;
        SystemState.BaseOf(cpu, segment) = 0;
        cpu->System.Limits[(int)segment] = 0;
        cpu->System.Attributes[(int)segment] = 0;
    }

    internal static void Set(CpuState* cpu, SegmentIndex segment, uint selector, Descriptor descriptor)
    {
        cpu->Selectors[(int)segment] = (ushort)selector;
        SystemState.BaseOf(cpu, segment) = descriptor.Base;
        cpu->System.Limits[(int)segment] = descriptor.Limit;
        cpu->System.Attributes[(int)segment] = (ushort)(descriptor.Attributes | SegmentAttributes.Accessed);
    }

    /// <summary>The flat segment that SYSCALL and its kind load without reading a descriptor.</summary>
    internal static void SetFlat(CpuState* cpu, SegmentIndex segment, uint selector, int dpl, int attributes)
    {
        cpu->Selectors[(int)segment] = (ushort)selector;
        SystemState.BaseOf(cpu, segment) = 0;
        cpu->System.Limits[(int)segment] = uint.MaxValue;
        cpu->System.Attributes[(int)segment] = (ushort)(attributes | SegmentAttributes.Granularity | SegmentAttributes.Present | SegmentAttributes.CodeOrData
            | SegmentAttributes.ReadableOrWritable | SegmentAttributes.Accessed | (dpl << SegmentAttributes.DplShift));
    }

    /// <summary>Checks a stack segment for a privilege level and reads its descriptor (SDM vol. 3A, 5.7).</summary>
    /// <param name="cpu">The CPU.</param>
    /// <param name="selector">Not null.</param>
    /// <param name="cpl">The level its DPL and RPL must have.</param>
    /// <param name="fault">#GP, or #TS when the selector came from a task-state segment.</param>
    /// <param name="external">Bit 0 of error codes.</param>
    internal static Descriptor ReadStack(CpuState* cpu, uint selector, int cpl, ExceptionVector fault, uint external = 0)
    {
        uint error = (selector & 0xfffc) | external;
        Descriptor descriptor = DescriptorTables.Read(cpu, selector, fault, external);
        if ((int)(selector & 3) != cpl || descriptor.Dpl != cpl || !descriptor.IsWritable)
        {
            GuestAccess.Raise(fault, error);
        }

        if (!descriptor.IsPresent)
        {
            GuestAccess.Raise(ExceptionVector.StackFault, error);
        }

        return descriptor;
    }

    /// <summary>Takes away, on a return to an outer level, the data segments it may not use (SDM vol. 3A, 5.8.6).</summary>
    internal static void DropInner(CpuState* cpu)
    {
        DropInner(cpu, SegmentIndex.Es);
        DropInner(cpu, SegmentIndex.Ds);
        DropInner(cpu, SegmentIndex.Fs);
        DropInner(cpu, SegmentIndex.Gs);
    }

    /// <summary>Loads ES, DS, FS or GS in protected mode; <paramref name="fault"/> is #TS in a task switch.</summary>
    internal static void LoadData(CpuState* cpu, SegmentIndex segment, uint selector, ExceptionVector fault)
    {
        if ((selector & 0xfffc) == 0)
        {
            SetNull(cpu, segment, selector);
            return;
        }

        Descriptor descriptor = DescriptorTables.Read(cpu, selector, fault);
        bool isPrivate = descriptor.IsData || !descriptor.IsConforming;
        bool isInner = isPrivate && (descriptor.Dpl < (int)(selector & 3) || descriptor.Dpl < cpu->System.Cpl);
        if (!descriptor.IsReadable || isInner)
        {
            GuestAccess.Raise(fault, selector & 0xfffc);
        }

        if (!descriptor.IsPresent)
        {
            GuestAccess.Raise(ExceptionVector.SegmentNotPresent, selector & 0xfffc);
        }

        DescriptorTables.MarkAccessed(cpu, selector, descriptor);
        Set(cpu, segment, selector, descriptor);
    }

    private static void DropInner(CpuState* cpu, SegmentIndex segment)
    {
        int attributes = cpu->System.Attributes[(int)segment];
        if ((cpu->Selectors[(int)segment] & 0xfffc) == 0)
        {
            return;
        }

        const int ConformingCode = SegmentAttributes.Code | SegmentAttributes.ConformingOrExpandDown;
        bool isConforming = (attributes & ConformingCode) == ConformingCode;
        if (!isConforming && (attributes >> SegmentAttributes.DplShift & 3) < cpu->System.Cpl)
        {
            // The base stays: 64-bit code goes on using that of FS and GS with a null selector.
            cpu->Selectors[(int)segment] = 0;
            cpu->System.Attributes[(int)segment] = 0;
        }
    }

    /// <summary>Process guests know flat user segments only; the bases of FS and GS are the operating system's business.</summary>
    private static void LoadInProcess(CpuState* cpu, SegmentIndex segment, uint selector)
    {
        if (SystemSemantics.IsBadUserSelector(selector))
        {
            GuestAccess.Raise(ExceptionVector.GeneralProtection);
        }

        cpu->Selectors[(int)segment] = (ushort)selector;
    }

    private static void LoadStack(CpuState* cpu, uint selector)
    {
        int cpl = cpu->System.Cpl;
        if ((selector & 0xfffc) == 0)
        {
            if (!CpuMode.Is64Bit(cpu) || cpl == 3 || (int)(selector & 3) != cpl)
            {
                GuestAccess.Raise(ExceptionVector.GeneralProtection);
            }

            SetNull(cpu, SegmentIndex.Ss, selector);
            return;
        }

        Descriptor descriptor = ReadStack(cpu, selector, cpl, ExceptionVector.GeneralProtection);
        DescriptorTables.MarkAccessed(cpu, selector, descriptor);
        Set(cpu, SegmentIndex.Ss, selector, descriptor);
    }
}
