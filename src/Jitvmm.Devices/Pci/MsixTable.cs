using Jitvmm.Devices.Interrupts;
using Jitvmm.Devices.State;
using Jitvmm.Runtime.Memory;

namespace Jitvmm.Devices.Pci;

/// <summary>The vectors of a function that interrupts by messages (PCI Local Bus 3.0, 6.8.2): the table in the first half of a 4 KiB range, pending bits in the second.</summary>
public sealed class MsixTable : IMemoryDevice, IStateful
{
    public const uint Length = 4096;
    public const uint PendingOffset = 2048;

    /// <summary>The vector that means none.</summary>
    public const ushort None = 0xffff;

    private const int EntrySize = 16;
    private const uint Masked = 1;

    private readonly Lock _lock = new();
    private readonly ApicBus _bus;
    private readonly uint[] _entries;
    private readonly bool[] _pending;
    private bool _functionMasked;
    private volatile bool _enabled;

    /// <param name="bus">Takes the messages.</param>
    /// <param name="count">Vectors, at most 128.</param>
    public MsixTable(ApicBus bus, int count)
    {
        _bus = bus;
        Count = count;
        _entries = new uint[4 * count];
        _pending = new bool[count];
        for (int i = 0; i < count; i++)
        {
            _entries[4 * i + 3] = Masked;
        }
    }

    public int Count { get; }

    /// <summary>Whether messages are used instead of INTA.</summary>
    public bool IsEnabled => _enabled;

    /// <summary>The message control register was written.</summary>
    public void Configure(bool enabled, bool masked)
    {
        lock (_lock)
        {
            _enabled = enabled;
            _functionMasked = masked;
            for (int i = 0; i < Count; i++)
            {
                DeliverPending(i);
            }
        }
    }

    /// <summary>Sends a vector's message, now or when it is unmasked. Nothing for vectors that do not exist.</summary>
    public void Notify(int vector)
    {
        if ((uint)vector >= (uint)Count)
        {
            return;
        }

        lock (_lock)
        {
            if (_enabled)
            {
                _pending[vector] = true;
                DeliverPending(vector);
            }
        }
    }

    public ulong Read(ulong offset, int bytes)
    {
        lock (_lock)
        {
            ulong value = ReadDouble((int)(offset & ~3ul)) | ((ulong)ReadDouble((int)(offset & ~3ul) + 4) << 32);
            return value >> (8 * (int)(offset & 3));
        }
    }

    public void Write(ulong offset, int bytes, ulong value)
    {
        if ((offset & 3) != 0 || bytes < 4)
        {
            return;
        }

        lock (_lock)
        {
            for (int i = 0; i < bytes; i += 4)
            {
                int at = (int)offset + i;
                if (at / EntrySize < Count)
                {
                    _entries[at / 4] = (uint)(value >> (8 * i));
                    DeliverPending(at / EntrySize);
                }
            }
        }
    }

    public void Save(StateWriter writer)
    {
        lock (_lock)
        {
            writer.Section("msix", 1);
            writer.Int32(Count);
            for (int i = 0; i < Count; i++)
            {
                writer.Bool(_pending[i]);
                for (int j = 0; j < 4; j++)
                {
                    writer.UInt32(_entries[4 * i + j]);
                }
            }
        }
    }

    public void Restore(StateReader reader)
    {
        lock (_lock)
        {
            reader.Section("msix", 1);
            if (reader.Int32() != Count)
            {
                throw new InvalidDataException("The saved state has another number of interrupt vectors.");
            }

            for (int i = 0; i < Count; i++)
            {
                _pending[i] = reader.Bool();
                for (int j = 0; j < 4; j++)
                {
                    _entries[4 * i + j] = reader.UInt32();
                }
            }
        }
    }

    private uint ReadDouble(int offset)
    {
        if (offset / EntrySize < Count)
        {
            return _entries[offset / 4];
        }

        uint bits = 0;
        int first = 8 * (offset - (int)PendingOffset);
        for (int i = 0; i < 32 && first >= 0 && first + i < Count; i++)
        {
            bits |= _pending[first + i] ? 1u << i : 0;
        }

        return bits;
    }

    private void DeliverPending(int vector)
    {
        if (!_pending[vector] || !_enabled || _functionMasked || (_entries[4 * vector + 3] & Masked) != 0)
        {
            return;
        }

        _pending[vector] = false;
        ulong address = _entries[4 * vector] | ((ulong)_entries[4 * vector + 1] << 32);

        // Messages go to APICs; other addresses would be plain writes to memory, which no driver asks for.
        if (InterruptMessage.IsMessageAddress(address))
        {
            _ = _bus.Deliver(InterruptMessage.FromWrite(address, _entries[4 * vector + 2]));
        }
    }
}
