using Jitvmm.Runtime.Callouts;
using Jitvmm.Runtime.Cpu;

namespace Jitvmm.Runtime.Execution;

/// <summary>Why <see cref="MachineCpu.Run"/> came back.</summary>
public enum MachineExit
{
    /// <summary>HLT with nothing pending: wait until <see cref="MachineCpu.Kick"/>, then run on.</summary>
    Halted,

    /// <summary><see cref="MachineCpu.RequestStop"/>.</summary>
    Stopped,
}

/// <summary>
/// A CPU of a machine guest: the engine's vCPU with exceptions and interrupts delivered to the guest itself.
/// One thread creates it and calls <see cref="Run"/>; <see cref="Kick"/> and <see cref="RequestStop"/> may come from any.
/// </summary>
public sealed unsafe partial class MachineCpu : IDisposable
{
    private readonly VCpu _vcpu;
    private volatile bool _stop;

    /// <summary>What <see cref="SystemState.InstructionsLeft"/> was when the platform granted it.</summary>
    private long _granted;

    public MachineCpu(CodeCache.CodeCache cache, ICpuPlatform platform, int index, IRegionCompiler? compiler = null)
    {
        Platform = platform;
        Index = index;
        _vcpu = new VCpu(cache, compiler) { Machine = this };
        platform.Paravirtual?.Attach(State);
    }

    public ICpuPlatform Platform { get; }

    /// <summary>Position in the machine, from 0.</summary>
    public int Index { get; }

    /// <summary>Its code counts the instructions it executes: see <see cref="ICpuPlatform.GrantInstructions"/>.</summary>
    public bool CountsInstructions { get; init; }

    /// <summary>Instructions executed that the platform was not told of yet. On the CPU's own thread.</summary>
    public long InstructionsInFlight => CountsInstructions ? _granted - State->System.InstructionsLeft : 0;

    public CpuState* State => _vcpu.State;

    /// <summary>The CPU a state record of a machine guest belongs to.</summary>
    public static MachineCpu Of(CpuState* cpu) => VCpu.FromState(cpu)!.Machine!;

    /// <summary>Tells the platform what was executed, and takes what it grants for the next stretch.</summary>
    private void RenewGrant()
    {
        if (CountsInstructions)
        {
            long executed = InstructionsInFlight;
            _granted = State->System.InstructionsLeft;
            _granted = Platform.GrantInstructions(executed);
            State->System.InstructionsLeft = _granted;
        }
    }

    /// <summary>Makes the CPU look for an interrupt soon. Any thread.</summary>
    public void Kick() => _vcpu.RequestExit();

    /// <summary>Makes <see cref="Run"/> return, now and until <see cref="Resume"/>. Any thread.</summary>
    public void RequestStop()
    {
        _stop = true;
        _vcpu.RequestExit();
    }

    public void Resume() => _stop = false;

    /// <summary>Whether <see cref="RequestStop"/> was called.</summary>
    public bool IsStopping => _stop;

    public void Dispose()
    {
        if (State != null)
        {
            Platform.Paravirtual?.Detach();
        }

        _vcpu.Dispose();
    }
}
