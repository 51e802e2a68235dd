using Jitvmm.Devices.Interrupts;
using Jitvmm.Devices.Pci;
using Jitvmm.Devices.State;
using Jitvmm.Runtime.Memory;

namespace Jitvmm.Devices.Virtio;

/// <summary>
/// A virtio device on PCI (Virtual I/O Device 1.2, chapters 2 to 4.1): negotiation, configuration and queues. Subclasses say what kind of device it is and serve the queues.
/// </summary>
/// <remarks>
/// BAR 0 holds the four structures, a page each. The device is served on the thread of the vCPU that notifies it, under the queue's lock; whatever may take long, a subclass
/// hands to a thread of its own. Lock order: device state, queue, configuration space, interrupt controllers.
/// </remarks>
public abstract class VirtioDevice : MsixFunction, IMemoryDevice
{
    protected const ulong IndirectDescriptors = 1ul << 28;
    protected const ulong EventIndex = 1ul << 29;
    private const ulong Version1 = 1ul << 32;

    private const int CommonPage = 0;
    private const int InterruptPage = 1;
    private const int DevicePage = 2;
    private const int NotifyPage = 3;
    private const uint RangeLength = 0x4000;
    private const byte FeaturesOk = 8;
    private const byte DriverOk = 4;
    private const byte NeedsReset = 0x40;
    private const byte QueueInterrupt = 1;
    private const byte ConfigurationInterrupt = 2;

    private readonly Lock _stateLock = new();
    private readonly VirtQueue[] _queues;
    private readonly int _windowCapability;
    private uint _deviceFeatureSelect;
    private uint _driverFeatureSelect;
    private ulong _driverFeatures;
    private volatile byte _status;
    private ushort _queueSelect;
    private ushort _configurationVector = MsixTable.None;
    private byte _generation;
    private int _interruptStatus;

    /// <param name="kind">Device type (chapter 5).</param>
    /// <param name="classCode">PCI class.</param>
    /// <param name="memory">The machine's.</param>
    /// <param name="bus">Takes its interrupts.</param>
    /// <param name="queueSizes">Most entries of each queue.</param>
    protected VirtioDevice(ushort kind, uint classCode, PhysicalMemory memory, ApicBus bus, params ushort[] queueSizes)
        : base(new PciIdentity(0x1af4, (ushort)(0x1040 + kind), classCode, 1, 0x1af4, (ushort)(0x1040 + kind)), bus, queueSizes.Length + 1)
    {
        Memory = memory;
        _queues = Array.ConvertAll(queueSizes, size => new VirtQueue(memory, size));
        AddBar(0, RangeLength, this);
        Structure(1, CommonPage, 0x40);
        Structure(3, InterruptPage, 1);
        Structure(4, DevicePage, 0x1000);
        _ = AddCapability(9, [.. Pointer(20, 2, NotifyPage, 0x1000), 4, 0, 0, 0]);

        // A window through configuration space, for software that cannot reach BARs yet.
        byte[] writable = new byte[18];
        writable[2] = 0xff;
        writable.AsSpan(6, 12).Fill(0xff);
        _windowCapability = AddCapability(9, [.. Pointer(20, 5, CommonPage, 0), 0, 0, 0, 0], writable);
    }

    public int QueueCount => _queues.Length;

    protected PhysicalMemory Memory { get; }

    /// <summary>Features beyond the transport's.</summary>
    protected abstract ulong DeviceFeatures { get; }

    /// <summary>What the driver accepted.</summary>
    protected ulong Features => Volatile.Read(ref _driverFeatures);

    /// <summary>Whether the driver set the device going.</summary>
    protected bool IsLive => (_status & (DriverOk | NeedsReset)) == DriverOk;

    public ulong Read(ulong offset, int bytes)
    {
        int at = (int)offset & 0xfff;
        switch ((int)(offset >> 12))
        {
            case CommonPage:
                lock (_stateLock)
                {
                    return ReadCommon(at, bytes);
                }

            case InterruptPage:
                int status = Interlocked.Exchange(ref _interruptStatus, 0);
                if (status != 0)
                {
                    SetInterrupt(false);
                }

                return (ulong)status;
            case DevicePage:
                Span<byte> value = stackalloc byte[8];
                value.Clear();
                ReadOnlySpan<byte> configuration = DeviceConfiguration;
                if (at < configuration.Length)
                {
                    configuration.Slice(at, Math.Min(Math.Min(bytes, 8), configuration.Length - at)).CopyTo(value);
                }

                return BitConverter.ToUInt64(value);
            default:
                return 0;
        }
    }

