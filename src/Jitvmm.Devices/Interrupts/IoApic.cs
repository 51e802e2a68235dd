using Jitvmm.Devices.Buses;
using Jitvmm.Devices.State;
using Jitvmm.Runtime.Memory;

namespace Jitvmm.Devices.Interrupts;

/// <summary>The I/O APIC: 24 inputs, each with a redirection entry (82093AA data sheet; version 20h with its EOI register).</summary>
public sealed class IoApic : IMemoryDevice, IInterruptSink, IStateful
{
    public const ulong Address = 0xfec00000;
    public const ulong Length = 0x1000;
    public const int Inputs = 24;

    private const uint Masked = 1u << 16;
    private const uint LevelTriggered = 1u << 15;
    private const uint RemoteRequest = 1u << 14;
    private const uint LogicalDestination = 1u << 11;

    // Destination, and below it all but delivery status and remote IRR.
    private const uint WritableLow = 0x1afff;

    private readonly Lock _lock = new();
    private readonly ApicBus _bus;
    private readonly uint[] _low = new uint[Inputs];
    private readonly uint[] _high = new uint[Inputs];
    private uint _levels;
    private uint _select;
    private uint _id;

    public IoApic(ApicBus bus)
    {
        _bus = bus;
        Array.Fill(_low, Masked);
        bus.EndOfInterrupt = EndOfInterrupt;
    }

    /// <summary>An input's wire: high is active, whatever polarity the entry names, since wires here are logical.</summary>
    public void SetLevel(int wire, bool high)
    {
        lock (_lock)
        {
            uint bit = 1u << wire;
            bool rises = high && (_levels & bit) == 0;
            _levels = high ? _levels | bit : _levels & ~bit;
            if ((_low[wire] & LevelTriggered) != 0)
            {
                Evaluate(wire);
            }
            else if (rises && (_low[wire] & Masked) == 0)
            {
                Deliver(wire);
            }
        }
    }

    public ulong Read(ulong offset, int bytes)
    {
        lock (_lock)
        {
            return (offset & ~0xful) switch
            {
                0x00 => _select,
                0x10 => ReadRegister(),
                _ => 0,
            };
        }
    }

    public void Write(ulong offset, int bytes, ulong value)
    {
        lock (_lock)
        {
            switch (offset)
            {
                case 0x00:
                    _select = (uint)value & 0xff;
                    break;
                case 0x10:
                    WriteRegister((uint)value);
                    break;
                case 0x40:
                    EndLocked((byte)value);
                    break;
                default:
                    break;
            }
        }
    }

    public void Save(StateWriter writer)
    {
        lock (_lock)
        {
            writer.Section("ioapic", 1);
            writer.UInt32(_levels);
            writer.UInt32(_select);
            writer.UInt32(_id);
            for (int i = 0; i < Inputs; i++)
            {
                writer.UInt32(_low[i]);
                writer.UInt32(_high[i]);
            }
        }
    }

    public void Restore(StateReader reader)
    {
        lock (_lock)
        {
            reader.Section("ioapic", 1);
            _levels = reader.UInt32();
            _select = reader.UInt32();
            _id = reader.UInt32();
            for (int i = 0; i < Inputs; i++)
            {
                _low[i] = reader.UInt32() & (WritableLow | RemoteRequest);
                _high[i] = reader.UInt32();
            }
        }
    }

    private uint ReadRegister()
    {
        switch (_select)
        {
            case 0:
                return _id;
            case 1:
                return 0x20 | ((Inputs - 1) << 16);
            case 2:
                return _id;
            default:
                uint index = (_select - 0x10) >> 1;
                return index >= Inputs ? 0 : (_select & 1) == 0 ? _low[index] : _high[index];
        }
    }

    private void WriteRegister(uint value)
    {
        uint index = (_select - 0x10) >> 1;
        if (_select == 0)
        {
            _id = value & 0x0f000000;
        }
        else if (index < Inputs && (_select & 1) != 0)
        {
            _high[index] = value & 0xff000000;
        }
        else if (index < Inputs)
        {
            // Turning an entry to edges forgets that a level interrupt is being served (the way out for processors without directed EOI).
            uint remote = (value & LevelTriggered) != 0 ? _low[index] & RemoteRequest : 0;
            _low[index] = (value & WritableLow) | remote;
            if ((value & LevelTriggered) != 0)
            {
                Evaluate((int)index);
            }
        }
    }

    private void Evaluate(int wire)
    {
        if ((_levels >> wire & 1) != 0 && (_low[wire] & (Masked | RemoteRequest)) == 0)
        {
            Deliver(wire);
        }
    }

    private void Deliver(int wire)
    {
        uint entry = _low[wire];
        bool isLevel = (entry & LevelTriggered) != 0;
        var message = new InterruptMessage(_high[wire] >> 24, (entry & LogicalDestination) != 0, (DeliveryMode)((entry >> 8) & 7), (byte)entry, isLevel);
        bool taken = _bus.Deliver(message);
        if (isLevel && taken && message.Mode is DeliveryMode.Fixed or DeliveryMode.LowestPriority)
        {
            _low[wire] |= RemoteRequest;
        }
    }

    private void EndOfInterrupt(byte vector)
    {
        lock (_lock)
        {
            EndLocked(vector);
        }
    }

    private void EndLocked(byte vector)
    {
        for (int i = 0; i < Inputs; i++)
        {
            if ((byte)_low[i] == vector && (_low[i] & RemoteRequest) != 0)
            {
                _low[i] &= ~RemoteRequest;
                Evaluate(i);
            }
        }
    }
}
