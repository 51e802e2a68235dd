using Jitvmm.Runtime.Memory;

namespace Jitvmm.Runtime.Paravirt;

/// <summary>
/// What the paravirtual part of one processor asks of the machine around it. Called on that processor's own thread, or where no register of its own is concerned on any; no call may
/// throw, whatever the guest passed.
/// </summary>
public interface IParavirtualHost
{
    PhysicalMemory Memory { get; }

    /// <summary>The processor's number and APIC id.</summary>
    uint Index { get; }

    /// <summary>Machine time in ticks of the time-stamp counter, before the guest's own offset.</summary>
    ulong TimeStamp { get; }

    /// <summary>Ticks a second.</summary>
    uint TimeStampFrequency { get; }

    /// <summary>Machine time, ns.</summary>
    long Now { get; }

    /// <summary>UTC at machine time 0: ns since 1970.</summary>
    long UtcAtStart { get; }

    /// <summary>How long the host has kept this processor's thread waiting for a host CPU, ns since the thread started; 0 where time is counted.</summary>
    long TimeKeptWaiting { get; }

    /// <summary>The map that firmware hands to kernels: address, length and type (ACPI 6.5, 15.1).</summary>
    IReadOnlyList<(ulong Address, ulong Length, uint Type)> MemoryRanges { get; }

    /// <summary>Ends the halt of the processor with an APIC id, or its next one. An unknown id is ignored.</summary>
    void EndHalt(uint apicId);

    /// <summary>Lets another thread of the host run, if one waits.</summary>
    void Yield();

    /// <summary>Sends an interrupt to one processor; whether that took it.</summary>
    /// <param name="apicId">The receiver.</param>
    /// <param name="command">Vector, delivery mode and trigger mode as in an interrupt command register (SDM vol. 3A, 11.6.1).</param>
    bool SendInterrupt(uint apicId, uint command);

    /// <summary>Makes a processor leave guest code soon, and come to <see cref="ParavirtualCpu.Entering"/>.</summary>
    void LookAround(uint apicId);

    /// <summary>An alarm whose callback comes on another thread.</summary>
    IParavirtualAlarm CreateAlarm(Action rang);

    /// <summary>Ends the interrupt in service, as a write to the local APIC does.</summary>
    void EndInterrupt();

    /// <summary>The local APIC's interrupt command register, in the layout of xAPIC whatever its mode (SDM vol. 3A, 11.6.1). Written, it sends.</summary>
    ulong InterruptCommand { get; set; }

    /// <summary>Its task priority register.</summary>
    uint TaskPriority { get; set; }

    /// <summary>Whether a processor has been started. An unknown one has not.</summary>
    bool IsRunning(uint apicId);

    /// <summary>Drives a global system interrupt's wire, of the first 24.</summary>
    void SetInterruptLine(uint wire, bool high);

    /// <summary>The wire of a PCI slot's interrupt pin, on bus 0; pin 0 is INTA.</summary>
    uint PciInterruptWire(uint slot, uint pin);

    /// <summary>Takes what the guest says to whoever looks after it. Bytes are dropped when nobody takes them.</summary>
    void WriteConsole(ReadOnlySpan<byte> text);

    /// <summary>The guest turned the machine off.</summary>
    void PowerOff();

    /// <summary>It asked to be started anew.</summary>
    void Restart();

    /// <summary>It says that it has crashed.</summary>
    void Crash();

    /// <summary>Takes back what <see cref="ILazyEndOfInterrupt"/> offers the guest at the moment.</summary>
    void SettleEndOfInterrupt();
}
