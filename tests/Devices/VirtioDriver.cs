using System.Buffers.Binary;
using Jitvmm.Devices.Interrupts;
using Jitvmm.Devices.Pci;
using Jitvmm.Runtime.Memory;

namespace Jitvmm.Tests.Devices;

/// <summary>A guest's side of a virtio device: finds it on the bus, negotiates, and puts requests into its queues through memory and registers only.</summary>
internal sealed class VirtioDriver : IDisposable
{
    public const ulong RamSize = 16 << 20;
    private const ulong Buffers = 0x400000;
    private readonly PciRoot _root;
    private readonly ulong _bar;
    private readonly int _slot;
    private readonly Dictionary<int, Ring> _rings = [];
    private ulong _nextBuffer = Buffers;

    public VirtioDriver(Func<VirtioDriver, PciFunction> create)
    {
        Memory.AddRam(0, RamSize);
        Apic = new LocalApic(Machine.Bus, 0, Machine, Machine.Timers);
        Apic.WritePage(0xf0, 0x1ff);
        _root = new PciRoot(Machine.Ports, Memory, Machine);
        _slot = _root.Add(create(this));
        _bar = ReadConfig(0x10);
        WriteConfig(4, 6);
    }

    public TestMachine Machine { get; } = new();

    public PhysicalMemory Memory { get; } = new();

    public LocalApic Apic { get; }

    /// <summary>Where BAR 0 is.</summary>
    public ulong Base => _bar;

    public uint Wire => ReadConfig(0x3c) & 0xff;

    public void Dispose() => Memory.Dispose();

    public uint ReadConfig(int offset)
    {
        Machine.Ports.Write(0xcf8, 4, 0x80000000 | ((uint)_slot << 11) | (uint)offset);
        return Machine.Ports.Read(0xcfc, 4);
    }

    public void WriteConfig(int offset, uint value)
    {
        Machine.Ports.Write(0xcf8, 4, 0x80000000 | ((uint)_slot << 11) | (uint)offset);
        Machine.Ports.Write(0xcfc, 4, value);
    }

    public ulong Read(int offset, int bytes) => Memory.ReadBus(_bar + (ulong)offset, bytes);

    public void Write(int offset, int bytes, ulong value) => Memory.WriteBus(_bar + (ulong)offset, bytes, value);

    public byte Status => (byte)Read(0x14, 1);

    /// <summary>Negotiates and enables the queues.</summary>
    public ulong Start(ulong wanted, params int[] queues)
    {
        Write(0x14, 1, 0);
        Write(0x14, 1, 3);
        Write(0, 4, 0);
        ulong offered = Read(4, 4);
        Write(0, 4, 1);
        offered |= Read(4, 4) << 32;
        ulong features = offered & (wanted | (1ul << 32));
        Write(8, 4, 0);
        Write(0xc, 4, (uint)features);
        Write(8, 4, 1);
        Write(0xc, 4, features >> 32);
        Write(0x14, 1, 0xb);
        Assert.Equal(0xb, Status);
        foreach (int queue in queues)
        {
            StartQueue(queue);
        }

        Write(0x14, 1, 0xf);
        return features;
    }

    public void StartQueue(int index, ushort size = 16)
    {
        ulong start = 0x100000ul + (ulong)index * 0x10000;
        Memory.Write(start, new byte[0x10000]);
        _rings[index] = new Ring(start, size);
        Write(0x16, 2, (ulong)index);
        Write(0x18, 2, size);
        Write(0x20, 8, start);
        Write(0x28, 8, start + 0x4000);
        Write(0x30, 8, start + 0x8000);
        Write(0x1c, 2, 1);
    }

    /// <summary>Puts data where the device can read it.</summary>
    public (ulong Address, uint Length) Place(ReadOnlySpan<byte> bytes)
    {
        ulong at = _nextBuffer;
        _nextBuffer += ((ulong)bytes.Length + 63) & ~63ul;
        if (_nextBuffer > RamSize - 0x100000)
        {
            _nextBuffer = Buffers;
        }

        Assert.True(Memory.Write(at, bytes));
        return (at, (uint)bytes.Length);
    }

