using System.Security.Cryptography;
using Jitvmm.Devices.Interrupts;
using Jitvmm.Runtime.Memory;

namespace Jitvmm.Devices.Virtio;

/// <summary>An entropy source (Virtual I/O Device 1.2, 5.4): the host's random numbers, or with a seed a repeatable sequence.</summary>
public sealed class VirtioRandom : VirtioDevice
{
    // What one request gets at most; drivers ask again.
    private const int Limit = 4096;

    private readonly Random? _sequence;
    private readonly byte[] _bytes = new byte[Limit];

    public VirtioRandom(PhysicalMemory memory, ApicBus bus, int? seed)
        : base(4, 0x00ff00, memory, bus, 64) => _sequence = seed == null ? null : new Random(seed.Value);

    protected override ulong DeviceFeatures => 0;

    protected override void Serve(int index, VirtQueue queue)
    {
        while (queue.TryPop())
        {
            Span<byte> bytes = _bytes.AsSpan(0, (int)Math.Min(queue.Chain.WritableLength, Limit));
            if (_sequence == null)
            {
                RandomNumberGenerator.Fill(bytes);
            }
            else
            {
                _sequence.NextBytes(bytes);
            }

            queue.Push(queue.Chain.Head, (uint)queue.Chain.Write(0, bytes));
        }
    }
}
