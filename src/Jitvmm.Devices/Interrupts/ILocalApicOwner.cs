namespace Jitvmm.Devices.Interrupts;

/// <summary>The processor a local APIC belongs to. Any thread, possibly under device locks: implementations note the event and wake the vCPU, nothing more.</summary>
public interface ILocalApicOwner
{
    /// <summary>There may be an interrupt to take now.</summary>
    void InterruptRaised();

    void NonMaskableRaised();

    /// <summary>Software enabled the APIC, which took no interrupts before. On the processor's own thread, under the APIC's lock: the one thing to do beside is to send it interrupts.</summary>
    void InterruptsEnabled()
    {
    }

    /// <summary>INIT: the processor resets and waits for a start-up message.</summary>
    void InitializeRaised();

    /// <summary>SIPI: a waiting processor starts in real mode at vector × 4 KiB.</summary>
    void StartUpRaised(byte vector);
}
