using Jitvmm.Devices.Buses;
using Jitvmm.Devices.State;

namespace Jitvmm.Devices.Interrupts;

/// <summary>
/// The two cascaded 8259As of a PC: ports 20h–21h, A0h–A1h and the edge/level registers 4D0h–4D1h. Wires 0 to 15; 2 is the cascade.
/// </summary>
public sealed class Pic : IPortDevice, IInterruptSink, IStateful
{
    private const ushort SlavePorts = 0xa0;
    private const ushort LevelPorts = 0x4d0;

    private readonly Lock _lock = new();

    // IRQs 0, 1, 2, 8 and 13 are always edges (chipset data sheets, ELCR).
    private readonly PicChip _master = new(0xf8) { SlaveInputs = 4 };
    private readonly PicChip _slave = new(0xde);
    private readonly Action _outputChanged;
    private volatile bool _output;

    /// <param name="bus">Where its ports go.</param>
    /// <param name="outputChanged">The INT output changed; called under the lock, must only look at <see cref="Output"/> or note that.</param>
    public Pic(PortBus bus, Action outputChanged)
    {
        _outputChanged = outputChanged;
        bus.Claim(0x20, 2, this);
        bus.Claim(SlavePorts, 2, this);
        bus.Claim(LevelPorts, 2, this);
    }

    /// <summary>The INT output, which drives the processor's INTR or LINT0.</summary>
    public bool Output => _output;

    public void SetLevel(int wire, bool high)
    {
        lock (_lock)
        {
            if (wire < 8)
            {
                _master.SetInput(wire, high);
            }
            else
            {
                _slave.SetInput(wire - 8, high);
            }

            Update();
        }
    }

    /// <summary>The processor's interrupt acknowledge cycle: a vector, that of a spurious IRQ 7 or 15 when the request has gone.</summary>
    public byte Acknowledge()
    {
        lock (_lock)
        {
            byte vector;
            int input = _master.Pending;
            if (input < 0)
            {
                vector = _master.SpuriousVector;
            }
            else if (input == 2)
            {
                _ = _master.Acknowledge(input);
                int slaveInput = _slave.Pending;
                vector = slaveInput < 0 ? _slave.SpuriousVector : _slave.Acknowledge(slaveInput);

                // The slave drops INT at each acknowledge, so that one that still asks makes a new edge.
                _master.SetInput(2, false);
            }
            else
            {
                vector = _master.Acknowledge(input);
            }

            Update();
            return vector;
        }
    }

    public uint ReadPort(ushort port, int bytes)
    {
        lock (_lock)
        {
            PicChip chip = ChipAt(port);
            if (port >= LevelPorts)
            {
                return chip.Levels;
            }

            uint value = chip.Read((port & 1) != 0);
            Update();
            return value;
        }
    }

    public void WritePort(ushort port, int bytes, uint value)
    {
        lock (_lock)
        {
            PicChip chip = ChipAt(port);
            if (port >= LevelPorts)
            {
                chip.Levels = (byte)value;
            }
            else
            {
                chip.Write((port & 1) != 0, (byte)value);
            }

            Update();
        }
    }

    public void Save(StateWriter writer)
    {
        lock (_lock)
        {
            writer.Section("pic", 1);
            _master.Save(writer);
            _slave.Save(writer);
        }
    }

    public void Restore(StateReader reader)
    {
        lock (_lock)
        {
            reader.Section("pic", 1);
            _master.Restore(reader);
            _slave.Restore(reader);
            Update();
        }
    }

    private PicChip ChipAt(ushort port) => port >= LevelPorts ? ((port & 1) == 0 ? _master : _slave) : port >= SlavePorts ? _slave : _master;

    private void Update()
    {
        _master.SetInput(2, _slave.Output);
        bool output = _master.Output;
        if (output != _output)
        {
            _output = output;
            _outputChanged();
        }
    }
}
