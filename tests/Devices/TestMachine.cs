using Jitvmm.Devices.Buses;
using Jitvmm.Devices.Chips;
using Jitvmm.Devices.Interrupts;
using Jitvmm.Devices.Time;

namespace Jitvmm.Tests.Devices;

/// <summary>Buses and a clock that stands still until a test moves it.</summary>
internal sealed class TestMachine : IInterruptSink, IMachineControl, ILocalApicOwner
{
    public TestMachine() => Timers = new TimerQueue(Clock);

    public MachineClock Clock { get; } = new(counted: true);

    public TimerQueue Timers { get; }

    public PortBus Ports { get; } = new();

    public ApicBus Bus { get; } = new();

    /// <summary>Level of each wire.</summary>
    public bool[] Levels { get; } = new bool[32];

    /// <summary>Rising edges of each wire.</summary>
    public int[] Edges { get; } = new int[32];

    public int InterruptsRaised { get; private set; }

    public List<string> Events { get; } = [];

    public InterruptLine Line(int wire) => new(this, wire);

    public void SetLevel(int wire, bool high)
    {
        if (high && !Levels[wire])
        {
            Edges[wire]++;
        }

        Levels[wire] = high;
    }

    /// <summary>Lets time pass, ringing each alarm at its moment.</summary>
    public void Pass(long nanoseconds)
    {
        long end = Clock.Now + nanoseconds;
        while (Timers.NextDeadline <= end)
        {
            Clock.Advance(Math.Max(Timers.NextDeadline - Clock.Now, 0));
            Timers.RingDue();
        }

        Clock.Advance(end - Clock.Now);
    }

    public byte In(ushort port) => (byte)Ports.Read(port, 1);

    public void Out(ushort port, int value) => Ports.Write(port, 1, (uint)value);

    public void PowerOff() => Events.Add("off");

    public void Reset() => Events.Add("reset");

    public void Crash() => Events.Add("crash");

    public void Exit(int status) => Events.Add($"exit {status}");

    public void InterruptRaised() => InterruptsRaised++;

    public void NonMaskableRaised() => Events.Add("nmi");

    public void InitializeRaised() => Events.Add("init");

    public void StartUpRaised(byte vector) => Events.Add($"startup {vector:x}");
}
