namespace Jitvmm.Devices.Platform;

/// <summary>How a machine's run ended.</summary>
public enum MachineEnd
{
    /// <summary>It was stopped from outside.</summary>
    Stopped,

    /// <summary>The guest turned it off.</summary>
    PoweredOff,

    /// <summary>The guest asked for a reset.</summary>
    Reset,

    /// <summary>The guest ended the run with a status (isa-debug-exit).</summary>
    Exited,

    /// <summary>The guest told its hypervisor that it has crashed.</summary>
    Crashed,

    /// <summary>A processor gave up: the guest faulted while a double fault was delivered.</summary>
    TripleFault,

    /// <summary>The engine failed; <see cref="MachineOutcome.Failure"/> says how.</summary>
    Failed,
}

/// <param name="End">How it ended.</param>
/// <param name="Status">The exit port's status.</param>
/// <param name="Processor">Which processor's doing it was.</param>
/// <param name="Failure">The engine's failure.</param>
public readonly record struct MachineOutcome(MachineEnd End, int Status = 0, int Processor = 0, Exception? Failure = null);
