using System.Buffers.Binary;
using Jitvmm.Devices.Buses;
using Jitvmm.Devices.Firmware;
using Jitvmm.Devices.State;
using Jitvmm.Runtime.Memory;

namespace Jitvmm.Devices.Pci;

/// <summary>The numbers a function is recognised by.</summary>
public readonly record struct PciIdentity(ushort Vendor, ushort Device, uint Class, byte Revision, ushort SubsystemVendor, ushort Subsystem);

/// <summary>
/// A PCI function with its configuration space: header type 0, memory ranges that move, capabilities, INTA (PCI Local Bus 3.0, chapter 6).
/// </summary>
/// <remarks>Ranges appear only inside the windows of the root bridge, so that no guest can lay one over RAM or over a chip.</remarks>
public abstract class PciFunction : IStateful
{
    private const int Command = 4;
    private const int Status = 6;
    private const int FirstBar = 0x10;
    private const int CapabilityPointer = 0x34;
    private const int InterruptLineRegister = 0x3c;
    private const int InterruptPin = 0x3d;
    private const byte PortsEnabled = 1;
    private const byte MemoryEnabled = 2;
    private const byte BusMaster = 4;
    private const ushort InterruptDisabled = 0x400;
    private const byte CapabilityList = 0x10;
    private const byte InterruptStatus = 8;

    private readonly byte[] _config = new byte[256];
    private readonly byte[] _writable = new byte[256];
    private readonly PciBar?[] _bars = new PciBar?[6];
    private int _lastCapability;
    private int _nextFree = 0x40;
    private bool _interruptRaised;
    private PhysicalMemory? _memory;
    private InterruptLine? _line;

    protected PciFunction(in PciIdentity identity)
    {
        Word(0, identity.Vendor);
        Word(2, identity.Device);
        _config[8] = identity.Revision;
        _config[9] = (byte)identity.Class;
        Word(10, (ushort)(identity.Class >> 8));
        Word(0x2c, identity.SubsystemVendor);
        Word(0x2e, identity.Subsystem);
        _writable[Command] = MemoryEnabled | BusMaster;
        _writable[Command + 1] = InterruptDisabled >> 8;
        _writable[InterruptLineRegister] = 0xff;
    }

    /// <summary>Guards the configuration space. Taken before the lock of an interrupt controller or the memory's gate, never after a queue's.</summary>
    protected Lock ConfigurationLock { get; } = new();

    /// <summary>Whether the function may reach memory and send messages by itself.</summary>
    protected bool IsBusMaster => (Volatile.Read(ref _config[Command]) & BusMaster) != 0;

    /// <summary>Reads 1, 2 or 4 aligned bytes.</summary>
    public virtual uint ReadConfiguration(int offset, int bytes)
    {
        lock (ConfigurationLock)
        {
            uint value = 0;
            for (int i = 0; i < bytes && offset + i < _config.Length; i++)
            {
                value |= (uint)_config[offset + i] << (8 * i);
            }

            return value;
        }
    }

    public virtual void WriteConfiguration(int offset, int bytes, uint value)
    {
        lock (ConfigurationLock)
        {
            for (int i = 0; i < bytes && offset + i < _config.Length; i++)
            {
                int at = offset + i;
                byte mask = _writable[at];
                _config[at] = (byte)((_config[at] & (uint)~mask) | ((value >> (8 * i)) & mask));
            }

            if (offset < FirstBar + 24 && offset + bytes > Command)
            {
                UpdateRanges();
                UpdateLine();
            }

            ConfigurationWritten(offset, bytes);
        }
    }

    public virtual void Save(StateWriter writer)
    {
        lock (ConfigurationLock)
        {
            writer.Section("pci", 1);
            writer.Bytes(_config);
            writer.Bool(_interruptRaised);
        }
    }

    public virtual void Restore(StateReader reader)
    {
        lock (ConfigurationLock)
        {
            reader.Section("pci", 1);
            Span<byte> saved = stackalloc byte[256];
            reader.Bytes(saved);
            for (int i = 0; i < saved.Length; i++)
            {
                _config[i] = (byte)((_config[i] & ~_writable[i]) | (saved[i] & _writable[i]));
            }

            _interruptRaised = reader.Bool();
            UpdateRanges();
            UpdateLine();
        }
    }

    /// <summary>The root bus takes the function: where its ranges start and which wire INTA is.</summary>
    internal void Connect(PhysicalMemory memory, InterruptLine? line, Func<PciBar, uint> place)
    {
        _memory = memory;
        _line = line;
        _config[InterruptLineRegister] = (byte)(line == null ? 0 : line.Wire);
        lock (ConfigurationLock)
        {
            foreach (PciBar? bar in _bars)
            {
                if (bar != null)
                {
                    BinaryPrimitives.WriteUInt32LittleEndian(_config.AsSpan(FirstBar + 4 * bar.Index), place(bar) | bar.Kind);
                }
            }

            // As firmware leaves it: ranges assigned and answering.
            _config[Command] = (byte)(MemoryEnabled | (_writable[Command] & PortsEnabled));
            UpdateRanges();
        }
    }

