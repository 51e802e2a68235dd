using Jitvmm.Runtime.Cpu;
using Jitvmm.Runtime.Execution;
using Jitvmm.Runtime.Memory;
using Jitvmm.Runtime.Semantics;

namespace Jitvmm.Runtime.Callouts;

/// <summary>CPUID and performance counters.</summary>
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

    /// <summary>RDPMC: there are no counters, so every index is wrong.</summary>
    [TouchesRegisters]
    public static int ReadPerformanceCounter(CpuState* cpu, ulong rip) => Dispatch.Raise(cpu, rip, ExceptionVector.GeneralProtection);

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
