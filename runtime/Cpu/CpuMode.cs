using Jitvmm.Runtime.Callouts;
using Jitvmm.Runtime.CodeCache;
using Jitvmm.Runtime.Memory;

namespace Jitvmm.Runtime.Cpu;

/// <summary>Which of the modes of operation a CPU is in (SDM vol. 3A, 2.2), and what follows from a change.</summary>
public static unsafe class CpuMode
{
    public static bool IsProtected(CpuState* cpu) => (cpu->System.Cr0 & Cr0.ProtectionEnable) != 0;

    public static bool IsVirtual8086(CpuState* cpu) => (cpu->FlagsSystem & SystemFlags.Virtual8086) != 0;

    /// <summary>Real or virtual-8086 mode: a selector is a base in units of 16.</summary>
    public static bool HasRealSegments(CpuState* cpu) => !IsProtected(cpu) || IsVirtual8086(cpu);

    /// <summary>IA-32e mode: 64-bit or compatibility mode.</summary>
    public static bool IsLong(CpuState* cpu) => (cpu->System.Efer & Efer.LongModeActive) != 0;

    public static bool Is64Bit(CpuState* cpu) => IsLong(cpu) && (cpu->System.Attributes[(int)SegmentIndex.Cs] & SegmentAttributes.Long) != 0;

    /// <summary>Default size of code: 16, 32 or 64.</summary>
    public static int CodeBits(CpuState* cpu)
    {
        if (Is64Bit(cpu))
        {
            return 64;
        }

        return (cpu->System.Attributes[(int)SegmentIndex.Cs] & SegmentAttributes.Big) != 0 ? 32 : 16;
    }

    /// <summary>The part of RSP that is the stack pointer: SP, ESP or RSP.</summary>
    public static ulong StackMask(CpuState* cpu)
    {
        if (Is64Bit(cpu))
        {
            return ulong.MaxValue;
        }

        return (cpu->System.Attributes[(int)SegmentIndex.Ss] & SegmentAttributes.Big) != 0 ? uint.MaxValue : ushort.MaxValue;
    }

    public static int IoPrivilegeLevel(CpuState* cpu) => (int)(cpu->FlagsSystem >> 12) & 3;

    /// <summary>The state of a process guest: 64-bit user mode under an operating system that enabled everything.</summary>
    public static void StartProcess(CpuState* cpu)
    {
        cpu->System.Cpl = 3;
        cpu->System.Cr0 = Cr0.Paging | Cr0.AlignmentMask | Cr0.WriteProtect | Cr0.NumericError | Cr0.ExtensionType | Cr0.MonitorCoprocessor | Cr0.ProtectionEnable;
        cpu->System.Cr4 = Cr4.Xsave | Cr4.FsGsBase | Cr4.SimdExceptions | Cr4.Fxsave | Cr4.PageGlobal | Cr4.PhysicalAddressExtension;
        cpu->System.Efer = Efer.SyscallEnable | Efer.LongModeEnable | Efer.LongModeActive | Efer.NoExecuteEnable;
        cpu->System.XCr0 = CpuModel.XCr0;
        cpu->System.Attributes[(int)SegmentIndex.Cs] = SegmentAttributes.Long | SegmentAttributes.Present | (3 << SegmentAttributes.DplShift)
            | SegmentAttributes.CodeOrData | SegmentAttributes.Code | SegmentAttributes.ReadableOrWritable | SegmentAttributes.Accessed;
        Derive(cpu);
    }

    /// <summary>The state after RESET or INIT (SDM vol. 3A, 9.1.1). RIP is the offset in CS.</summary>
    public static void Reset(CpuState* cpu)
    {
        for (int segment = (int)SegmentIndex.Es; segment <= (int)SegmentIndex.Gs; segment++)
        {
            cpu->Selectors[segment] = 0;
            SystemState.BaseOf(cpu, (SegmentIndex)segment) = 0;
            cpu->System.Limits[segment] = 0xffff;
            cpu->System.Attributes[segment] = SegmentAttributes.Present | SegmentAttributes.CodeOrData | SegmentAttributes.ReadableOrWritable | SegmentAttributes.Accessed;
        }

        cpu->Selectors[(int)SegmentIndex.Cs] = 0xf000;
        cpu->System.Bases[(int)SegmentIndex.Cs] = 0xffff0000;
        cpu->System.Attributes[(int)SegmentIndex.Cs] |= SegmentAttributes.Code;
        ResetTables(cpu);
        cpu->System.Cpl = 0;
        cpu->System.Cr0 = Cr0.CacheDisable | Cr0.NotWriteThrough | Cr0.ExtensionType;
        cpu->System.Cr2 = 0;
        cpu->System.Cr3 = 0;
        cpu->System.Cr4 = 0;
        cpu->System.Efer = 0;
        cpu->System.XCr0 = 1;
        for (int register = 0; register < 8; register++)
        {
            cpu->Gpr[register] = 0;
            cpu->Gpr[register + 8] = 0;
            cpu->System.Debug[register] = 0;
        }

        cpu->System.Debug[6] = 0xffff0ff0;
        cpu->System.Debug[7] = 0x400;
        cpu->System.PageAttributes = 0x0007040600070406;
        cpu->System.MiscellaneousEnable = 1;
        cpu->System.InterruptShadow = 0;
        cpu->System.NmiBlocked = 0;
        cpu->Gpr[2] = CpuModel.Query(1, 0).Eax;
        cpu->Rip = 0xfff0;
        cpu->WriteFlags(2);
        Derive(cpu);
    }

