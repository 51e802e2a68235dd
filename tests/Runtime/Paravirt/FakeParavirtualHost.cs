using System.Text;
using Jitvmm.Runtime.Memory;
using Jitvmm.Runtime.Paravirt;

namespace Jitvmm.Tests.Runtime.Paravirt;

/// <summary>A machine whose clock tests set, and that notes what it is asked for.</summary>
internal sealed class FakeParavirtualHost(PhysicalMemory memory) : IParavirtualHost
{
    /// <summary>Processors with APIC ids 0 to this.</summary>
    public const uint LastId = 130;

    public PhysicalMemory Memory => memory;

    public uint Index { get; init; }

    /// <summary>Reaches other processors.</summary>
    public Action<uint>? LooksAround { get; set; }

    /// <summary>In the order in which they were asked for.</summary>
    public List<FakeAlarm> Alarms { get; } = [];

    public ulong TimeStamp { get; set; }

    public uint TimeStampFrequency { get; set; } = 1_000_000_000;

    public long Now { get; set; }

    public long UtcAtStart { get; set; }

    public long TimeKeptWaiting { get; set; }

    public List<string> Asked { get; } = [];

    public void EndHalt(uint apicId) => Asked.Add($"kick {apicId}");

    public void Yield() => Asked.Add("yield");

    public bool SendInterrupt(uint apicId, uint command)
    {
        Asked.Add($"{command:x} to {apicId}");
        return apicId <= LastId;
    }

    public void LookAround(uint apicId)
    {
        Asked.Add($"look {apicId}");
        LooksAround?.Invoke(apicId);
    }

    public IParavirtualAlarm CreateAlarm(Action rang)
    {
        var alarm = new FakeAlarm(rang);
        Alarms.Add(alarm);
        return alarm;
    }

    public void EndInterrupt() => Asked.Add("end");

    public ulong InterruptCommand { get; set; }

    public uint TaskPriority { get; set; }

    public IReadOnlyList<(ulong Address, ulong Length, uint Type)> MemoryRanges { get; } = [(0, 0x9f000, 1), (0x100000, 0x300000, 1), (0xf0000000, 0x1000, 2)];

    /// <summary>What the guest wrote to the console.</summary>
    public StringBuilder Console { get; } = new();

    public bool IsRunning(uint apicId) => apicId == 0;

    public void SetInterruptLine(uint wire, bool high) => Asked.Add($"wire {wire} {(high ? "high" : "low")}");

    public uint PciInterruptWire(uint slot, uint pin) => 16 + ((slot + pin) & 3);

    public void WriteConsole(ReadOnlySpan<byte> text) => Console.Append(Encoding.ASCII.GetString(text));

    public void PowerOff() => Asked.Add("power off");

    public void Restart() => Asked.Add("restart");

    public void Crash() => Asked.Add("crash");

    public void SettleEndOfInterrupt() => Asked.Add("settle");

    /// <summary>An alarm that tests ring.</summary>
    internal sealed class FakeAlarm(Action rang) : IParavirtualAlarm
    {
        public long Deadline { get; private set; } = long.MaxValue;

        public void Arm(long deadline) => Deadline = deadline;

        public void Cancel() => Deadline = long.MaxValue;

        public void Ring() => rang();
    }
}
