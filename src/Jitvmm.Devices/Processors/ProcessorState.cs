using Jitvmm.Devices.Firmware;
using Jitvmm.Runtime.Cpu;

namespace Jitvmm.Devices.Processors;

/// <summary>Register sets a processor starts with: from firmware, after a start-up message, and as boot protocols hand over.</summary>
public static unsafe class ProcessorState
{
    // Memory type ranges: write-back by default, fixed ranges too; one range of 1 GiB that is uncached. Fixed range 2 is A0000h.
    private const ulong WriteBack = 6;
    private const ulong RangesEnabled = 0xc00;
    private const ulong HoleMask = 0xff_c0000800;
    private const int FixedRanges = 11;
    private const int VideoRange = 2;

    // Type, S, DPL and P, and D/B, L and G, where SystemState keeps them.
    private const ushort RealCode = 0x9b;
    private const ushort Code64 = 0xa09b;
    private const ushort Code32 = 0xc09b;
    private const ushort Data32 = 0xc093;
    private const ushort BusyTask = 0x8b;

    /// <summary>What firmware sets up once after power-on, and INIT leaves: all memory write-back but the hole below 4 GiB and the frame buffer's place.</summary>
    public static void PowerOn(CpuState* cpu)
    {
        CpuMode.Reset(cpu);
        SystemState* system = &cpu->System;
        system->MtrrDefault = RangesEnabled | WriteBack;
        system->MtrrVariable[0] = AddressMap.HoleStart;
        system->MtrrVariable[1] = HoleMask;
        for (int i = 0; i < FixedRanges; i++)
        {
            system->MtrrFixed[i] = i == VideoRange ? 0 : WriteBack * 0x0101010101010101;
        }
    }

    /// <summary>RESET without firmware having run: no memory type ranges either (SDM vol. 3A, 11.11.5).</summary>
    public static void Reset(CpuState* cpu)
    {
        CpuMode.Reset(cpu);
        SystemState* system = &cpu->System;
        system->MtrrDefault = 0;
        system->MtrrVariable[0] = 0;
        system->MtrrVariable[1] = 0;
        new Span<ulong>(system->MtrrFixed, FixedRanges).Clear();
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
        cpu->System.Cr0 |= Cr0.Paging;
        cpu->System.Cr3 = pageTable;
        cpu->System.Cr4 = Cr4.PhysicalAddressExtension;
        cpu->System.Efer = Efer.LongModeEnable | Efer.LongModeActive | Efer.NoExecuteEnable;
    }

    /// <summary>32-bit code with flat segments and no paging.</summary>
    public static void EnterProtectedMode(CpuState* cpu, uint entry, ulong gdt, uint gdtLimit) => EnterFlat(cpu, entry, gdt, gdtLimit, Code32);

    private static void EnterFlat(CpuState* cpu, ulong entry, ulong gdt, uint gdtLimit, ushort code)
    {
        CpuMode.Reset(cpu);
        cpu->System.Cr0 = Cr0.ProtectionEnable | Cr0.ExtensionType;
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
