namespace Jitvmm.Devices.Interrupts;

/// <summary>The processor a local APIC belongs to. Any thread, possibly under device locks: implementations note the event and wake the vCPU, nothing more.</summary>
public interface ILocalApicOwner
{
    /// <summary>There may be an interrupt to take now.</summary>
    void InterruptRaised();

    void NonMaskableRaised();

    /// <summary>INIT: the processor resets and waits for a start-up message.</summary>
    void InitializeRaised();

    /// <summary>SIPI: a waiting processor starts in real mode at vector × 4 KiB.</summary>
    void StartUpRaised(byte vector);
}
