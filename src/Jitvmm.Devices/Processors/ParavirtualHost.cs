using Jitvmm.Devices.Interrupts;
using Jitvmm.Devices.Time;
using Jitvmm.Runtime.Memory;
using Jitvmm.Runtime.Paravirt;

namespace Jitvmm.Devices.Processors;

/// <summary>The machine as the paravirtual part of one of its processors sees it.</summary>
internal sealed class ParavirtualHost(CpuPlatform own, IReadOnlyList<CpuPlatform> all, PhysicalMemory memory, ApicBus apics, TimerQueue timers, long utcAtStart) : IParavirtualHost
{
    private const uint VectorMask = 0xff;
    private const int ModeShift = 8;
    private const uint ModeMask = 7;
    private const uint LevelTriggered = 1u << 15;

    public PhysicalMemory Memory => memory;

    public uint Index => (uint)own.Index;

    public ulong TimeStamp => own.TimeStamp;

    public uint TimeStampFrequency => MachineCpuid.Frequency;

    public long Now => timers.Clock.Now;

    public long UtcAtStart => utcAtStart;

    public long TimeKeptWaiting => timers.Clock.IsCounted ? 0 : own.TimeKeptWaiting;

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

    public void LookAround(uint apicId) => all[(int)apicId].InterruptRaised();

    public IParavirtualAlarm CreateAlarm(Action rang) => timers.Create(rang);

    public void EndInterrupt() => own.Apic.EndOfInterrupt();

    public ulong InterruptCommand
    {
        get => own.Apic.Command;
        set => own.Apic.Command = value;
    }

    public uint TaskPriority
    {
        get => own.Apic.TaskPriority;
        set => own.Apic.TaskPriority = value;
    }

    public void SettleEndOfInterrupt() => own.Apic.SettleEnd();
}
