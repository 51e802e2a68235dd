using Jitvmm.Devices.Buses;
using Jitvmm.Devices.Firmware;
using Jitvmm.Devices.State;
using Jitvmm.Runtime.Memory;

namespace Jitvmm.Devices.Pci;

/// <summary>
/// Bus 0 and the two ways to its configuration space: ports CF8h and CFCh (mechanism 1) and memory (ECAM). One function a slot.
/// </summary>
public sealed class PciRoot : IPortDevice, IMemoryDevice, IStateful
{
    private const ushort AddressPort = 0xcf8;
    private const ushort DataPort = 0xcfc;
    private const uint Enabled = 0x80000000;
    private const int Slots = 32;
    private const int FirstWire = 16;

    private readonly PhysicalMemory _memory;
    private readonly PciFunction?[] _functions = new PciFunction?[Slots];
    private readonly SharedLine[] _wires = new SharedLine[4];
    private uint _address;
    private uint _nextRange = AddressMap.PciWindow;
    private uint _nextPorts = AddressMap.PciPorts;

    /// <param name="ports">Where mechanism 1 goes.</param>
    /// <param name="memory">Where ECAM and the functions' ranges go.</param>
    /// <param name="interrupts">Takes INTx, wires 16 to 19.</param>
    public PciRoot(PortBus ports, PhysicalMemory memory, IInterruptSink interrupts)
    {
        _memory = memory;
        for (int i = 0; i < _wires.Length; i++)
        {
            _wires[i] = new SharedLine(interrupts, FirstWire + i);
        }

        ports.Claim(AddressPort, 8, this);
        memory.AddDevice(AddressMap.Ecam, AddressMap.EcamLength, this);
        Add(new HostBridge());
    }

    public int PortWidth => 4;

    /// <summary>Functions by slot.</summary>
    public IReadOnlyList<PciFunction?> Functions => _functions;

    /// <summary>Puts a function into the next free slot, before the machine runs.</summary>
    /// <returns>Its slot.</returns>
    public int Add(PciFunction function)
    {
        int slot = Array.IndexOf(_functions, null);
        if (slot < 0)
        {
            throw new InvalidOperationException("All 32 PCI slots are taken.");
        }

        InterruptLine line = _wires[AddressMap.PciInterrupt(slot, 0) - FirstWire].Attach();
        function.Connect(_memory, line, PlaceRange);
        _functions[slot] = function;
        return slot;
    }

    /// <summary>One more wire to an interrupt of the slots'; null for one that is not theirs. Before the machine runs, or one caller at a time.</summary>
    public InterruptLine? AttachTo(int wire) => wire - FirstWire is >= 0 and var index && index < _wires.Length ? _wires[index].Attach() : null;

    public uint ReadPort(ushort port, int bytes)
    {
        uint address = Volatile.Read(ref _address);
        if (port < DataPort)
        {
            return port == AddressPort && bytes == 4 ? address : uint.MaxValue;
        }

        return (address & Enabled) == 0
            ? uint.MaxValue
            : ReadFunction((address >> 8) & 0xffff, (int)(address & 0xfc) + (port & 3), bytes);
    }

    public void WritePort(ushort port, int bytes, uint value)
    {
        uint address = Volatile.Read(ref _address);
        if (port < DataPort)
        {
            if (port == AddressPort && bytes == 4)
            {
                Volatile.Write(ref _address, value & 0x80fffffc);
            }
        }
        else if ((address & Enabled) != 0)
        {
            WriteFunction((address >> 8) & 0xffff, (int)(address & 0xfc) + (port & 3), bytes, value);
        }
    }

    public ulong Read(ulong offset, int bytes)
    {
        if (bytes > 4)
        {
            return Read(offset, 4) | (Read(offset + 4, 4) << 32);
        }

        return ReadFunction((uint)(offset >> 12), (int)(offset & 0xfff), bytes);
    }

    public void Write(ulong offset, int bytes, ulong value)
    {
        if (bytes > 4)
        {
            Write(offset, 4, (uint)value);
            Write(offset + 4, 4, value >> 32);
            return;
        }

        WriteFunction((uint)(offset >> 12), (int)(offset & 0xfff), bytes, (uint)value);
    }

    public void Save(StateWriter writer)
    {
        writer.Section("pciroot", 1);
        writer.UInt32(_address);
        foreach (PciFunction? function in _functions)
        {
            function?.Save(writer);
        }
    }

    public void Restore(StateReader reader)
    {
        reader.Section("pciroot", 1);
        _address = reader.UInt32() & 0x80fffffc;
        foreach (PciFunction? function in _functions)
        {
            function?.Restore(reader);
        }
    }

    /// <param name="requester">Bus, device and function.</param>
    /// <param name="offset">In the function's 4 KiB.</param>
    /// <param name="bytes">1, 2 or 4.</param>
    private uint ReadFunction(uint requester, int offset, int bytes)
    {
        PciFunction? function = Find(requester);
        return function == null ? uint.MaxValue : offset >= 256 ? 0 : function.ReadConfiguration(offset, bytes);
    }

    private void WriteFunction(uint requester, int offset, int bytes, uint value)
    {
        if (offset < 256)
        {
            Find(requester)?.WriteConfiguration(offset, bytes, value);
        }
    }

    private PciFunction? Find(uint requester) => requester < 256 && (requester & 7) == 0 ? _functions[requester >> 3] : null;

    private uint PlaceRange(PciBar bar)
    {
        ref uint next = ref bar.Kind == PciBar.Ports ? ref _nextPorts : ref _nextRange;
        uint address = (next + bar.Length - 1) & ~(bar.Length - 1);
        next = address + bar.Length;
        return address;
    }
}
