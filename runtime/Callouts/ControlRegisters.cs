using Jitvmm.Runtime.Cpu;
using Jitvmm.Runtime.Execution;
using Jitvmm.Runtime.Memory;
using Jitvmm.Runtime.Semantics;

namespace Jitvmm.Runtime.Callouts;

/// <summary>MOV to and from control registers, CLTS, LMSW, SMSW (SDM vol. 2B, MOV; vol. 3A, 2.5 and 4.1.2).</summary>
public static unsafe class ControlRegisters
{
    private const ulong Cr0Mask = 0xe005003f;
    private const ulong Cr0Paging = Cr0.Paging | Cr0.WriteProtect | Cr0.ProtectionEnable;
    private const ulong KeepEntries = 1ul << 63;
    private const ulong ContextMask = 0xfff;

    /// <summary>Bits whose change makes cached translations wrong (SDM vol. 3A, 4.10.4.1).</summary>
    private const ulong Cr4Paging = Cr4.PageSizeExtensions | Cr4.PhysicalAddressExtension | Cr4.PageGlobal | Cr4.ProcessContext
        | Cr4.SupervisorExecutionPrevention | Cr4.SupervisorAccessPrevention;

    [TouchesRegisters]
    public static ulong Read(CpuState* cpu, int register)
    {
        CheckAccess(cpu, register);
        return register switch
        {
            0 => cpu->System.Cr0,
            2 => cpu->System.Cr2,
            3 => cpu->System.Cr3,
            4 => cpu->System.Cr4,
            _ => MachineCpu.Of(cpu).Platform.TaskPriority & 15,
        };
    }

    /// <summary>Ends the block: the next instruction may be translated otherwise.</summary>
    [TouchesRegisters]
    public static int Write(CpuState* cpu, int register, ulong value, ulong next)
    {
        CheckAccess(cpu, register);
        switch (register)
        {
            case 0:
                WriteCr0(cpu, value);
                break;
            case 2:
                cpu->System.Cr2 = value;
                break;
            case 3:
                WriteCr3(cpu, value);
                break;
            case 4:
                WriteCr4(cpu, value);
                break;
            default:
                RaiseIf(value > 15);
                MachineCpu.Of(cpu).Platform.TaskPriority = value;
                break;
        }

        cpu->Rip = next;
        return (int)BlockExit.Lookup;
    }

    /// <summary>CLTS.</summary>
    [TouchesRegisters]
    public static int ClearTaskSwitched(CpuState* cpu, ulong next)
    {
        RaiseIf(cpu->System.Cpl != 0);
        cpu->System.Cr0 &= ~Cr0.TaskSwitched;
        CpuMode.Changed(cpu);
        cpu->Rip = next;
        return (int)BlockExit.Lookup;
    }

    /// <summary>LMSW: the low four bits of CR0; PE can be set but not cleared.</summary>
    [TouchesRegisters]
    public static int LoadStatusWord(CpuState* cpu, uint value, ulong next)
    {
        RaiseIf(cpu->System.Cpl != 0);
        ulong cr0 = cpu->System.Cr0;
        WriteCr0(cpu, (cr0 & ~0xeul) | (value & 15));
        cpu->Rip = next;
        return (int)BlockExit.Lookup;
    }

    /// <summary>SMSW.</summary>
    [TouchesRegisters]
    public static ulong StoreStatusWord(CpuState* cpu)
    {
        DescriptorTables.CheckStore(cpu);
        return cpu->System.Cr0;
    }

    private static void CheckAccess(CpuState* cpu, int register)
    {
        if (register is not (0 or 2 or 3 or 4 or 8))
        {
            GuestAccess.Raise(ExceptionVector.InvalidOpcode);
        }

        RaiseIf(cpu->System.Cpl != 0);
    }

    private static void WriteCr0(CpuState* cpu, ulong value)
    {
        ulong old = cpu->System.Cr0;
        bool isPaged = (value & Cr0.Paging) != 0;
        RaiseIf(value >> 32 != 0);
        RaiseIf(isPaged && (value & Cr0.ProtectionEnable) == 0);
        RaiseIf((value & (Cr0.NotWriteThrough | Cr0.CacheDisable)) == Cr0.NotWriteThrough);
        value = (value & Cr0Mask) | Cr0.ExtensionType;
        ulong efer = cpu->System.Efer;
        if (((old ^ value) & Cr0.Paging) != 0)
        {
            efer = isPaged ? EnterPaging(cpu, efer) : LeavePaging(cpu, efer);
        }

        // Paging with PAE outside long mode begins with a load of the pointers (SDM vol. 3A, 4.4.1).
        const ulong PointerBits = Cr0.Paging | Cr0.CacheDisable | Cr0.NotWriteThrough;
        bool loadsPointers = ((old ^ value) & PointerBits) != 0 && (efer & Efer.LongModeActive) == 0 && HasPaePaging(value, cpu->System.Cr4);
        RaiseIf(loadsPointers && !PageTableWalker.TryLoadPointers(cpu, cpu->System.Cr3));
        cpu->System.Cr0 = value;
        cpu->System.Efer = efer;
        if (((old ^ value) & Cr0Paging) != 0)
        {
            SoftTlb.FlushAll(cpu);
        }

        CpuMode.Changed(cpu);
    }

