using Jitvmm.Runtime.Cpu;

namespace Jitvmm.Devices.Processors;

/// <summary>Register sets a processor starts with: after INIT (SDM vol. 3A, table 10-1), after a start-up message, and as boot protocols hand over.</summary>
public static unsafe class ProcessorState
{
    public const ulong Cr0Protected = 1;
    public const ulong Cr0Extension = 1 << 4;
    public const ulong Cr0Paging = 1ul << 31;

    private const ulong CachesOff = (1ul << 30) | (1ul << 29);
    private const ulong Cr4PhysicalAddressExtension = 1 << 5;
    private const ulong EferLongEnable = 1 << 8;
    private const ulong EferLongActive = 1 << 10;
    private const ulong EferNoExecute = 1 << 11;
    private const ulong DefaultPageAttributes = 0x0007040600070406;

    // Type, S, DPL and P, and D/B, L and G, where SystemState keeps them.
    private const ushort RealCode = 0x9b;
    private const ushort RealData = 0x93;
    private const ushort Code64 = 0xa09b;
    private const ushort Code32 = 0xc09b;
    private const ushort Data32 = 0xc093;
    private const ushort BusyTask = 0x8b;
    private const ushort LocalTable = 0x82;

    /// <summary>The state after power-on or INIT: real mode at F000:FFF0.</summary>
    public static void Reset(CpuState* cpu)
    {
        for (int i = 0; i < 16; i++)
        {
            cpu->Gpr[i] = 0;
        }

        // EDX holds the processor's signature.
        cpu->Gpr[2] = 0x106ca;
        cpu->WriteFlags(2);
        cpu->Rip = 0xfff0;
        cpu->Mxcsr = 0x1f80;
        SystemState* system = &cpu->System;
        system->Cr0 = Cr0Extension | CachesOff;
        system->Cr2 = system->Cr3 = system->Cr4 = system->Efer = 0;
        system->XCr0 = 1;
        system->Cpl = 0;
        system->PageAttributes = DefaultPageAttributes;
        system->GdtBase = system->IdtBase = 0;
        system->GdtLimit = system->IdtLimit = 0xffff;
        system->Star = system->LongStar = system->CompatibilityStar = system->SyscallMask = system->KernelGsBase = 0;
        system->SysenterCs = system->SysenterEsp = system->SysenterEip = system->TscAux = 0;
        system->InterruptShadow = 0;
        for (int i = 0; i < 4; i++)
        {
            system->Debug[i] = 0;
        }

        system->Debug[6] = 0xffff0ff0;
        system->Debug[7] = 0x400;
        for (var segment = SegmentIndex.Es; segment <= SegmentIndex.Gs; segment++)
        {
            SetSegment(cpu, segment, 0, 0, 0xffff, segment == SegmentIndex.Cs ? RealCode : RealData);
        }

        SetSegment(cpu, SegmentIndex.Cs, 0xf000, 0xffff0000, 0xffff, RealCode);
        SetSegment(cpu, SegmentIndex.Ldt, 0, 0, 0xffff, LocalTable);
        SetSegment(cpu, SegmentIndex.Task, 0, 0, 0xffff, BusyTask);
    }

    /// <summary>Where a start-up message sends a reset processor.</summary>
    public static void StartUp(CpuState* cpu, byte vector)
    {
        SetSegment(cpu, SegmentIndex.Cs, (ushort)(vector << 8), (ulong)vector << 12, 0xffff, RealCode);
        cpu->Rip = 0;
    }

    /// <summary>64-bit code at a physical address, under page tables that map it to itself.</summary>
    public static void EnterLongMode(CpuState* cpu, ulong entry, ulong pageTable, ulong gdt, uint gdtLimit)
    {
        EnterFlat(cpu, entry, gdt, gdtLimit, Code64);
        cpu->System.Cr0 |= Cr0Paging;
        cpu->System.Cr3 = pageTable;
        cpu->System.Cr4 = Cr4PhysicalAddressExtension;
        cpu->System.Efer = EferLongEnable | EferLongActive | EferNoExecute;
    }

    /// <summary>32-bit code with flat segments and no paging.</summary>
    public static void EnterProtectedMode(CpuState* cpu, uint entry, ulong gdt, uint gdtLimit) => EnterFlat(cpu, entry, gdt, gdtLimit, Code32);

    private static void EnterFlat(CpuState* cpu, ulong entry, ulong gdt, uint gdtLimit, ushort code)
    {
        Reset(cpu);
        cpu->System.Cr0 = Cr0Protected | Cr0Extension;
        cpu->System.GdtBase = gdt;
        cpu->System.GdtLimit = gdtLimit;
        cpu->System.IdtLimit = 0;
        for (var segment = SegmentIndex.Es; segment <= SegmentIndex.Gs; segment++)
        {
            SetSegment(cpu, segment, BootTables.DataSelector, 0, uint.MaxValue, Data32);
        }

        SetSegment(cpu, SegmentIndex.Cs, BootTables.CodeSelector, 0, uint.MaxValue, code);
        SetSegment(cpu, SegmentIndex.Task, BootTables.TaskSelector, 0, 0x67, BusyTask);
        cpu->Rip = entry;
    }

    private static void SetSegment(CpuState* cpu, SegmentIndex segment, ushort selector, ulong address, uint limit, ushort attributes)
    {
        switch (segment)
        {
            case SegmentIndex.Ldt:
                cpu->System.LdtSelector = selector;
                break;
            case SegmentIndex.Task:
                cpu->System.TaskSelector = selector;
                break;
            default:
                cpu->Selectors[(int)segment] = selector;
                break;
        }

        SystemState.BaseOf(cpu, segment) = address;
        cpu->System.Limits[(int)segment] = limit;
        cpu->System.Attributes[(int)segment] = attributes;
    }
}
