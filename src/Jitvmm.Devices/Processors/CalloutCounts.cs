namespace Jitvmm.Devices.Processors;

/// <summary>How often one processor needed the machine around it, by what it was for. Written on its own thread; others read what may be a few behind.</summary>
public sealed class CalloutCounts
{
    /// <summary>I/O ports read or written.</summary>
    public long Ports { get; internal set; }

    /// <summary>Model-specific registers of the machine's: the local APIC's and the hypervisor's.</summary>
    public long Registers { get; internal set; }

    /// <summary>CPUID.</summary>
    public long Identity { get; internal set; }

    /// <summary>Maskable interrupts taken.</summary>
    public long Interrupts { get; internal set; }

    /// <summary>Waits of a halted processor.</summary>
    public long Waits { get; internal set; }
}
