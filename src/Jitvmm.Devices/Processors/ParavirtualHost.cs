using Jitvmm.Devices.Interrupts;
using Jitvmm.Devices.Time;
using Jitvmm.Runtime.Memory;
using Jitvmm.Runtime.Paravirt;

namespace Jitvmm.Devices.Processors;

/// <summary>The machine as the paravirtual part of one of its processors sees it.</summary>
internal sealed class ParavirtualHost(CpuPlatform own, IReadOnlyList<CpuPlatform> all, PhysicalMemory memory, ApicBus apics, MachineClock clock, long utcAtStart) : IParavirtualHost
{
    private const uint VectorMask = 0xff;
    private const int ModeShift = 8;
    private const uint ModeMask = 7;
    private const uint LevelTriggered = 1u << 15;

    public PhysicalMemory Memory => memory;

    public ulong TimeStamp => own.TimeStamp;

    public uint TimeStampFrequency => MachineCpuid.Frequency;

    public long Now => clock.Now;

    public long UtcAtStart => utcAtStart;

    public long TimeKeptWaiting => clock.IsCounted ? 0 : own.TimeKeptWaiting;

    public void EndHalt(uint apicId)
    {
        if (apicId < (uint)all.Count)
        {
            all[(int)apicId].EndHalt();
        }
    }

    public void Yield() => Thread.Yield();

    public bool SendInterrupt(uint apicId, uint command)
    {
        var mode = (DeliveryMode)((command >> ModeShift) & ModeMask);
        return apicId < (uint)all.Count && apics.SendTo((int)apicId, new InterruptMessage(apicId, false, mode, (byte)(command & VectorMask), (command & LevelTriggered) != 0));
    }

    public void SettleEndOfInterrupt() => own.Apic.SettleEnd();
}
