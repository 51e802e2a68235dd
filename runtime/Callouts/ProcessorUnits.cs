using Jitvmm.Runtime.Cpu;
using Jitvmm.Runtime.Execution;
using Jitvmm.Runtime.Semantics;

namespace Jitvmm.Runtime.Callouts;

/// <summary>What an instruction needs beyond the general registers.</summary>
public enum ProcessorUnit
{
    None,

    /// <summary>x87 instructions that look for pending errors first.</summary>
    X87,

    /// <summary>Those that do not: FNINIT, FNSTSW and their kind.</summary>
    X87NoWait,

    /// <summary>WAIT.</summary>
    Wait,

    Mmx,

    /// <summary>What touches XMM registers or MXCSR, in its legacy encoding.</summary>
    Sse,

    /// <summary>FXSAVE and FXRSTOR.</summary>
    LegacyState,

    /// <summary>VEX-encoded instructions on vector registers.</summary>
    Avx,

    /// <summary>VEX-encoded instructions on general registers.</summary>
    VexGeneral,

    /// <summary>XSAVE, XRSTOR and their kind.</summary>
    ExtendedState,
}

/// <summary>Whether the operating system lets an instruction have its unit (SDM vol. 3A, 2.5, table 9-3 and 13.1; vol. 2A, 2.4).</summary>
public static unsafe class ProcessorUnits
{
    /// <summary>What <see cref="Check"/> returns for "go on".</summary>
    public const int Available = -1;

    private const ulong AvxState = ExtendedState.SseComponent | ExtendedState.AvxComponent;

    /// <summary>The vector of the exception the instruction raises, or <see cref="Available"/>.</summary>
    public static int Check(CpuState* cpu, ProcessorUnit unit)
    {
        ulong cr0 = cpu->System.Cr0;
        ulong cr4 = cpu->System.Cr4;
        bool isEmulated = (cr0 & Cr0.Emulation) != 0;
        bool isUndefined;
        bool needsOwner = true;
        switch (unit)
        {
            case ProcessorUnit.X87 or ProcessorUnit.X87NoWait or ProcessorUnit.LegacyState:
                if ((cr0 & (Cr0.Emulation | Cr0.TaskSwitched)) != 0)
                {
                    return (int)ExceptionVector.DeviceNotAvailable;
                }

                if (unit == ProcessorUnit.X87)
                {
                    SignalError(cpu);
                }

                return Available;
            case ProcessorUnit.Wait:
                const ulong Switched = Cr0.MonitorCoprocessor | Cr0.TaskSwitched;
                if ((cr0 & Switched) == Switched)
                {
                    return (int)ExceptionVector.DeviceNotAvailable;
                }

                SignalError(cpu);
                return Available;
            case ProcessorUnit.Mmx:
                isUndefined = isEmulated;
                break;
            case ProcessorUnit.Sse:
                isUndefined = isEmulated || (cr4 & Cr4.Fxsave) == 0;
                break;
            case ProcessorUnit.Avx:
                isUndefined = CpuMode.HasRealSegments(cpu) || (cr4 & Cr4.Xsave) == 0 || (cpu->System.XCr0 & AvxState) != AvxState;
                break;
            case ProcessorUnit.VexGeneral:
                isUndefined = CpuMode.HasRealSegments(cpu);
                needsOwner = false;
                break;
            case ProcessorUnit.ExtendedState:
                isUndefined = (cr4 & Cr4.Xsave) == 0;
                break;
            default:
                return Available;
        }

        if (isUndefined)
        {
            return (int)ExceptionVector.InvalidOpcode;
        }

        return needsOwner && (cr0 & Cr0.TaskSwitched) != 0 ? (int)ExceptionVector.DeviceNotAvailable : Available;
    }

    /// <summary>With CR0.NE clear an unmasked x87 error is an interrupt of the platform, and the instruction runs on (SDM vol. 1, 8.7.2).</summary>
    private static void SignalError(CpuState* cpu)
    {
        if ((cpu->System.Cr0 & Cr0.NumericError) == 0 && X87.HasUnmaskedError(cpu))
        {
            MachineCpu.Of(cpu).Platform.SignalFloatingPointError();
        }
    }
}
