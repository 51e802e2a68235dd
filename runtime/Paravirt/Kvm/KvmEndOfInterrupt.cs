using Jitvmm.Runtime.Memory;

namespace Jitvmm.Runtime.Paravirt.Kvm;

/// <summary>PV EOI (msr.rst, MSR_KVM_EOI_EN): a bit that is set while the guest may end the interrupt in service by clearing it.</summary>
internal sealed class KvmEndOfInterrupt(PhysicalMemory memory)
{
    private const ulong Enabled = 1;
    private const ulong Misaligned = 2;

    public EndOfInterruptWord Word { get; } = new(memory);

    public ulong Register { get; private set; }

    /// <summary>Places the word. False: a reserved bit, or it is not in RAM.</summary>
    public bool TryWrite(ulong value)
    {
        bool isEnabled = (value & Enabled) != 0;
        if ((value & Misaligned) != 0 || (isEnabled && !memory.Allows(value & ~Enabled, EndOfInterruptWord.Length, PageAccess.Read | PageAccess.Write)))
        {
            return false;
        }

        Register = value;
        Word.Remove();
        return !isEnabled || Word.TryPlace(value & ~Enabled);
    }

    public void Reset()
    {
        Register = 0;
        Word.Remove();
    }
}
