using System.Buffers.Binary;
using System.Numerics;
using Jitvmm.Devices.Interrupts;
using Jitvmm.Devices.State;

namespace Jitvmm.Devices.Pci;

/// <summary>A function that offers plain messages (PCI Local Bus 3.0, 6.8.1) beside MSI-X and INTA: a 64-bit address, several messages, a mask bit for each.</summary>
/// <remarks>
/// NVMe's functions are of this kind, as hardware's are. Virtio's are not: virtio-pci has vectors for MSI-X and for INTA only (Virtual I/O Device 1.2, 4.1.4).
/// What vectors map to, and which are pending, is in the configuration space itself; its lock guards both.
/// </remarks>
public abstract class MsiFunction : MsixFunction
{
    private const byte CapabilityId = 0x05;
    private const int MaximumMessages = 32;

    // The message control register.
    private const int Enable = 1;
    private const int CapableShift = 1;
    private const int EnabledShift = 4;
    private const int CountMask = 7;
    private const int WideAddress = 0x80;
    private const int MasksVectors = 0x100;

    // Where registers are in the capability.
    private const int Control = 2;
    private const int Address = 4;
    private const int UpperAddress = 8;
    private const int Data = 12;
    private const int Mask = 16;
    private const int Pending = 20;

    private readonly int _capability;
    private readonly int _messagesLog2;
    private readonly ApicBus _bus;
    private uint _pending;
    private volatile bool _usesMessages;

    /// <param name="identity">Its numbers.</param>
    /// <param name="bus">Takes its messages.</param>
    /// <param name="vectors">Interrupts it tells apart. MSI carries a power of two of them, at most 32.</param>
    /// <param name="hasTable">Whether it has MSI-X too.</param>
    protected MsiFunction(in PciIdentity identity, ApicBus bus, int vectors, bool hasTable)
        : base(identity, bus, hasTable ? vectors : 0)
    {
        _bus = bus;
        _messagesLog2 = BitOperations.Log2(Math.Min(BitOperations.RoundUpToPowerOf2((uint)vectors), MaximumMessages));
        int control = WideAddress | MasksVectors | (_messagesLog2 << CapableShift);
        uint implemented = uint.MaxValue >> (MaximumMessages - (1 << _messagesLog2));
        byte[] content = new byte[22];
        byte[] writable = new byte[22];
        BinaryPrimitives.WriteUInt16LittleEndian(content, (ushort)control);
        BinaryPrimitives.WriteUInt16LittleEndian(writable, (ushort)(Enable | (CountMask << EnabledShift)));
        BinaryPrimitives.WriteUInt32LittleEndian(writable.AsSpan(Address - 2), ~3u);
        writable.AsSpan(UpperAddress - 2, 6).Fill(0xff);
        BinaryPrimitives.WriteUInt32LittleEndian(writable.AsSpan(Mask - 2), implemented);
        _capability = AddCapability(CapabilityId, content, writable);
    }

    /// <summary>Whether plain messages are used instead of INTA. A driver enables them or MSI-X, not both; MSI-X comes first.</summary>
    protected bool UsesPlainMessages => _usesMessages;

    public override void Save(StateWriter writer)
    {
        base.Save(writer);
        lock (ConfigurationLock)
        {
            writer.Section("msi", 1);
            writer.UInt32(_pending);
        }
    }

    public override void Restore(StateReader reader)
    {
        base.Restore(reader);
        lock (ConfigurationLock)
        {
            reader.Section("msi", 1);
            _pending = reader.UInt32();
            UpdateMessages();
        }
    }

    /// <summary>Sends a vector's message, now or when it is unmasked. Vectors share messages when the driver has enabled fewer (6.8.1.3).</summary>
    protected void SendMessage(int vector)
    {
        lock (ConfigurationLock)
        {
            if (_usesMessages)
            {
                _pending |= 1u << (vector & (EnabledMessages - 1));
                UpdateMessages();
            }
        }
    }

    protected override void ConfigurationWritten(int offset, int bytes)
    {
        base.ConfigurationWritten(offset, bytes);
        if (offset < _capability + Pending && offset + bytes > _capability)
        {
            UpdateMessages();
        }
    }

    /// <summary>Messages the driver has enabled; more than the function is capable of count as all.</summary>
    private int EnabledMessages => 1 << Math.Min(CapabilityWord(_capability + Control) >> EnabledShift & CountMask, _messagesLog2);

    /// <summary>Delivers what is pending and not masked; under the lock.</summary>
    private void UpdateMessages()
    {
        _usesMessages = (CapabilityWord(_capability + Control) & Enable) != 0;
        _pending = _usesMessages ? _pending & (uint.MaxValue >> (MaximumMessages - EnabledMessages)) : 0;
        uint ready = _pending & ~CapabilityDouble(_capability + Mask);
        _pending &= ~ready;
        SetCapabilityDouble(_capability + Pending, _pending);
        for (; ready != 0; ready &= ready - 1)
        {
            Deliver(BitOperations.TrailingZeroCount(ready));
        }
    }

    /// <summary>The low bits of the data say which of the messages it is.</summary>
    private void Deliver(int message)
    {
        ulong address = CapabilityDouble(_capability + Address) | ((ulong)CapabilityDouble(_capability + UpperAddress) << 32);
        uint data = (uint)(CapabilityWord(_capability + Data) & ~(EnabledMessages - 1)) | (uint)message;

        // Other addresses would be plain writes to memory, which no driver asks for.
        if (InterruptMessage.IsMessageAddress(address))
        {
            _ = _bus.Deliver(InterruptMessage.FromWrite(address, data));
        }
    }
}
