using Jitvmm.Runtime.Memory;
using Jitvmm.Runtime.Paravirt;

namespace Jitvmm.Tests.Runtime.Paravirt;

/// <summary>A machine whose clock tests set, and that notes what it is asked for.</summary>
internal sealed class FakeParavirtualHost(PhysicalMemory memory) : IParavirtualHost
{
    /// <summary>Processors with APIC ids 0 to this.</summary>
    public const uint LastId = 130;

    public PhysicalMemory Memory => memory;

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

    public void SettleEndOfInterrupt() => Asked.Add("settle");
}
