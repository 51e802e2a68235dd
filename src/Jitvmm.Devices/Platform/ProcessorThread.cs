using Jitvmm.Devices.Interrupts;
using Jitvmm.Devices.Processors;
using Jitvmm.Runtime.Cpu;

namespace Jitvmm.Devices.Platform;

/// <summary>The host thread of one processor: runs guest code, waits while it halts, and handles INIT and start-up messages.</summary>
internal sealed unsafe class ProcessorThread
{
    private const int StackSize = 16 * 1024 * 1024;
    private const ulong InterruptFlag = 1 << 9;

    private readonly Machine _machine;
    private readonly CpuPlatform _platform;
    private readonly Thread _thread;

    public ProcessorThread(Machine machine, CpuPlatform platform)
    {
        _machine = machine;
        _platform = platform;
        _thread = new Thread(Serve, StackSize) { IsBackground = true, Name = $"processor {platform.Index}" };
    }

    public void Start() => _thread.Start();

    public void Join() => _thread.Join();

    private void Serve()
    {
        try
        {
            LocalApicWindow.Enter(_platform.Apic);
            _platform.EnterThread();
            using IProcessor processor = _machine.CreateProcessor(_platform);
            _platform.Processor = processor;
            ProcessorState.PowerOn(processor.State);
            if (_platform.Index == 0)
            {
                _machine.Entry.Apply(processor.State);
            }

            processor.StateReplaced();
            Run(processor);
            _machine.Inspect(_platform, processor);
            _platform.Processor = null;
        }
        catch (Exception failure)
        {
            _platform.Processor = null;
            _machine.End(new MachineOutcome(MachineEnd.Failed, Processor: _platform.Index, Failure: failure));
        }
    }

    private void Run(IProcessor processor)
    {
        while (true)
        {
            // Cleared before the reasons for a stop are looked at, so that a later one stops the run below.
            processor.Resume();
            if (!_machine.MayRun())
            {
                return;
            }

            _platform.ApplyRestored(processor);
            HandleEvents(processor);
            if (_platform.WaitsForStartUp || (_platform.IsHalted && !HasWork(processor)))
            {
                if (!_machine.IsInterrupted && !_platform.SkipToDeadline())
                {
                    _platform.Wait();
                }

                continue;
            }

            _platform.IsHalted = processor.Run() == ProcessorExit.Halted;
        }
    }

    /// <summary>What ends a halt: an interrupt that IF lets through, or an event that nothing holds back.</summary>
    private bool HasWork(IProcessor processor) =>
        _platform.TakeEndOfHalt() || _platform.HasEvent || (_platform.HasInterrupt && (processor.State->FlagsSystem & InterruptFlag) != 0);

    private void HandleEvents(IProcessor processor)
    {
        if (_platform.TakeInitialize())
        {
            _platform.Paravirtual?.Reset();
            _platform.Apic.Reset();
            CpuMode.Reset(processor.State);
            processor.StateReplaced();
            _platform.WaitsForStartUp = true;
            _platform.IsHalted = false;
        }

        if (_platform.TakeStartUp(out byte vector) && _platform.WaitsForStartUp)
        {
            ProcessorState.StartUp(processor.State, vector);
            processor.StateReplaced();
            _platform.WaitsForStartUp = false;
        }
    }
}
