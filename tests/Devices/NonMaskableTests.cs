using Jitvmm.Devices.Interrupts;
using Jitvmm.Devices.Processors;

namespace Jitvmm.Tests.Devices;

/// <summary>How many NMIs wait: one while a handler runs, and the one it would be running for before.</summary>
public sealed unsafe class NonMaskableTests : IDisposable
{
    private readonly TestMachine _machine = new();
    private readonly CpuPlatform _platform;
    private readonly FakeProcessor _processor;

    public NonMaskableTests()
    {
        _platform = new CpuPlatform(0, 1, _machine.Ports, new ApicBus(), _machine.Timers, static _ => { });
        _processor = new FakeProcessor(_platform, static (_, _) => ProcessorExit.Halted);
        _platform.Processor = _processor;
        _processor.State->System.NmiBlocked = 0;
    }

    public void Dispose()
    {
        _processor.Dispose();
        _platform.Dispose();
    }

    [Fact]
    public void Two_that_come_at_once_are_two() => Assert.Equal(2, Taken(3));

    [Fact]
    public void One_waits_while_a_handler_runs()
    {
        _processor.State->System.NmiBlocked = 1;
        Assert.Equal(1, Taken(3));
    }

    private int Taken(int raised)
    {
        for (int i = 0; i < raised; i++)
        {
            _platform.NonMaskableRaised();
        }

        int taken = 0;
        while (_platform.AcknowledgeNonMaskable())
        {
            taken++;
        }

        return taken;
    }
}
