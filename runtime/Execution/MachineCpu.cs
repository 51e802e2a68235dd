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

    public MachineCpu(CodeCache.CodeCache cache, ICpuPlatform platform, int index, IRegionCompiler? compiler = null)
    {
        Platform = platform;
        Index = index;
        _vcpu = new VCpu(cache, compiler) { Machine = this };
    }

    public ICpuPlatform Platform { get; }

    /// <summary>Position in the machine, from 0.</summary>
    public int Index { get; }

    public CpuState* State => _vcpu.State;

    /// <summary>The CPU a state record of a machine guest belongs to.</summary>
    public static MachineCpu Of(CpuState* cpu) => VCpu.FromState(cpu)!.Machine!;

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

    public void Dispose() => _vcpu.Dispose();
}
