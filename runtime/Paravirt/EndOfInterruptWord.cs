using Jitvmm.Runtime.Memory;

namespace Jitvmm.Runtime.Paravirt;

/// <summary>A word of the guest's whose bit 0 is set while the guest may end the interrupt in service by clearing it.</summary>
internal sealed unsafe class EndOfInterruptWord(PhysicalMemory memory) : ILazyEndOfInterrupt
{
    public const int Length = 4;

    private const byte Offered = 1;

    private readonly SharedRecord _record = new(memory, Length);

    /// <summary>Puts it at an address. Nothing may be offered at the moment. False: that is not RAM, and the word is nowhere.</summary>
    public bool TryPlace(ulong address) => _record.TryPlace(address);

    /// <summary>Nothing may be offered at the moment.</summary>
    public void Remove() => _record.Remove();

    public bool TryOffer()
    {
        if (!_record.IsPlaced)
        {
            return false;
        }

        *_record.Writable() |= Offered;
        _record.Written();
        return true;
    }

    public bool Withdraw()
    {
        byte* word = _record.Writable();
        bool isEnded = (*word & Offered) == 0;
        *word &= unchecked((byte)~Offered);
        _record.Written();
        return isEnded;
    }
}
