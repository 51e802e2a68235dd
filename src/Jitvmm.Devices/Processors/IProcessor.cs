using Jitvmm.Runtime.Cpu;

namespace Jitvmm.Devices.Processors;

/// <summary>Why a processor came back from running guest code.</summary>
public enum ProcessorExit
{
    /// <summary>HLT with nothing to do.</summary>
    Halted,

    /// <summary><see cref="IProcessor.RequestStop"/>.</summary>
    Stopped,
}

/// <summary>What the machine needs of the engine's CPU. One thread creates it, runs it and disposes of it; <see cref="Kick"/> and <see cref="RequestStop"/> may come from any.</summary>
public unsafe interface IProcessor : IDisposable
{
    /// <summary>Its registers; written only by its thread between runs, and then announced by <see cref="StateReplaced"/>.</summary>
    CpuState* State { get; }

    /// <summary>Instructions executed since it last told the platform, where they are counted. On its own thread.</summary>
    long InstructionsInFlight => 0;

    /// <summary>Runs guest code until it halts or is stopped.</summary>
    ProcessorExit Run();

    /// <summary>The machine wrote registers: what the engine derived from them is stale.</summary>
    void StateReplaced();

    /// <summary>Makes the processor look for interrupts soon.</summary>
    void Kick();

    /// <summary>Makes <see cref="Run"/> return, now and until <see cref="Resume"/>.</summary>
    void RequestStop();

    void Resume();
}
