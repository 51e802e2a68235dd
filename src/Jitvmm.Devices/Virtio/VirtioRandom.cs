using System.Security.Cryptography;
using Jitvmm.Devices.Interrupts;
using Jitvmm.Devices.State;
using Jitvmm.Runtime.Memory;

namespace Jitvmm.Devices.Virtio;

/// <summary>An entropy source (Virtual I/O Device 1.2, 5.4): the host's random numbers, or with a seed a repeatable sequence.</summary>
public sealed class VirtioRandom : VirtioDevice
{
    // What one request gets at most; drivers ask again.
    private const int Limit = 4096;

    private readonly bool _isRepeatable;
    private readonly byte[] _bytes = new byte[Limit];
    private ulong _sequence;

    public VirtioRandom(PhysicalMemory memory, ApicBus bus, int? seed)
        : base(4, 0x00ff00, memory, bus, 64)
    {
        _isRepeatable = seed != null;
        _sequence = (ulong)(seed ?? 0);
    }

    protected override ulong DeviceFeatures => 0;

    public override void Save(StateWriter writer)
    {
        base.Save(writer);
        writer.Section("random", 1);
        writer.UInt64(_sequence);
    }

    public override void Restore(StateReader reader)
    {
        base.Restore(reader);
        reader.Section("random", 1);
        _sequence = reader.UInt64();
    }

    protected override void Serve(int index, VirtQueue queue)
    {
        while (queue.TryPop())
        {
            Span<byte> bytes = _bytes.AsSpan(0, (int)Math.Min(queue.Chain.WritableLength, Limit));
            if (_isRepeatable)
            {
                FillRepeatably(bytes);
            }
            else
            {
                RandomNumberGenerator.Fill(bytes);
            }

            queue.Push(queue.Chain.Head, (uint)queue.Chain.Write(0, bytes));
        }
    }

    /// <summary>SplitMix64, whose whole state is one number that can be saved.</summary>
    private void FillRepeatably(Span<byte> bytes)
    {
        for (int at = 0; at < bytes.Length; at += sizeof(ulong))
        {
            _sequence += 0x9e3779b97f4a7c15;
            ulong mixed = (_sequence ^ (_sequence >> 30)) * 0xbf58476d1ce4e5b9;
            mixed = (mixed ^ (mixed >> 27)) * 0x94d049bb133111eb;
            mixed ^= mixed >> 31;
            for (int i = 0; i < sizeof(ulong) && at + i < bytes.Length; i++)
            {
                bytes[at + i] = (byte)(mixed >> (8 * i));
            }
        }
    }
}
