using Jitvmm.Devices.Channels;
using Jitvmm.Devices.Interrupts;
using Jitvmm.Devices.State;
using Jitvmm.Runtime.Memory;

namespace Jitvmm.Devices.Virtio;

/// <summary>A console of one port (Virtual I/O Device 1.2, 5.3): hvc0 in Linux.</summary>
public sealed class VirtioConsole : VirtioDevice
{
    private const int Receive = 0;
    private const int Transmit = 1;
    private const ulong SizeKnown = 1;

    private readonly ByteChannel _input;
    private readonly ByteChannel _output;

    // One for each queue: they are served at the same time.
    private readonly byte[] _received = new byte[4096];
    private readonly byte[] _transmitted = new byte[4096];

    // Bytes of the first waiting chain that went out already.
    private ulong _sent;
    private ushort _columns;
    private ushort _rows;

    // How often the driver was told the size it started with, and when last (Environment.TickCount64).
    private int _timesTold;
    private long _lastTold;

    public VirtioConsole(PhysicalMemory memory, ApicBus bus, ByteChannel input, ByteChannel output)
        : base(3, 0x078000, memory, bus, 64, 64)
    {
        _input = input;
        _output = output;
        input.BytesArrived = () => Notify(Receive);
        output.RoomArrived = () => Notify(Transmit);
    }

    protected override ulong DeviceFeatures => SizeKnown;

    /// <summary>The host's window has this size now.</summary>
    public void Resize(ushort columns, ushort rows)
    {
        _columns = columns;
        _rows = rows;
        ConfigurationChanged();
    }

    public override void Save(StateWriter writer)
    {
        base.Save(writer);
        writer.Section("console", 1);
        writer.UInt64(_sent);
        writer.UInt16(_columns);
        writer.UInt16(_rows);
    }

    public override void Restore(StateReader reader)
    {
        base.Restore(reader);
        reader.Section("console", 1);
        _sent = reader.UInt64();
        _columns = reader.UInt16();
        _rows = reader.UInt16();
    }

    protected override void OnReset()
    {
        _sent = 0;
        _timesTold = 0;
    }

    protected override void OnLive() => Notify(Receive);

    protected override ReadOnlySpan<byte> DeviceConfiguration => new byte[] { (byte)_columns, (byte)(_columns >> 8), (byte)_rows, (byte)(_rows >> 8) };

    protected override void Serve(int index, VirtQueue queue)
    {
        if (index == Receive)
        {
            ServeInput(queue);
        }
        else
        {
            ServeOutput(queue);
        }
    }

    private void ServeInput(VirtQueue queue)
    {
        while (_input.Count > 0 && queue.TryPop())
        {
            int length = _input.TryRead(_received.AsSpan(0, (int)Math.Min(queue.Chain.WritableLength, (ulong)_received.Length)));
            queue.Push(queue.Chain.Head, (uint)queue.Chain.Write(0, _received.AsSpan(0, length)));
        }
    }

    /// <summary>
    /// Linux's driver reads the size only when it is told of a change, so one from before its time is told again when it has something to show: with its first
    /// output, which may come while it still starts and forgets what it is told, and once more with some a second later.
    /// </summary>
    private void TellSize()
    {
        if (_columns != 0 && _timesTold < 2 && (_timesTold == 0 || Environment.TickCount64 - _lastTold >= 1000))
        {
            _timesTold++;
            _lastTold = Environment.TickCount64;
            ConfigurationChanged();
        }
    }

    /// <summary>Bytes that do not fit stay with the guest: a chain is given back when all of it went out.</summary>
    private void ServeOutput(VirtQueue queue)
    {
        TellSize();
        while (queue.TryPop())
        {
            ulong length = queue.Chain.ReadableLength;
            ulong done = _sent;
            while (done < length)
            {
                int part = queue.Chain.Read(done, _transmitted);
                int written = part == 0 ? 0 : _output.TryWrite(_transmitted.AsSpan(0, part));
                done += (ulong)written;
                if (written < part)
                {
                    queue.Unpop();
                    _sent = done;
                    return;
                }

                if (part == 0)
                {
                    break;
                }
            }

            _sent = 0;
            queue.Push(queue.Chain.Head, 0);
        }
    }
}