    public void Write(ulong offset, int bytes, ulong value)
    {
        int at = (int)offset & 0xfff;
        switch ((int)(offset >> 12))
        {
            case CommonPage:
                WriteCommonParts(at, bytes, value);
                break;
            case DevicePage:
                WriteDeviceConfiguration(at, BitConverter.GetBytes(value).AsSpan(0, Math.Min(bytes, 8)));
                break;
            case NotifyPage:
                Notify(at / 4);
                break;
            default:
                break;
        }
    }

    public override uint ReadConfiguration(int offset, int bytes)
    {
        if (IsWindowAccess(offset, bytes, out ulong target, out int length))
        {
            return (uint)Read(target, length);
        }

        return base.ReadConfiguration(offset, bytes);
    }

    public override void WriteConfiguration(int offset, int bytes, uint value)
    {
        base.WriteConfiguration(offset, bytes, value);
        if (IsWindowAccess(offset, bytes, out ulong target, out int length))
        {
            Write(target, length, value);
        }
    }

    public override void Save(StateWriter writer)
    {
        base.Save(writer);
        lock (_stateLock)
        {
            writer.Section("virtio", 2);
            writer.UInt32(_deviceFeatureSelect);
            writer.UInt32(_driverFeatureSelect);
            writer.UInt64(_driverFeatures);
            writer.Byte(_status);
            writer.UInt16(_queueSelect);
            writer.UInt16(_configurationVector);
            writer.Byte(_generation);
            writer.Int32(_interruptStatus);
            foreach (VirtQueue queue in _queues)
            {
                queue.Save(writer);
            }
        }
    }

    public override void Restore(StateReader reader)
    {
        base.Restore(reader);
        lock (_stateLock)
        {
            reader.Section("virtio", 2);
            _deviceFeatureSelect = reader.UInt32();
            _driverFeatureSelect = reader.UInt32();
            _driverFeatures = reader.UInt64();
            _status = reader.Byte();
            _queueSelect = reader.UInt16();
            _configurationVector = reader.UInt16();
            _generation = reader.Byte();
            _interruptStatus = reader.Int32();
            foreach (VirtQueue queue in _queues)
            {
                queue.Restore(reader);
            }
        }
    }

    /// <summary>Serves a queue, under its lock: pops chains, pushes them back. The interrupt follows by itself.</summary>
    protected abstract void Serve(int index, VirtQueue queue);

    /// <summary>The driver reset the device. No queue's lock is held.</summary>
    protected virtual void OnReset()
    {
    }

    /// <summary>The driver set the device going.</summary>
    protected virtual void OnLive()
    {
    }

    /// <summary>The device-specific configuration as it is now; what lies past its end reads as 0.</summary>
    protected virtual ReadOnlySpan<byte> DeviceConfiguration => [];

    protected virtual void WriteDeviceConfiguration(int offset, ReadOnlySpan<byte> value)
    {
    }

    /// <summary>Serves a queue now, from any thread.</summary>
    protected void Notify(int index)
    {
        if ((uint)index >= (uint)_queues.Length)
        {
            return;
        }

        VirtQueue queue = _queues[index];
        lock (queue.Lock)
        {
            if (!IsLive || !IsBusMaster)
            {
                return;
            }

            Serve(index, queue);
            while (queue.RequestNotification())
            {
                ushort before = queue.Position;
                Serve(index, queue);
                if (queue.Position == before)
                {
                    // What is there waits for something else: input, or room at the host.
                    break;
                }
            }

            Signal(queue);
        }

        if (queue.IsBroken)
        {
            Fail();
        }
    }

