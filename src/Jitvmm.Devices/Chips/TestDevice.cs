using System.Buffers.Binary;
using Jitvmm.Devices.Buses;
using Jitvmm.Devices.Interrupts;
using Jitvmm.Devices.State;
using Jitvmm.Runtime.Memory;

namespace Jitvmm.Devices.Chips;

/// <summary>
/// What kvm-unit-tests and their like expect of the machine beside the exit port: QEMU's pc-testdev (a register at ports E0h–E3h, interrupt wires at 2000h–2017h, and 64 KiB at FF000000h that
/// are reached access by access, as device registers are), and of its fw_cfg the numbers of processors and bytes of RAM (ports 510h and 511h; QEMU, docs/specs/fw_cfg.rst).
/// </summary>
/// <remarks>Not part of a machine unless asked for: it shows that there is a virtual machine.</remarks>
public sealed class TestDevice : IPortDevice, IMemoryDevice, IStateful
{
    /// <summary>Where the memory is, and its bytes.</summary>
    public const ulong MemoryAddress = 0xff000000;
    public const int MemoryLength = 0x10000;

    private const ushort RegisterPort = 0xe0;

    /// <summary>Written with the address of a page that the monitor is to forget; there is nothing to forget.</summary>
    private const ushort FlushPort = 0xe4;
    private const ushort SelectorPort = 0x510;
    private const ushort DataPort = 0x511;
    private const ushort FirstWirePort = 0x2000;
    private const int Wires = 24;

    private readonly Lock _lock = new();
    private readonly byte[] _memory = new byte[MemoryLength];
    private readonly InterruptLine[] _lines = new InterruptLine[Wires];
    private readonly int _processors;
    private readonly ulong _ram;
    private uint _register;
    private ushort _selector;
    private int _offset;

    /// <param name="bus">The machine's ports.</param>
    /// <param name="interrupts">Whose wires it pulls.</param>
    /// <param name="processors">Processors of the machine.</param>
    /// <param name="ram">Bytes of RAM.</param>
    public TestDevice(PortBus bus, InterruptRouter interrupts, int processors, ulong ram)
    {
        _processors = processors;
        _ram = ram;
        for (int wire = 0; wire < Wires; wire++)
        {
            _lines[wire] = interrupts.Line(wire);
        }

        bus.Claim(RegisterPort, 4, this);
        bus.Claim(FlushPort, 4, this);
        bus.Claim(SelectorPort, 2, this);
        bus.Claim(FirstWirePort, Wires, this);
    }

    public int PortWidth => 4;

    public uint ReadPort(ushort port, int bytes)
    {
        lock (_lock)
        {
            return port switch
            {
                >= RegisterPort and < FlushPort => _register >> (8 * (port - RegisterPort)),
                DataPort => NextByte(),
                _ => 0,
            };
        }
    }

    public void WritePort(ushort port, int bytes, uint value)
    {
        lock (_lock)
        {
            switch (port)
            {
                case >= RegisterPort and < FlushPort:
                    int shift = 8 * (port - RegisterPort);
                    uint mask = (bytes == 4 ? uint.MaxValue : (1u << (8 * bytes)) - 1) << shift;
                    _register = (_register & ~mask) | ((value << shift) & mask);
                    break;
                case SelectorPort:
                    _selector = (ushort)value;
                    _offset = 0;
                    break;
                case >= FirstWirePort and < FirstWirePort + Wires:
                    _lines[port - FirstWirePort].Set(value != 0);
                    break;
                default:
                    break;
            }
        }
    }

    public ulong Read(ulong offset, int bytes)
    {
        Span<byte> value = stackalloc byte[8];
        lock (_lock)
        {
            Reached(offset, bytes).CopyTo(value);
        }

        return BinaryPrimitives.ReadUInt64LittleEndian(value);
    }

    public void Write(ulong offset, int bytes, ulong value)
    {
        Span<byte> content = stackalloc byte[8];
        BinaryPrimitives.WriteUInt64LittleEndian(content, value);
        lock (_lock)
        {
            Span<byte> target = Reached(offset, bytes);
            content[..target.Length].CopyTo(target);
        }
    }

    public void Save(StateWriter writer)
    {
        lock (_lock)
        {
            writer.Section("testdev", 1);
            writer.UInt32(_register);
            writer.UInt32(_selector);
            writer.Int32(_offset);
            writer.Bytes(_memory);
            foreach (InterruptLine line in _lines)
            {
                writer.Bool(line.IsHigh);
            }
        }
    }

    public void Restore(StateReader reader)
    {
        lock (_lock)
        {
            reader.Section("testdev", 1);
            _register = reader.UInt32();
            _selector = (ushort)reader.UInt32();
            _offset = Math.Max(reader.Int32(), 0);
            reader.Bytes(_memory);
            foreach (InterruptLine line in _lines)
            {
                line.Set(reader.Bool());
            }
        }
    }

    private Span<byte> Reached(ulong offset, int bytes) => _memory.AsSpan((int)offset, Math.Min(bytes, MemoryLength - (int)offset));

    /// <summary>The next byte of the chosen item; 0 behind its end.</summary>
    private byte NextByte()
    {
        const ushort Signature = 0;
        const ushort RamSize = 3;
        const ushort ProcessorCount = 5;
        const ushort MostProcessors = 15;

        // "QEMU", little-endian.
        ulong item = _selector switch
        {
            Signature => 0x554d4551,
            RamSize => _ram,
            ProcessorCount or MostProcessors => (ulong)_processors,
            _ => 0,
        };
        return _offset < 8 ? (byte)(item >> (8 * _offset++)) : (byte)0;
    }
}