    /// <summary>
    /// To be called after CPL, CS, IOPL, AC, EFER or a paging bit of CR0 or CR4 changed: brings what is derived from them up to date, and with
    /// it the memory view of generated code.
    /// </summary>
    public static void Changed(CpuState* cpu)
    {
        Derive(cpu);
        if (cpu->System.IsMachine != 0)
        {
            SoftTlb.ModeChanged(cpu);
        }
    }

    /// <summary>As <see cref="Changed"/>, for a callout whose block ends behind it by falling through: that is left when code is decoded otherwise from now on.</summary>
    public static void ChangedWithin(CpuState* cpu)
    {
        int mode = cpu->System.CodeMode;
        Changed(cpu);
        if (mode != cpu->System.CodeMode)
        {
            cpu->ExitRequest = 1;
        }
    }

    /// <summary>Whether no access through CS, SS, DS or ES can fail for its segment: 4 GiB each, data writable, code readable.</summary>
    internal static bool HasFlatSegments(CpuState* cpu) => IsFlat(cpu, SegmentIndex.Es, FlatData) && IsFlat(cpu, SegmentIndex.Cs, FlatCode)
        && IsFlat(cpu, SegmentIndex.Ss, FlatData) && IsFlat(cpu, SegmentIndex.Ds, FlatData);

    private const int FlatData = SegmentAttributes.Present | SegmentAttributes.CodeOrData | SegmentAttributes.ReadableOrWritable;
    private const int FlatCode = FlatData | SegmentAttributes.Code;

    private static bool IsFlat(CpuState* cpu, SegmentIndex segment, int attributes)
    {
        // An expand-down segment has no part of 4 GiB; a conforming one may be jumped to and read like any code.
        const int Looked = FlatCode | SegmentAttributes.ConformingOrExpandDown;
        int ignored = segment == SegmentIndex.Cs ? SegmentAttributes.ConformingOrExpandDown : 0;
        return cpu->System.Limits[(int)segment] == uint.MaxValue && (cpu->System.Attributes[(int)segment] & Looked & ~ignored) == attributes;
    }

    private static int CodeChecks(CpuState* cpu)
    {
        const ulong Units = Cr0.Emulation | Cr0.TaskSwitched | Cr0.NumericError;
        CodeMode checks = 0;
        if ((cpu->System.Cr0 & Units) != Cr0.NumericError || (cpu->System.Cr4 & Cr4.Fxsave) == 0)
        {
            checks |= CodeMode.CheckedUnits;
        }

        // A process that may use AVX may use SSE; a switched task's AVX registers are no more its own than the others.
        if ((cpu->System.Cr4 & Cr4.Xsave) == 0 || (cpu->System.XCr0 & CpuModel.XCr0) != CpuModel.XCr0 || (cpu->System.Cr0 & Cr0.TaskSwitched) != 0)
        {
            checks |= CodeMode.CheckedAvx;
        }

        if ((cpu->System.Debug[7] & 0xff) != 0 && Breakpoints.WatchesCode(cpu))
        {
            checks |= CodeMode.CheckedBreakpoints;
        }

        return (int)checks;
    }

    private static void ResetTables(CpuState* cpu)
    {
        cpu->System.GdtBase = 0;
        cpu->System.GdtLimit = 0xffff;
        cpu->System.IdtBase = 0;
        cpu->System.IdtLimit = 0xffff;
        cpu->System.LdtSelector = 0;
        cpu->System.LdtBase = 0;
        cpu->System.Limits[(int)SegmentIndex.Ldt] = 0xffff;
        cpu->System.Attributes[(int)SegmentIndex.Ldt] = SegmentAttributes.Present | SystemSegmentType.LocalTable;
        cpu->System.TaskSelector = 0;
        cpu->System.TaskBase = 0;
        cpu->System.Limits[(int)SegmentIndex.Task] = 0xffff;
        cpu->System.Attributes[(int)SegmentIndex.Task] = SegmentAttributes.Present | SystemSegmentType.BusyTask;
    }

    private static void Derive(CpuState* cpu)
    {
        ulong mask = SystemFlags.Trap | SystemFlags.NestedTask | SystemFlags.AlignmentCheck | SystemFlags.Identification;
        if (cpu->System.Cpl <= IoPrivilegeLevel(cpu))
        {
            mask |= SystemFlags.Interrupt;
        }

        if (cpu->System.Cpl == 0)
        {
            mask |= SystemFlags.PrivilegeLevel;
        }

        cpu->System.PopfMask = mask;
        cpu->System.CodeChecks = CodeChecks(cpu);
        cpu->System.SyscallDisabled = Is64Bit(cpu) && (cpu->System.Efer & Efer.SyscallEnable) != 0 ? 0 : 1;
    }
}
