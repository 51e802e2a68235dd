using Jitvmm.Runtime.Cpu;
using Jitvmm.Runtime.Execution;
using Jitvmm.Runtime.Host;
using Jitvmm.Runtime.Memory;
using Jitvmm.Runtime.Semantics;

namespace Jitvmm.Runtime.Callouts;

/// <summary>CPUID, time-stamp counter, processor number and performance counters.</summary>
public static unsafe class ProcessorIdentity
{
    private const uint OsXsave = 1u << 27;
    private const uint ExtendedStateLeaf = 0xd;
    private const uint LegacyAndHeader = 576;

    [TouchesRegisters]
    public static void Cpuid(CpuState* cpu)
    {
        uint number = (uint)cpu->Gpr[0];
        uint subLeaf = (uint)cpu->Gpr[1];
        CpuidLeaf leaf = cpu->System.IsMachine == 0 ? CpuModel.Query(number, subLeaf) : QueryMachine(cpu, number, subLeaf);
        cpu->Gpr[0] = leaf.Eax;
        cpu->Gpr[3] = leaf.Ebx;
        cpu->Gpr[1] = leaf.Ecx;
        cpu->Gpr[2] = leaf.Edx;
    }

    /// <summary>RDTSC.</summary>
    [TouchesRegisters]
    public static void ReadTimeStamp(CpuState* cpu)
    {
        ulong now = cpu->System.IsMachine == 0 ? HostCode.TimeStamp() : MachineTimeStamp(cpu);
        cpu->Gpr[0] = (uint)now;
        cpu->Gpr[2] = now >> 32;
    }

    /// <summary>RDTSCP.</summary>
    [TouchesRegisters]
    public static void ReadTimeStampAndProcessor(CpuState* cpu)
    {
        ReadTimeStamp(cpu);
        cpu->Gpr[1] = ProcessorId(cpu);
    }

    /// <summary>What TSC_AUX holds, which Linux makes the processor's number with its node in the upper bits.</summary>
    public static ulong ProcessorId(CpuState* cpu) => cpu->System.IsMachine != 0 ? cpu->System.TscAux : (uint)Thread.GetCurrentProcessorId() & 0xfff;

    /// <summary>RDPMC: there are no counters.</summary>
    [TouchesRegisters]
    public static void ReadPerformanceCounter(CpuState* cpu) => GuestAccess.Raise(ExceptionVector.GeneralProtection);

    /// <summary>The guest's time-stamp counter.</summary>
    internal static ulong TimeStamp(CpuState* cpu) => MachineCpu.Of(cpu).Platform.TimeStamp + cpu->System.TscOffset;

    private static ulong MachineTimeStamp(CpuState* cpu)
    {
        if ((cpu->System.Cr4 & Cr4.TimeStampDisable) != 0 && cpu->System.Cpl != 0)
        {
            GuestAccess.Raise(ExceptionVector.GeneralProtection);
        }

        return TimeStamp(cpu);
    }

    /// <summary>What follows from registers of this CPU is filled in here: OSXSAVE, the size of the state enabled in XCR0.</summary>
    private static CpuidLeaf QueryMachine(CpuState* cpu, uint number, uint subLeaf)
    {
        CpuidLeaf leaf = MachineCpu.Of(cpu).Platform.QueryCpuid(number, subLeaf);
        switch (number)
        {
            case 1:
                return leaf with { Ecx = (leaf.Ecx & ~OsXsave) | ((cpu->System.Cr4 & Cr4.Xsave) != 0 ? OsXsave : 0) };
            case ExtendedStateLeaf when subLeaf <= 1 && leaf.Ebx != 0:
                return leaf with { Ebx = (cpu->System.XCr0 & ExtendedState.AvxComponent) != 0 ? CpuModel.XsaveSize : LegacyAndHeader };
            default:
                return leaf;
        }
    }
}