    public byte[] Get(ulong address, int length)
    {
        byte[] bytes = new byte[length];
        Assert.True(Memory.Read(address, bytes));
        return bytes;
    }

    /// <summary>Adds a chain and notifies; the used entry must be there when the device served it at once.</summary>
    public void Submit(int index, (ulong Address, uint Length)[] readable, (ulong Address, uint Length)[] writable, bool indirect = false, bool notify = true)
    {
        Ring ring = _rings[index];
        byte[] table = new byte[16 * (readable.Length + writable.Length)];
        int first = indirect ? 0 : ring.NextDescriptor;
        for (int i = 0; i < readable.Length + writable.Length; i++)
        {
            bool writes = i >= readable.Length;
            (ulong address, uint length) = writes ? writable[i - readable.Length] : readable[i];
            bool last = i == readable.Length + writable.Length - 1;
            Span<byte> entry = table.AsSpan(16 * i);
            BinaryPrimitives.WriteUInt64LittleEndian(entry, address);
            BinaryPrimitives.WriteUInt32LittleEndian(entry[8..], length);
            BinaryPrimitives.WriteUInt16LittleEndian(entry[12..], (ushort)((writes ? 2 : 0) | (last ? 0 : 1)));
            BinaryPrimitives.WriteUInt16LittleEndian(entry[14..], (ushort)(indirect ? i + 1 : (first + i + 1) % ring.Size));
        }

        int head = ring.NextDescriptor;
        if (indirect)
        {
            (ulong address, uint length) = Place(table);
            byte[] entry = new byte[16];
            BinaryPrimitives.WriteUInt64LittleEndian(entry, address);
            BinaryPrimitives.WriteUInt32LittleEndian(entry.AsSpan(8), length);
            entry[12] = 4;
            Memory.Write(ring.Start + 16ul * (ulong)head, entry);
            ring.NextDescriptor = (head + 1) % ring.Size;
        }
        else
        {
            for (int i = 0; i < table.Length / 16; i++)
            {
                Memory.Write(ring.Start + 16ul * (ulong)((head + i) % ring.Size), table.AsSpan(16 * i, 16));
            }

            ring.NextDescriptor = (head + table.Length / 16) % ring.Size;
        }

        Memory.Write(ring.Start + 0x4004 + 2ul * (ulong)(ring.Available % ring.Size), BitConverter.GetBytes((ushort)head));
        ring.Available++;
        Memory.Write(ring.Start + 0x4002, BitConverter.GetBytes(ring.Available));
        if (notify)
        {
            Write(0x3000 + 4 * index, 2, (ulong)index);
        }
    }

    /// <summary>Takes the next used entry: bytes written, or −1 when there is none.</summary>
    public long TakeUsed(int index)
    {
        Ring ring = _rings[index];
        ushort used = BinaryPrimitives.ReadUInt16LittleEndian(Get(ring.Start + 0x8002, 2));
        if (used == ring.Used)
        {
            return -1;
        }

        byte[] entry = Get(ring.Start + 0x8004 + 8ul * (ulong)(ring.Used % ring.Size), 8);
        ring.Used++;
        return BinaryPrimitives.ReadUInt32LittleEndian(entry.AsSpan(4));
    }

    /// <summary>Waits for a device that serves on its own thread.</summary>
    public long WaitUsed(int index)
    {
        long used = -1;
        Assert.True(SpinWait.SpinUntil(() => (used = TakeUsed(index)) >= 0, 20_000));
        return used;
    }

    private sealed class Ring(ulong start, ushort size)
    {
        public ulong Start { get; } = start;

        public ushort Size { get; } = size;

        public int NextDescriptor { get; set; }

        public ushort Available { get; set; }

        public ushort Used { get; set; }
    }
}
