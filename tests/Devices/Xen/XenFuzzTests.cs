using Jitvmm.Devices.Channels;
using Jitvmm.Devices.Disks;
using Jitvmm.Devices.Net;
using Jitvmm.Devices.Xen;
using Jitvmm.Tests.Devices.Fuzz;
using Xunit.Abstractions;

namespace Jitvmm.Tests.Devices.Xen;

/// <summary>All back ends against a guest that fills rings and store with what comes to its mind.</summary>
public sealed class XenFuzzTests(ITestOutputHelper output) : IDisposable
{
    private const int Operations = 30_000;
    private const ulong Guarded = 0x800000;

    private static readonly string[] s_names =
        ["state", "ring-ref", "ring-ref0", "ring-page-order", "event-channel", "event-channel-tx", "event-channel-rx", "tx-ring-ref", "rx-ring-ref", "request-rx-copy", "multi-queue-num-queues", "protocol"];

    private readonly string _folder = Directory.CreateTempSubdirectory("xenfuzz").FullName;
    private readonly XenGuest _guest = new();
    private readonly Echo _network = new();
    private readonly ByteChannel _input = new(512);
    private readonly ByteChannel _output = new(512);
    private readonly byte[] _bytes = new byte[512];
    private readonly List<ulong> _pages = [];
    private readonly List<uint> _grants = [0, 7, 0xffffffff];
    private readonly List<uint> _ports = [1, 2];

    public void Dispose()
    {
        _guest.Dispose();
        Directory.Delete(_folder, true);
    }

    [Theory]
    [InlineData(1, true)]
    [InlineData(2, true)]
    [InlineData(3, false)]
    [InlineData(4, false)]
    public void Nothing_breaks_a_back_end(int seed, bool isInline)
    {
        string path = Path.Combine(_folder, "disk");
        File.WriteAllBytes(path, new byte[1 << 20]);
        using var image = new DiskImage(path, false);
        using var host = new XenHost(_guest, XenGuest.Pages, 64 << 20, 1);
        host.AddConsole(_input, _output);
        host.AddDisk(image, 2, isInline);
        host.AddNetwork(_network, [2, 0, 0, 0, 0, 1]);
        for (int i = 0; i < 12; i++)
        {
            _pages.Add(_guest.TakePage());
            _grants.Add(_guest.GrantPage(_pages[i], i % 5 == 4));
            _ports.Add(_guest.AllocateUnbound());
        }

        _pages.AddRange([XenGuest.StorePage, XenGuest.ConsolePage]);
        var guard = new GuardedMemory(_guest.Memory, Guarded, XenGuest.RamSize);
        new FuzzRun(output).Attack(seed, Operations, Step, guard.Check);
    }

    private void Step(Random random)
    {
        switch (random.Next(16))
        {
            case < 6:
                _guest.Write32(Page(random) + (ulong)(4 * random.Next(40)), Number(random));
                break;
            case 6:
                // A ring of fresh indices, so that much of it is taken as it stands.
                ulong page = Page(random);
                uint produced = (uint)random.Next(64);
                _guest.Write32(page, _guest.Read32(page + 8) + produced);
                break;
            case 7:
                _guest.Write32(Page(random) + 2048 + (ulong)(4 * random.Next(10)), Number(random));
                break;
            case < 12:
                _guest.Notify(_ports[random.Next(_ports.Count)]);
                break;
            case 12:
                _ = _input.TryWrite(_bytes.AsSpan(0, random.Next(512)));
                _ = _output.TryRead(_bytes);
                _network.Received!(_bytes.AsSpan(0, 14 + random.Next(400)));
                break;
            default:
                Tell(random);
                break;
        }
    }

    /// <summary>Sends the store a message, sometimes one that makes sense.</summary>
    private void Tell(Random random)
    {
        const ulong Store = XenGuest.StorePage;
        string device = random.Next(2) == 0 ? "device/vbd/51712" : "device/vif/0";
        string payload = random.Next(4) == 0
            ? string.Concat(Enumerable.Range(0, random.Next(40)).Select(_ => "ab/\0@10"[random.Next(7)]))
            : $"{device}/{s_names[random.Next(s_names.Length)]}\0{(random.Next(3) == 0 ? Number(random) : random.Next(2) == 0 ? _grants[random.Next(_grants.Count)] : (uint)random.Next(8))}";
        uint type = random.Next(3) == 0 ? (uint)random.Next(25) : 11;
        byte[] message = [.. BitConverter.GetBytes(type), .. new byte[4], .. BitConverter.GetBytes(random.Next(4) == 0 ? random.Next(12) : 0), .. BitConverter.GetBytes(payload.Length), .. System.Text.Encoding.Latin1.GetBytes(payload)];

        // Whatever was done to the page: a guest that wants to be heard reconnects, and has read all.
        if (_guest.Read32(Store + 2072) != 0 || random.Next(50) == 0)
        {
            _guest.Write32(Store + 2068, 1);
            _guest.Notify(1);
        }

        _guest.Write32(Store + 2056, _guest.Read32(Store + 2060));
        uint at = _guest.Read32(Store + 2048);
        foreach (byte part in message)
        {
            Assert.True(_guest.Memory.Write(Store + at++ % 1024, [part]));
        }

        _guest.Write32(Store + 2052, at);
        _guest.Notify(1);
    }

    private ulong Page(Random random) => _pages[random.Next(_pages.Count)];

    private uint Number(Random random) => random.Next(3) == 0 ? _grants[random.Next(_grants.Count)] : (uint)FuzzRun.Interesting(random, XenGuest.RamSize);

    private sealed class Echo : INetwork
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
