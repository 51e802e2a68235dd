using System.Runtime.InteropServices;
using Jitvmm.Devices.Processors;
using Jitvmm.Runtime.Cpu;

namespace Jitvmm.Tests.Devices;

/// <summary>A processor whose guest is a delegate: called again and again until it asks to halt.</summary>
internal sealed unsafe class FakeProcessor(CpuPlatform platform, Func<CpuPlatform, FakeProcessor, ProcessorExit?> guest) : IProcessor
{
    private volatile bool _stop;

    public CpuState* State { get; } = (CpuState*)NativeMemory.AlignedAlloc(CpuState.Size, 64);

    public ulong Rip => State->Rip;

    public ulong Rsi => State->Gpr[6];

    public ulong CodeBase => State->System.Bases[1];

    public ProcessorExit Run()
    {
        while (!_stop)
        {
            ProcessorExit? exit = guest(platform, this);
            if (exit != null)
            {
                return exit.Value;
            }
        }

        return ProcessorExit.Stopped;
    }

    public void SetInterruptFlag() => State->FlagsSystem |= 1 << 9;

    public void StateReplaced()
    {
    }

    public void Kick()
    {
    }

    public void RequestStop() => _stop = true;

    public void Resume() => _stop = false;

    public void Dispose() => NativeMemory.AlignedFree(State);
}
