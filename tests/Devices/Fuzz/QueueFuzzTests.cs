using System.Buffers.Binary;
using Jitvmm.Devices.Channels;
using Jitvmm.Devices.Disks;
using Jitvmm.Devices.Net;
using Jitvmm.Devices.Pci;
using Jitvmm.Devices.Virtio;
using Xunit.Abstractions;

namespace Jitvmm.Tests.Devices.Fuzz;

/// <summary>Every virtqueue of every virtio device against <see cref="RingAttack"/>, with what its host side does meanwhile.</summary>
public sealed class QueueFuzzTests(ITestOutputHelper output) : IDisposable
{
    private const int Operations = 30_000;

    private readonly string _folder = Directory.CreateTempSubdirectory("queues").FullName;
    private readonly List<IDisposable> _open = [];
    private readonly ByteChannel _input = new(512);
    private readonly ByteChannel _output = new(512);
    private readonly LoopNetwork _network = new();
    private readonly byte[] _bytes = new byte[2048];

    public void Dispose()
    {
        _open.ForEach(item => item.Dispose());
        Directory.Delete(_folder, true);
    }

    [Theory]
    [InlineData("block", 1)]
    [InlineData("block", 2)]
    [InlineData("block with a thread", 3)]
    [InlineData("read-only block", 4)]
    [InlineData("network", 5)]
    [InlineData("network", 6)]
    [InlineData("console", 7)]
    [InlineData("console", 8)]
    [InlineData("random", 9)]
    [InlineData("share", 10)]
    public void No_ring_breaks_a_device(string kind, int seed)
    {
        using var driver = new VirtioDriver(d => Create(kind, d));
        var guard = new GuardedMemory(driver.Memory, RingAttack.WindowEnd, VirtioDriver.RamSize);
        var attack = new RingAttack(driver, RequestsOf(kind));
        new FuzzRun(output).Attack(seed, Operations, Step, guard.Check);

        void Step(Random random)
        {
            attack.Step(random);
            if (random.Next(8) == 0)
            {
                ActAsHost(random);
            }
        }
    }

    private PciFunction Create(string kind, VirtioDriver driver)
    {
        PciFunction function = kind switch
        {
            "block" => new VirtioBlock(Disk(false), "fuzz", 2, driver.Memory, driver.Machine.Bus, true),
            "block with a thread" => new VirtioBlock(Disk(false), "fuzz", 2, driver.Memory, driver.Machine.Bus, false),
            "read-only block" => new VirtioBlock(Disk(true), "fuzz", 1, driver.Memory, driver.Machine.Bus, true),
            "network" => new VirtioNetwork(_network, [2, 0, 0, 0, 0, 1], driver.Memory, driver.Machine.Bus),
            "console" => new VirtioConsole(driver.Memory, driver.Machine.Bus, _input, _output),
            "random" => new VirtioRandom(driver.Memory, driver.Machine.Bus, 1),
            _ => new VirtioShare(_folder, "share", true, driver.Memory, driver.Machine.Bus),
        };
        if (function is IDisposable disposable)
        {
            _open.Insert(0, disposable);
        }

        return function;
    }

    private DiskImage Disk(bool isReadOnly)
    {
        string path = Path.Combine(_folder, "disk");
        File.WriteAllBytes(path, new byte[1 << 16]);
        var disk = new DiskImage(path, isReadOnly);
        _open.Add(disk);
        return disk;
    }

    /// <summary>What a request of a kind of device begins with, right but for its numbers.</summary>
    private static Func<Random, byte[]> RequestsOf(string kind) => kind switch
    {
        "network" => Packet,
        "share" => NineMessages.Next,
        "random" => _ => [],
        "console" => random => new byte[random.Next(600)],
        _ => BlockRequest,
    };

    private static byte[] Packet(Random random)
    {
        byte[] packet = new byte[random.Next(1700)];
        random.NextBytes(packet);
        return packet;
    }

    private static byte[] BlockRequest(Random random)
    {
        byte[] request = new byte[16 + (random.Next(3) == 0 ? random.Next(600) : 16 * random.Next(36))];
        random.NextBytes(request.AsSpan(16));
        BinaryPrimitives.WriteUInt32LittleEndian(request, (uint)random.Next(15));
        BinaryPrimitives.WriteUInt64LittleEndian(request.AsSpan(8), random.Next(8) == 0 ? (ulong)random.NextInt64() : (ulong)random.Next(140));
        for (int at = 16; at + 16 <= request.Length; at += 16)
        {
            // Ranges to discard: sector, sectors, flags.
            BinaryPrimitives.WriteUInt64LittleEndian(request.AsSpan(at), (ulong)random.Next(random.Next(8) == 0 ? int.MaxValue : 120));
            BinaryPrimitives.WriteUInt32LittleEndian(request.AsSpan(at + 8), (uint)random.Next(16));
            BinaryPrimitives.WriteUInt32LittleEndian(request.AsSpan(at + 12), random.Next(8) == 0 ? (uint)random.Next() : 0u);
        }

        return request;
    }

    private void ActAsHost(Random random)
    {
        switch (random.Next(3))
        {
            case 0:
                _ = _input.TryWrite(_bytes.AsSpan(0, random.Next(64)));
                break;
            case 1:
                _ = _output.TryRead(_bytes);
                break;
            default:
                _network.Received?.Invoke(_bytes.AsSpan(0, random.Next(_bytes.Length)));
                break;
        }
    }

    /// <summary>What the guest sends comes back, now and then.</summary>
    private sealed class LoopNetwork : INetwork
    {
        private int _count;

        public FrameHandler? Received { get; set; }

        public void Send(ReadOnlySpan<byte> frame)
        {
            Assert.InRange(frame.Length, 14, 1514);
            if (++_count % 4 == 0)
            {
                Received?.Invoke(frame);
            }
        }

        public void Dispose()
        {
        }
    }
}