    /// <summary>Returns a chain that was served elsewhere, from any thread, after writing a result to RAM. Nothing when the device was reset meanwhile.</summary>
    protected void Complete(in PendingChain chain, uint written, ulong resultAddress, ReadOnlySpan<byte> result)
    {
        VirtQueue queue = _queues[chain.Queue];
        lock (queue.Lock)
        {
            if (queue.Generation == chain.Generation && IsLive)
            {
                _ = Memory.Write(resultAddress, result);
                queue.Push(chain.Head, written);
                Signal(queue);
            }
        }
    }

    /// <summary>The device-specific configuration changed.</summary>
    protected void ConfigurationChanged()
    {
        ushort vector;
        lock (_stateLock)
        {
            _generation++;
            vector = _configurationVector;
        }

        if ((_status & DriverOk) != 0)
        {
            Raise(vector, ConfigurationInterrupt);
        }
    }

    /// <summary>A chain that a thread of the device's own is serving.</summary>
    protected readonly record struct PendingChain(int Queue, ushort Head, int Generation);

    private ulong Offered => DeviceFeatures | Version1 | IndirectDescriptors | EventIndex;

    /// <summary>The body of a capability that points into BAR 0.</summary>
    private static byte[] Pointer(byte capabilityLength, byte type, int page, uint length) =>
        [capabilityLength, type, 0, 0, 0, 0, 0, (byte)(page << 4), 0, 0, .. BitConverter.GetBytes(length)];

    private void Structure(byte type, int page, uint length) => _ = AddCapability(9, Pointer(16, type, page, length));

    private void Signal(VirtQueue queue)
    {
        if (queue.TakeInterrupt())
        {
            Raise(queue.Vector, QueueInterrupt);
        }
    }

    private void Raise(ushort vector, byte cause)
    {
        if (Vectors.IsEnabled)
        {
            Vectors.Notify(vector);
        }
        else
        {
            _ = Interlocked.Or(ref _interruptStatus, cause);
            SetInterrupt(true);
        }
    }

    private void Fail()
    {
        ushort vector;
        lock (_stateLock)
        {
            if ((_status & NeedsReset) != 0)
            {
                return;
            }

            _status |= NeedsReset;
            vector = _configurationVector;
        }

        Raise(vector, ConfigurationInterrupt);
    }

    private bool IsWindowAccess(int offset, int bytes, out ulong target, out int length)
    {
        target = 0;
        length = 0;
        if (offset != _windowCapability + 16)
        {
            return false;
        }

        lock (ConfigurationLock)
        {
            target = CapabilityDouble(_windowCapability + 8);
            length = (int)CapabilityDouble(_windowCapability + 12);
        }

        return length is 1 or 2 or 4 && length <= bytes && target % (ulong)length == 0 && target < RangeLength;
    }

    private VirtQueue? Selected => _queueSelect < _queues.Length ? _queues[_queueSelect] : null;

    private ulong ReadCommon(int offset, int bytes)
    {
        if (bytes == 8)
        {
            return ReadCommon(offset, 4) | (ReadCommon(offset + 4, 4) << 32);
        }

        VirtQueue? queue = Selected;
        ulong offered = Offered;
        return offset switch
        {
            0x00 => _deviceFeatureSelect,
            0x04 => _deviceFeatureSelect < 2 ? (uint)(offered >> (int)(32 * _deviceFeatureSelect)) : 0,
            0x08 => _driverFeatureSelect,
            0x0c => _driverFeatureSelect < 2 ? (uint)(_driverFeatures >> (int)(32 * _driverFeatureSelect)) : 0,
            0x10 => _configurationVector,
            0x12 => (ulong)_queues.Length,
            0x14 => _status,
            0x15 => _generation,
            0x16 => _queueSelect,
            0x18 => queue?.Size ?? 0,
            0x1a => queue?.Vector ?? MsixTable.None,
            0x1c => queue is { IsEnabled: true } ? 1ul : 0,
            0x1e => _queueSelect,
            0x20 => (uint)(queue?.DescriptorAddress ?? 0),
            0x24 => (queue?.DescriptorAddress ?? 0) >> 32,
            0x28 => (uint)(queue?.AvailableAddress ?? 0),
            0x2c => (queue?.AvailableAddress ?? 0) >> 32,
            0x30 => (uint)(queue?.UsedAddress ?? 0),
            0x34 => (queue?.UsedAddress ?? 0) >> 32,
            _ => 0,
        };
    }

