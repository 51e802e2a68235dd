namespace Jitvmm.Runtime.Paravirt;

/// <summary>A place where the guest may end an interrupt without telling the local APIC. On the processor's own thread.</summary>
public interface ILazyEndOfInterrupt
{
    /// <summary>Offers it for the interrupt about to be delivered. False: the guest has no such place.</summary>
    bool TryOffer();

    /// <summary>Takes the offer back. True: the guest has ended the interrupt; otherwise it will tell the APIC.</summary>
    bool Withdraw();
}
