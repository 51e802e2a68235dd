using Jitvmm.Runtime.Cpu;
using Jitvmm.Runtime.Execution;
using Jitvmm.Runtime.Memory;
using Jitvmm.Runtime.Semantics;

namespace Jitvmm.Runtime.Callouts;

/// <summary>What STI, POPF and HLT do beyond writing flags, which the lifts do inline.</summary>
public static unsafe class InterruptFlag
{
    /// <summary>STI where it is allowed: an interrupt that waited is taken after the next instruction.</summary>
    /// <param name="cpu">The CPU.</param>
    /// <param name="next">RIP behind the instruction.</param>
    /// <remarks>Compiled code leaves to tier 0 when one waits: its block ends behind that instruction.</remarks>
    [RunsInRegions]
    public static void Enable(CpuState* cpu, ulong next)
    {
        if ((cpu->FlagsSystem & SystemFlags.Interrupt) != 0)
        {
            return;
        }

        cpu->FlagsSystem |= SystemFlags.Interrupt;
        cpu->System.InterruptShadow = 1;
        cpu->System.ShadowedAddress = next;
        if (cpu->System.InterruptPending != 0)
        {
            cpu->ExitRequest = 1;
        }
    }

    /// <summary>POPF wrote <see cref="CpuState.FlagsSystem"/>. A single step (TF) is taken by the vCPU loop.</summary>
    [ChangesMemoryView]
    public static void Loaded(CpuState* cpu)
    {
        if (cpu->System.IsMachine == 0)
        {
            return;
        }

        Settled(cpu);
        CpuMode.ChangedWithin(cpu);
    }

    /// <summary>New flags are in place: makes the vCPU loop look at what they let through, an interrupt or a single step.</summary>
    internal static void Settled(CpuState* cpu)
    {
        ulong flags = cpu->FlagsSystem;
        if ((flags & SystemFlags.Trap) != 0 || ((flags & SystemFlags.Interrupt) != 0 && cpu->System.InterruptPending != 0))
        {
            cpu->ExitRequest = 1;
        }
    }

    /// <summary>Before PUSHF and POPF in legacy code.</summary>
    [TouchesRegisters]
    public static void CheckVirtualMode(CpuState* cpu)
    {
        if (CpuMode.IsVirtual8086(cpu) && CpuMode.IoPrivilegeLevel(cpu) < 3)
        {
            GuestAccess.Raise(ExceptionVector.GeneralProtection);
        }
    }

    /// <summary>STAC and CLAC in the kernel, where AC means nothing else.</summary>
    [RunsInRegions]
    [ChangesMemoryView]
    public static void SetAccessOverride(CpuState* cpu, int allowed)
    {
        cpu->FlagsSystem = allowed != 0 ? cpu->FlagsSystem | SystemFlags.AlignmentCheck : cpu->FlagsSystem & ~SystemFlags.AlignmentCheck;
        SoftTlb.AccessOverrideChanged(cpu);
    }

    [TouchesRegisters]
    public static int Halt(CpuState* cpu, ulong next)
    {
        if (cpu->System.Cpl != 0)
        {
            GuestAccess.Raise(ExceptionVector.GeneralProtection);
        }

        cpu->Rip = next;
        return (int)BlockExit.Halted;
    }
}