    /// <summary>Gives the function a memory range.</summary>
    protected void AddBar(int index, uint length, IMemoryDevice device) => AddBar(new PciBar(index, length, PciBar.Memory, device));

    /// <summary>Gives it a memory range where nothing answers: addresses that are free for something else.</summary>
    protected void AddEmptyBar(int index, uint length) => AddBar(new PciBar(index, length, PciBar.Memory, null));

    /// <summary>Gives it ports where nothing answers.</summary>
    protected void AddEmptyPortBar(int index, uint length)
    {
        AddBar(new PciBar(index, length, PciBar.Ports, null));
        _writable[Command] |= PortsEnabled;
    }

    /// <summary>Appends a capability; the content follows its id and link. Its offset in the configuration space.</summary>
    protected int AddCapability(byte id, ReadOnlySpan<byte> content, ReadOnlySpan<byte> writable = default)
    {
        int at = _nextFree;
        _config[at] = id;
        content.CopyTo(_config.AsSpan(at + 2));
        writable.CopyTo(_writable.AsSpan(at + 2));
        _config[_lastCapability == 0 ? CapabilityPointer : _lastCapability + 1] = (byte)at;
        _config[Status] |= CapabilityList;
        _lastCapability = at;
        _nextFree = (at + 2 + content.Length + 3) & ~3;
        return at;
    }

    /// <summary>The function drives INTA.</summary>
    protected void UsesInterruptPin() => _config[InterruptPin] = 1;

    /// <summary>Raises or drops INTA.</summary>
    protected void SetInterrupt(bool raised)
    {
        lock (ConfigurationLock)
        {
            _interruptRaised = raised;
            UpdateLine();
        }
    }

    /// <summary>A 16-bit register of a capability; under the lock.</summary>
    protected ushort CapabilityWord(int offset) => BinaryPrimitives.ReadUInt16LittleEndian(_config.AsSpan(offset));

    /// <summary>A 32-bit register of a capability; under the lock.</summary>
    protected uint CapabilityDouble(int offset) => BinaryPrimitives.ReadUInt32LittleEndian(_config.AsSpan(offset));

    /// <summary>Changes what a 32-bit register of a capability shows; under the lock.</summary>
    protected void SetCapabilityDouble(int offset, uint value) => BinaryPrimitives.WriteUInt32LittleEndian(_config.AsSpan(offset), value);

    /// <summary>The guest wrote; under the lock.</summary>
    protected virtual void ConfigurationWritten(int offset, int bytes)
    {
    }

    private static bool IsInWindow(uint address, uint length)
    {
        ulong last = address + (ulong)length - 1;
        return (address >= AddressMap.PciWindow && last <= AddressMap.PciWindowLast)
            || (address >= AddressMap.PciFirmwareWindow && last <= AddressMap.PciFirmwareWindowLast);
    }

    private void AddBar(PciBar bar)
    {
        _bars[bar.Index] = bar;
        BinaryPrimitives.WriteUInt32LittleEndian(_writable.AsSpan(FirstBar + 4 * bar.Index), ~(bar.Length - 1));
    }

    private void Word(int offset, ushort value) => BinaryPrimitives.WriteUInt16LittleEndian(_config.AsSpan(offset), value);

    private void UpdateRanges()
    {
        bool enabled = (_config[Command] & MemoryEnabled) != 0;
        foreach (PciBar? bar in _bars)
        {
            if (bar?.Device is not { } device || _memory == null)
            {
                continue;
            }

            bar.Address = BinaryPrimitives.ReadUInt32LittleEndian(_config.AsSpan(FirstBar + 4 * bar.Index)) & ~15u;
            uint wanted = enabled && IsInWindow(bar.Address, bar.Length) ? bar.Address : 0;
            if (wanted == bar.MappedAt)
            {
                continue;
            }

            if (bar.MappedAt != 0)
            {
                _memory.RemoveDevice(bar.MappedAt, device);
            }

            bar.MappedAt = wanted;
            if (wanted != 0)
            {
                _memory.AddDevice(wanted, bar.Length, device);
            }
        }
    }

    private void UpdateLine()
    {
        _config[Status] = (byte)(_interruptRaised ? _config[Status] | InterruptStatus : _config[Status] & ~InterruptStatus);
        _line?.Set(_interruptRaised && (CapabilityWord(Command) & InterruptDisabled) == 0);
    }
}
