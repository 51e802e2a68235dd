using Jitvmm.Runtime.Cpu;
using Jitvmm.Runtime.Execution;
using Jitvmm.Runtime.Memory;
using Jitvmm.Runtime.Paravirt;
using Jitvmm.Runtime.Semantics;

namespace Jitvmm.Runtime.Callouts;

/// <summary>VMCALL and VMMCALL.</summary>
public static unsafe class Hypercalls
{
    /// <summary>A hypercall of a site by its number in <see cref="HypercallSites"/>. #UD where there is no hypervisor to call (SDM vol. 3C, VMCALL outside VMX operation).</summary>
    [TouchesRegisters]
    public static void Execute(CpuState* cpu, int site)
    {
        ParavirtualCpu? paravirtual = cpu->System.IsMachine != 0 ? MachineCpu.Of(cpu).Platform.Paravirtual : null;
        if (paravirtual == null)
        {
            GuestAccess.Raise(ExceptionVector.InvalidOpcode);
            return;
        }

        HypercallSites.Count(cpu, paravirtual.SiteOf(site));
        paravirtual.Callouts++;
        if (!paravirtual.Hypercall())
        {
            GuestAccess.Raise(ExceptionVector.InvalidOpcode);
        }
    }
}
