using Jitvmm.Devices.Interrupts;
using Jitvmm.Devices.State;

namespace Jitvmm.Devices.Pci;

/// <summary>A function with MSI-X vectors in BAR 2, and INTA for guests that do not use them. One without vectors has INTA only.</summary>
public abstract class MsixFunction : PciFunction
{
    private const byte CapabilityId = 0x11;
    private const int TableBar = 2;
    private const ushort Enable = 0x8000;
    private const ushort MaskAll = 0x4000;

    private readonly int _capability;

    protected MsixFunction(in PciIdentity identity, ApicBus bus, int vectors)
        : base(identity)
    {
        Vectors = new MsixTable(bus, vectors);
        UsesInterruptPin();
        if (vectors == 0)
        {
            return;
        }

        AddBar(TableBar, MsixTable.Length, Vectors);
        int last = vectors - 1;
        _capability = AddCapability(
            CapabilityId,
            [(byte)last, (byte)(last >> 8), TableBar, 0, 0, 0, TableBar, (byte)(MsixTable.PendingOffset >> 8), 0, 0],
            [0, (Enable | MaskAll) >> 8]);
    }

    public MsixTable Vectors { get; }

    private bool HasTable => _capability != 0;

    public override void Save(StateWriter writer)
    {
        base.Save(writer);
        Vectors.Save(writer);
    }

    public override void Restore(StateReader reader)
    {
        base.Restore(reader);
        Vectors.Restore(reader);
        lock (ConfigurationLock)
        {
            if (HasTable)
            {
                UpdateVectors();
            }
        }
    }

    protected override void ConfigurationWritten(int offset, int bytes)
    {
        if (HasTable && offset < _capability + 4 && offset + bytes > _capability)
        {
            UpdateVectors();
        }
    }

    private void UpdateVectors()
    {
        ushort control = CapabilityWord(_capability + 2);
        Vectors.Configure((control & Enable) != 0, (control & MaskAll) != 0);
    }
}
