using Jitvmm.Runtime.Memory;

namespace Jitvmm.Runtime.Paravirt.Kvm;

/// <summary>PV EOI (msr.rst, MSR_KVM_EOI_EN): a bit that is set while the guest may end the interrupt in service by clearing it.</summary>
internal sealed unsafe class KvmEndOfInterrupt(PhysicalMemory memory) : ILazyEndOfInterrupt
{
    private const ulong Enabled = 1;
    private const ulong Misaligned = 2;
    private const int Length = 4;
    private const byte Offered = 1;

    private readonly SharedRecord _record = new(memory, Length);

    public ulong Register { get; private set; }

    /// <summary>Places the word. False: a reserved bit, or it is not in RAM.</summary>
    public bool TryWrite(ulong value)
    {
        bool isEnabled = (value & Enabled) != 0;
        if ((value & Misaligned) != 0 || (isEnabled && !memory.Allows(value & ~Enabled, Length, PageAccess.Read | PageAccess.Write)))
        {
            return false;
        }

        Register = value;
        _record.Remove();
        return !isEnabled || _record.TryPlace(value & ~Enabled);
    }

    public void Reset()
    {
        Register = 0;
        _record.Remove();
    }

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
