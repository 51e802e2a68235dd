using Jitvmm.Runtime.Callouts;
using Jitvmm.Runtime.Cpu;

namespace Jitvmm.Runtime.Execution;

/// <summary>The loop.</summary>
public sealed unsafe partial class MachineCpu
{
    /// <summary>Runs the guest until it has nothing to do or is told to stop.</summary>
    public MachineExit Run()
    {
        RenewGrant();
        try
        {
            return RunGuest();
        }
        finally
        {
            // Also when the processor fails: others may wait for it to leave.
            Platform.Paravirtual?.Left();
        }
    }

    private MachineExit RunGuest()
    {
        while (!IsStopping)
        {
            Platform.Paravirtual?.Entering();
            CpuExit? exit = (State->FlagsSystem & SystemFlags.Trap) != 0 ? StepOne() : State->System.DebugHits != 0 ? TakeTrap() : _vcpu.Run();
            if (exit is { } reason && Answer(reason))
            {
                return MachineExit.Halted;
            }
        }

        return MachineExit.Stopped;
    }

    /// <summary>
    /// Runs one instruction, or delivers the exception it raises. Interrupts wait. For debuggers and comparisons, on the CPU's own thread.
    /// </summary>
    /// <returns>False when the CPU halts.</returns>
    public bool Step()
    {
        CpuExit? exit = (State->FlagsSystem & SystemFlags.Trap) != 0 ? StepOne() : State->System.DebugHits != 0 ? TakeTrap() : _vcpu.Step();
        return exit is not { } reason || !Answer(reason);
    }

    /// <summary>One instruction under TF, and the trap after it (SDM vol. 3B, 17.3.1.4).</summary>
    private CpuExit? StepOne()
    {
        if (State->System.DebugHits == 0)
        {
            TakeInterrupt();
        }

        if ((State->FlagsSystem & SystemFlags.Trap) == 0)
        {
            return null;
        }

        CpuExit? exit = _vcpu.Step();
        if (exit == CpuExit.SystemCall)
        {
            // TF is looked at behind it: its mask most often clears it.
            FastSystemCalls.Enter(State);
            if ((State->FlagsSystem & SystemFlags.Trap) == 0)
            {
                return null;
            }
        }
        else if (exit is not (null or CpuExit.Halted))
        {
            return exit;
        }

        // A software interrupt clears TF on its way, and MOV SS holds the trap back for one instruction.
        if (State->System.DeliversEvent == 0 && State->System.InterruptShadow != SystemState.StackShadow)
        {
            Trap(DebugRegisters.SingleStep);
        }

        return null;
    }

    /// <summary>The trap of a data breakpoint; behind MOV SS one instruction later.</summary>
    private CpuExit? TakeTrap()
    {
        if (State->System.InterruptShadow == SystemState.StackShadow)
        {
            return _vcpu.Step();
        }

        Trap(0);
        return null;
    }

    private void Trap(ulong more)
    {
        Breakpoints.Report(State, State->System.DebugHits | more);
        State->System.DebugHits = 0;
        InterruptDelivery.DeliverException(State, new CpuException(ExceptionVector.Debug, 0, 0));
    }

    /// <summary>True when the CPU is halted.</summary>
    private bool Answer(CpuExit exit)
    {
        switch (exit)
        {
            case CpuExit.Interrupted when Platform.Paravirtual?.TakesHalt() == true:
            case CpuExit.Halted:
                RenewGrant();
                return !TakeInterrupt();
            case CpuExit.Interrupted:
                RenewGrant();
                if (State->System.DebugHits == 0)
                {
                    TakeInterrupt();
                }

                return false;
            case CpuExit.SystemCall:
                FastSystemCalls.Enter(State);
                return false;
            default:
                State->System.DebugHits = 0;
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

        if (State->System.InterruptShadow != 0 && State->System.ShadowedAddress != State->Rip)
        {
            State->System.InterruptShadow = 0;
        }

        if (State->System.InterruptShadow != 0)
        {
            // Blocks end behind the shadowed instruction, except at a page's end, where this is that instruction.
            State->System.InterruptShadow = 0;
            if (_vcpu.Step() is { } exit)
            {
                // The interrupt still waits, and nobody will ask for it again: a fault's handler may end with IF set.
                State->ExitRequest = 1;
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