    /// <summary>Setting PG with EFER.LME activates long mode (SDM vol. 3A, 9.8.5).</summary>
    private static ulong EnterPaging(CpuState* cpu, ulong efer)
    {
        if ((efer & Efer.LongModeEnable) == 0)
        {
            return efer;
        }

        RaiseIf((cpu->System.Cr4 & Cr4.PhysicalAddressExtension) == 0);
        RaiseIf((cpu->System.Attributes[(int)SegmentIndex.Cs] & SegmentAttributes.Long) != 0);
        int task = cpu->System.Attributes[(int)SegmentIndex.Task] & SegmentAttributes.TypeMask;
        RaiseIf(task is SystemSegmentType.Task16 or SystemSegmentType.BusyTask16);
        return efer | Efer.LongModeActive;
    }

    private static ulong LeavePaging(CpuState* cpu, ulong efer)
    {
        RaiseIf(CpuMode.Is64Bit(cpu));
        RaiseIf((cpu->System.Cr4 & Cr4.ProcessContext) != 0);
        return efer & ~Efer.LongModeActive;
    }

    /// <summary>MOV to CR3, and what a task switch does with the one it brings (SDM vol. 3A, 7.3).</summary>
    internal static void WriteCr3(CpuState* cpu, ulong value)
    {
        bool hasContexts = (cpu->System.Cr4 & Cr4.ProcessContext) != 0;
        if (CpuMode.IsLong(cpu))
        {
            ulong address = hasContexts ? value & ~KeepEntries : value;
            RaiseIf(address >> PhysicalMemory.AddressBits != 0);
        }
        else if (HasPaePaging(cpu->System.Cr0, cpu->System.Cr4))
        {
            RaiseIf(!PageTableWalker.TryLoadPointers(cpu, value));
        }

        cpu->System.Cr3 = value & ~KeepEntries;

        if (hasContexts)
        {
            SoftTlb.SwitchContext(cpu, (int)(value & ContextMask), (value & KeepEntries) != 0);
        }
        else
        {
            SoftTlb.FlushNonGlobal(cpu);
        }
    }

    /// <summary>The process-context identifier in use; 0 without CR4.PCIDE (SDM vol. 3A, 4.10.1).</summary>
    internal static int CurrentContext(CpuState* cpu) => (cpu->System.Cr4 & Cr4.ProcessContext) != 0 ? (int)(cpu->System.Cr3 & ContextMask) : 0;

    private static void WriteCr4(CpuState* cpu, ulong value)
    {
        ulong old = cpu->System.Cr4;
        RaiseIf((value & ~(Supported(cpu) | old)) != 0);
        RaiseIf(CpuMode.IsLong(cpu) && (value & Cr4.PhysicalAddressExtension) == 0);
        if ((value & ~old & Cr4.ProcessContext) != 0)
        {
            RaiseIf(!CpuMode.IsLong(cpu) || (cpu->System.Cr3 & ContextMask) != 0);
        }

        // As does a change of what these bits say about the tables (SDM vol. 3A, 4.4.1).
        const ulong PointerBits = Cr4.PageSizeExtensions | Cr4.PhysicalAddressExtension | Cr4.PageGlobal | Cr4.SupervisorExecutionPrevention;
        bool loadsPointers = ((old ^ value) & PointerBits) != 0 && !CpuMode.IsLong(cpu) && HasPaePaging(cpu->System.Cr0, value);
        RaiseIf(loadsPointers && !PageTableWalker.TryLoadPointers(cpu, cpu->System.Cr3));
        cpu->System.Cr4 = value;
        if (((old ^ value) & Cr4Paging) != 0)
        {
            SoftTlb.FlushAll(cpu);
            SoftTlb.NameContext(cpu, CurrentContext(cpu));
        }

        if (((old ^ value) & Cr4.DebuggingExtensions) != 0)
        {
            Breakpoints.Changed(cpu);
        }

        CpuMode.Changed(cpu);
    }

    private static bool HasPaePaging(ulong cr0, ulong cr4) => (cr0 & Cr0.Paging) != 0 && (cr4 & Cr4.PhysicalAddressExtension) != 0;

    /// <summary>The bits whose features CPUID shows.</summary>
    private static ulong Supported(CpuState* cpu)
    {
        ICpuPlatform platform = MachineCpu.Of(cpu).Platform;
        CpuidLeaf basic = platform.QueryCpuid(1, 0);
        CpuidLeaf structured = platform.QueryCpuid(7, 0);
        return Cr4.PerformanceCounters
            | When(basic.Edx, 1, Cr4.VirtualExtensions | Cr4.ProtectedVirtualInterrupts)
            | When(basic.Edx, 2, Cr4.DebuggingExtensions)
            | When(basic.Edx, 3, Cr4.PageSizeExtensions)
            | When(basic.Edx, 4, Cr4.TimeStampDisable)
            | When(basic.Edx, 6, Cr4.PhysicalAddressExtension)
            | When(basic.Edx, 7, Cr4.MachineCheck)
            | When(basic.Edx, 13, Cr4.PageGlobal)
            | When(basic.Edx, 24, Cr4.Fxsave)
            | When(basic.Edx, 25, Cr4.SimdExceptions)
            | When(basic.Ecx, 17, Cr4.ProcessContext)
            | When(basic.Ecx, 26, Cr4.Xsave)
            | When(structured.Ebx, 0, Cr4.FsGsBase)
            | When(structured.Ebx, 7, Cr4.SupervisorExecutionPrevention)
            | When(structured.Ebx, 20, Cr4.SupervisorAccessPrevention)
            | When(structured.Ecx, 2, Cr4.UserModeInstructionPrevention);
    }

    private static ulong When(uint features, int bit, ulong allowed) => (features >> bit & 1) != 0 ? allowed : 0;

    private static void RaiseIf(bool condition)
    {
        if (condition)
        {
            GuestAccess.Raise(ExceptionVector.GeneralProtection);
        }
    }
}
