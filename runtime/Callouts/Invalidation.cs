using Jitvmm.Runtime.Cpu;
using Jitvmm.Runtime.Execution;
using Jitvmm.Runtime.Memory;
using Jitvmm.Runtime.Semantics;

namespace Jitvmm.Runtime.Callouts;

/// <summary>INVLPG, INVPCID, INVD and WBINVD (SDM vol. 2A; vol. 3A, 4.10.4).</summary>
public static unsafe class Invalidation
{
    /// <summary>INVLPG. A non-canonical address is nothing to invalidate.</summary>
    [TouchesRegisters]
    public static int Page(CpuState* cpu, ulong linear, ulong next)
    {
        CheckPrivilege(cpu);
        SoftTlb.FlushPage(cpu, linear);
        cpu->Rip = next;
        return (int)BlockExit.Lookup;
    }

    /// <summary>INVPCID; the descriptor has been read.</summary>
    [TouchesRegisters]
    public static int ProcessContext(CpuState* cpu, ulong type, ulong context, ulong linear, ulong next)
    {
        CheckPrivilege(cpu);
        bool isContext = type <= 1;
        bool isUnknown = type > 3 || context >> 12 != 0;
        bool isWrong = isContext && context != 0 && (cpu->System.Cr4 & Cr4.ProcessContext) == 0;
        if (isUnknown || isWrong || (type == 0 && SystemSemantics.IsNonCanonical(linear)))
        {
            GuestAccess.Raise(ExceptionVector.GeneralProtection);
        }

        bool isCurrent = (int)context == ControlRegisters.CurrentContext(cpu);
        switch (type)
        {
            case 0 when isCurrent:
                SoftTlb.FlushPage(cpu, linear);
                break;
            case 1 when isCurrent:
                SoftTlb.FlushNonGlobal(cpu);
                break;
            case 0 or 1:
                SoftTlb.DropContext(cpu, (int)context);
                break;
            case 2:
                SoftTlb.FlushAll(cpu);
                break;
            default:
                SoftTlb.FlushNonGlobalOfAllContexts(cpu);
                break;
        }

        cpu->Rip = next;
        return (int)BlockExit.Lookup;
    }

    /// <summary>INVD and WBINVD: guest memory is always coherent.</summary>
    [TouchesRegisters]
    public static void Caches(CpuState* cpu) => CheckPrivilege(cpu);

    private static void CheckPrivilege(CpuState* cpu)
    {
        if (cpu->System.Cpl != 0)
        {
            GuestAccess.Raise(ExceptionVector.GeneralProtection);
        }
    }
}
