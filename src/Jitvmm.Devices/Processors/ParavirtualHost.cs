using Jitvmm.Devices.Firmware;
using Jitvmm.Devices.Interrupts;
using Jitvmm.Runtime.Memory;
using Jitvmm.Runtime.Paravirt;

namespace Jitvmm.Devices.Processors;

/// <summary>The machine as the paravirtual part of one of its processors sees it.</summary>
internal sealed class ParavirtualHost(CpuPlatform own, ParavirtualMachine machine) : IParavirtualHost
{
    private const uint VectorMask = 0xff;
    private const int ModeShift = 8;
    private const uint ModeMask = 7;
    private const uint LevelTriggered = 1u << 15;

    public PhysicalMemory Memory => machine.Memory;

    public uint Index => (uint)own.Index;

    public ulong TimeStamp => own.TimeStamp;

    public uint TimeStampFrequency => MachineCpuid.Frequency;

    public long Now => machine.Timers.Clock.Now;

    public long UtcAtStart => machine.UtcAtStart;

    public long TimeKeptWaiting => machine.Timers.Clock.IsCounted ? 0 : own.TimeKeptWaiting;

    public IReadOnlyList<(ulong Address, ulong Length, uint Type)> MemoryRanges => machine.MemoryRanges;

    public void EndHalt(uint apicId)
    {
        if (apicId < (uint)machine.Processors.Count)
        {
            machine.Processors[(int)apicId].EndHalt();
        }
    }

    public void Yield() => Thread.Yield();

    public bool SendInterrupt(uint apicId, uint command)
    {
        var mode = (DeliveryMode)((command >> ModeShift) & ModeMask);
        return apicId < (uint)machine.Processors.Count && machine.Apics.SendTo((int)apicId, new InterruptMessage(apicId, false, mode, (byte)(command & VectorMask), (command & LevelTriggered) != 0));
    }

    public void LookAround(uint apicId) => machine.Processors[(int)apicId].InterruptRaised();

    public IParavirtualAlarm CreateAlarm(Action rang) => machine.Timers.Create(rang);

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

    public bool IsRunning(uint apicId) => apicId < (uint)machine.Processors.Count && !machine.Processors[(int)apicId].WaitsForStartUp;

    public void SetInterruptLine(uint wire, bool high) => machine.SetLine(wire, high);

    public uint PciInterruptWire(uint slot, uint pin) => (uint)AddressMap.PciInterrupt((int)slot & 31, (int)pin & 3);

    public void WriteConsole(ReadOnlySpan<byte> text) => machine.WriteConsole(text);

    public void PowerOff() => machine.Control.PowerOff();

    public void Restart() => machine.Control.Reset();

    public void Crash() => machine.Control.Crash();

    public void SettleEndOfInterrupt() => own.Apic.SettleEnd();
}
