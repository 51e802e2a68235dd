using Jitvmm.Devices.Interrupts;
using Jitvmm.Devices.Net;
using Jitvmm.Devices.State;
using Jitvmm.Runtime.Memory;

namespace Jitvmm.Devices.Virtio;

/// <summary>A network card (Virtual I/O Device 1.2, 5.1): one receive and one transmit queue, no offloads.</summary>
public sealed class VirtioNetwork : VirtioDevice, IDisposable
{
    private const int Receive = 0;
    private const int Transmit = 1;
    private const ulong HasMtu = 1ul << 3;
    private const ulong HasAddress = 1ul << 5;
    private const ulong HasStatus = 1ul << 16;
    private const int HeaderLength = 12;
    private const int SmallestFrame = 14;
    private const int LargestFrame = 1514;
    private const int MaximumPending = 256;

    private readonly INetwork _network;
    private readonly byte[] _configuration;
    private readonly byte[] _sent = new byte[HeaderLength + LargestFrame];
    private readonly byte[] _received = new byte[HeaderLength + 65536];
    private readonly Queue<byte[]> _pending = [];

    /// <param name="network">What it is plugged into; disposed of with the card.</param>
    /// <param name="address">Six bytes.</param>
    /// <param name="memory">The machine's.</param>
    /// <param name="bus">Takes its interrupts.</param>
    public VirtioNetwork(INetwork network, ReadOnlySpan<byte> address, PhysicalMemory memory, ApicBus bus)
        : base(1, 0x020000, memory, bus, 256, 256)
    {
        // Address, link up, one pair of queues, MTU.
        _configuration = [.. address[..6], 1, 0, 1, 0, 1500 & 0xff, 1500 >> 8];
        _network = network;
        _network.Received = FrameReceived;
    }

    protected override ulong DeviceFeatures => HasMtu | HasAddress | HasStatus;

    public void Dispose() => _network.Dispose();

    public override void Save(StateWriter writer)
    {
        base.Save(writer);
        writer.Section("network", 1);
        lock (_pending)
        {
            writer.Int32(_pending.Count);
            foreach (byte[] frame in _pending)
            {
                writer.Bytes(frame);
            }
        }
    }

    /// <remarks>Connections through a network of the host's are the host's, and not restored: to the guest they are silent.</remarks>
    public override void Restore(StateReader reader)
    {
        base.Restore(reader);
        reader.Section("network", 1);
        lock (_pending)
        {
            _pending.Clear();
            int count = reader.Int32();
            if (count is < 0 or > MaximumPending)
            {
                throw new InvalidDataException($"The saved state has {count} frames waiting.");
            }

            for (int i = 0; i < count; i++)
            {
                ReadOnlySpan<byte> frame = reader.Bytes();
                _pending.Enqueue(frame[..Math.Min(frame.Length, LargestFrame)].ToArray());
            }
        }
    }

    protected override void OnReset()
    {
        lock (_pending)
        {
            _pending.Clear();
        }
    }

    protected override ReadOnlySpan<byte> DeviceConfiguration => _configuration;

    protected override void Serve(int index, VirtQueue queue)
    {
        if (index == Receive)
        {
            ServeReceive(queue);
            return;
        }

        while (queue.TryPop())
        {
            // Frames that are too long or too short are dropped, as on a wire.
            int length = queue.Chain.Read(0, _sent);
            if (length >= HeaderLength + SmallestFrame && queue.Chain.ReadableLength <= (ulong)_sent.Length)
            {
                _network.Send(_sent.AsSpan(HeaderLength, length - HeaderLength));
            }

            queue.Push(queue.Chain.Head, 0);
        }
    }

    private void ServeReceive(VirtQueue queue)
    {
        while (true)
        {
            byte[]? frame;
            lock (_pending)
            {
                if (!_pending.TryPeek(out frame) || !queue.TryPop())
                {
                    return;
                }

                _ = _pending.Dequeue();
            }

            Span<byte> packet = _received.AsSpan(0, HeaderLength + frame.Length);
            packet[..HeaderLength].Clear();
            packet[10] = 1;
            frame.CopyTo(packet[HeaderLength..]);
            queue.Push(queue.Chain.Head, (uint)queue.Chain.Write(0, packet));
        }
    }

    private void FrameReceived(ReadOnlySpan<byte> frame)
    {
        lock (_pending)
        {
            // A guest that does not take its frames loses them; TCP sends them again.
            if (!IsLive || _pending.Count >= MaximumPending || frame.Length > LargestFrame)
            {
                return;
            }

            _pending.Enqueue(frame.ToArray());
        }

        Notify(Receive);
    }
}
