using Jitvmm.Runtime.Callouts;
using Jitvmm.Runtime.Cpu;

namespace Jitvmm.Runtime.Execution;

/// <summary>The loop.</summary>
public sealed unsafe partial class MachineCpu
{
    /// <summary>DR6.BS: a single step.</summary>
    private const ulong SingleStepped = 1 << 14;

    /// <summary>Runs the guest until it has nothing to do or is told to stop.</summary>
    public MachineExit Run()
    {
        while (!IsStopping)
        {
            CpuExit? exit = (State->FlagsSystem & SystemFlags.Trap) != 0 ? StepOne() : _vcpu.Run();
            if (exit is { } reason && Answer(reason))
            {
                return MachineExit.Halted;
            }
        }

        return MachineExit.Stopped;
    }

    /// <summary>One instruction under TF, and the trap after it (SDM vol. 3B, 17.3.1.4).</summary>
    private CpuExit? StepOne()
    {
        TakeInterrupt();
        if ((State->FlagsSystem & SystemFlags.Trap) == 0)
        {
            return null;
        }

        CpuExit? exit = _vcpu.Step();
        if (exit != CpuExit.Exception && (State->FlagsSystem & SystemFlags.Trap) != 0)
        {
            State->System.Debug[6] |= SingleStepped;
            InterruptDelivery.DeliverException(State, new CpuException(ExceptionVector.Debug, 0, 0));
        }

        return exit;
    }

    /// <summary>True when the CPU is halted.</summary>
    private bool Answer(CpuExit exit)
    {
        switch (exit)
        {
            case CpuExit.Interrupted:
                TakeInterrupt();
                return false;
            case CpuExit.SystemCall:
                FastSystemCalls.Enter(State);
                return false;
            case CpuExit.Halted:
                return !TakeInterrupt();
            default:
                InterruptDelivery.DeliverException(State, _vcpu.Exception);
                return false;
        }
    }

    /// <summary>Delivers an interrupt if there is one and it may be; whether one was.</summary>
    private bool TakeInterrupt()
    {
        if (State->System.NmiBlocked == 0 && Platform.AcknowledgeNonMaskable())
        {
            InterruptDelivery.DeliverNonMaskable(State);
            return true;
        }

        if ((State->FlagsSystem & SystemFlags.Interrupt) == 0)
        {
            State->System.InterruptPending = 1;
            return false;
        }

        if (State->System.InterruptShadow != 0)
        {
            // Blocks end behind the shadowed instruction, except at a page's end, where this is that instruction. Elsewhere one more does no harm.
            State->System.InterruptShadow = 0;
            if (_vcpu.Step() is { } exit)
            {
                return !Answer(exit);
            }

            if ((State->FlagsSystem & SystemFlags.Interrupt) == 0)
            {
                State->System.InterruptPending = 1;
                return false;
            }
        }

        int vector = Platform.AcknowledgeInterrupt();
        if (vector < 0)
        {
            State->System.InterruptPending = 0;
            return false;
        }

        // There may be another behind it: whoever sets IF next looks.
        State->System.InterruptPending = 1;
        InterruptDelivery.DeliverInterrupt(State, vector);
        return true;
    }
}