    private void WriteCommonParts(int offset, int bytes, ulong value)
    {
        if (bytes == 8)
        {
            WriteCommonParts(offset, 4, (uint)value);
            WriteCommonParts(offset + 4, 4, value >> 32);
            return;
        }

        if (offset == 0x14)
        {
            WriteStatus((byte)value);
            return;
        }

        lock (_stateLock)
        {
            VirtQueue? queue = Selected;
            if (offset < 0x18)
            {
                WriteNegotiation(offset, (uint)value);
            }
            else if (queue != null)
            {
                lock (queue.Lock)
                {
                    WriteQueue(queue, offset, (uint)value);
                }
            }
        }
    }

    private void WriteNegotiation(int offset, uint value)
    {
        switch (offset)
        {
            case 0x00:
                _deviceFeatureSelect = value;
                break;
            case 0x08:
                _driverFeatureSelect = value;
                break;
            case 0x0c when _driverFeatureSelect < 2 && (_status & FeaturesOk) == 0:
                int shift = 32 * (int)_driverFeatureSelect;
                _driverFeatures = (_driverFeatures & ~((ulong)uint.MaxValue << shift)) | ((ulong)value << shift);
                break;
            case 0x10:
                _configurationVector = value < (uint)Vectors.Count ? (ushort)value : MsixTable.None;
                break;
            case 0x16:
                _queueSelect = (ushort)value;
                break;
            default:
                break;
        }
    }

    private void WriteQueue(VirtQueue queue, int offset, uint value)
    {
        if (offset == 0x1a)
        {
            queue.Vector = value < (uint)Vectors.Count ? (ushort)value : MsixTable.None;
            return;
        }

        if (queue.IsEnabled)
        {
            return;
        }

        switch (offset)
        {
            case 0x18:
                queue.Size = (ushort)value;
                break;
            case 0x1c when value == 1:
                queue.UsesEventIndex = (_driverFeatures & EventIndex) != 0;
                queue.Enable();
                break;
            case 0x20:
                queue.DescriptorAddress = (queue.DescriptorAddress & ~(ulong)uint.MaxValue) | value;
                break;
            case 0x24:
                queue.DescriptorAddress = (uint)queue.DescriptorAddress | ((ulong)value << 32);
                break;
            case 0x28:
                queue.AvailableAddress = (queue.AvailableAddress & ~(ulong)uint.MaxValue) | value;
                break;
            case 0x2c:
                queue.AvailableAddress = (uint)queue.AvailableAddress | ((ulong)value << 32);
                break;
            case 0x30:
                queue.UsedAddress = (queue.UsedAddress & ~(ulong)uint.MaxValue) | value;
                break;
            case 0x34:
                queue.UsedAddress = (uint)queue.UsedAddress | ((ulong)value << 32);
                break;
            default:
                break;
        }
    }

    private void WriteStatus(byte value)
    {
        if (value == 0)
        {
            ResetDevice();
            return;
        }

        bool goesLive;
        lock (_stateLock)
        {
            // Features the device did not offer are not accepted: FEATURES_OK reads back as 0. Legacy drivers lack VERSION_1.
            if ((value & FeaturesOk) != 0 && ((_driverFeatures & ~Offered) != 0 || (_driverFeatures & Version1) == 0))
            {
                value &= unchecked((byte)~FeaturesOk);
            }

            goesLive = (value & DriverOk) != 0 && (_status & DriverOk) == 0;
            _status = (byte)(value | (_status & NeedsReset));
        }

        if (goesLive)
        {
            OnLive();
        }
    }

    private void ResetDevice()
    {
        lock (_stateLock)
        {
            _status = 0;
            _deviceFeatureSelect = _driverFeatureSelect = 0;
            _driverFeatures = 0;
            _queueSelect = 0;
            _configurationVector = MsixTable.None;
            foreach (VirtQueue queue in _queues)
            {
                lock (queue.Lock)
                {
                    queue.Reset();
                }
            }
        }

        if (Interlocked.Exchange(ref _interruptStatus, 0) != 0)
        {
            SetInterrupt(false);
        }

        OnReset();
    }
}
