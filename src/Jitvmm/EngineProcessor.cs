using Jitvmm.Devices.Processors;
using Jitvmm.Runtime.Cpu;
using Jitvmm.Runtime.Execution;
using Jitvmm.Runtime.Memory;

namespace Jitvmm;

/// <summary>The engine's CPU as the machine drives it.</summary>
internal sealed unsafe class EngineProcessor(MachineCpu cpu) : IProcessor
{
    public CpuState* State => cpu.State;

    public long InstructionsInFlight => cpu.InstructionsInFlight;

    public ProcessorExit Run() => cpu.Run() == MachineExit.Halted ? ProcessorExit.Halted : ProcessorExit.Stopped;

    public void StateReplaced()
    {
        SoftTlb.FlushAll(cpu.State);
        CpuMode.Changed(cpu.State);
    }

    public void Kick() => cpu.Kick();

    public void RequestStop() => cpu.RequestStop();

    public void Resume() => cpu.Resume();

    public void Dispose() => cpu.Dispose();
}
