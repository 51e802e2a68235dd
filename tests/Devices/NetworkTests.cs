using Jitvmm.Devices.Net;
using Jitvmm.Devices.Virtio;
using Jitvmm.Tests.Guests;

namespace Jitvmm.Tests.Devices;

public sealed class NetworkTests
{
    private static readonly byte[] s_address = [0x52, 0x54, 0, 1, 2, 3];

    [Fact]
    public void Frames_go_both_ways_and_wait_for_buffers()
    {
        var network = new FakeNetwork();
        using var driver = new VirtioDriver(d => new VirtioNetwork(network, s_address, d.Memory, d.Machine.Bus));
        Assert.NotEqual(0ul, driver.Start(1 << 5, 0, 1) & (1 << 5));
        Assert.Equal(0x52ul, driver.Read(0x2000, 1));
        byte[] frame = [.. Enumerable.Range(0, 60).Select(i => (byte)i)];
        driver.Submit(1, [driver.Place(new byte[12]), driver.Place(frame)], []);
        Assert.Equal(0, driver.TakeUsed(1));
        Assert.Equal(frame, Assert.Single(network.Sent));

        network.Received!(frame);
        Assert.Equal(-1, driver.TakeUsed(0));
        var buffer = driver.Place(new byte[1600]);
        driver.Submit(0, [], [buffer]);
        Assert.Equal(72, driver.TakeUsed(0));
        Assert.Equal(1, driver.Get(buffer.Address + 10, 1)[0]);
        Assert.Equal(frame, driver.Get(buffer.Address + 12, 60));
    }

    [Fact]
    public void Frames_of_impossible_size_are_dropped()
    {
        var network = new FakeNetwork();
        using var driver = new VirtioDriver(d => new VirtioNetwork(network, s_address, d.Memory, d.Machine.Bus));
        _ = driver.Start(0, 0, 1);
        driver.Submit(1, [driver.Place(new byte[12 + 4])], []);
        driver.Submit(1, [driver.Place(new byte[12 + 9000])], []);
        Assert.Empty(network.Sent);
    }

    [ToolFact("/usr/lib/x86_64-linux-gnu/libslirp.so.0")]
    public void The_gateway_answers_address_resolution()
    {
        using var network = new SlirpNetwork(false);
        using var answered = new ManualResetEventSlim();
        byte[] reply = [];
        network.Received = frame =>
        {
            if (frame.Length >= 42 && frame[12] == 8 && frame[13] == 6)
            {
                reply = frame.ToArray();
                answered.Set();
            }
        };
        byte[] request =
        [
            0xff, 0xff, 0xff, 0xff, 0xff, 0xff, .. s_address, 8, 6,
            0, 1, 8, 0, 6, 4, 0, 1, .. s_address, 10, 0, 2, 15, 0, 0, 0, 0, 0, 0, 10, 0, 2, 2, .. new byte[18],
        ];
        network.Send(request);
        Assert.True(answered.Wait(20_000));
        Assert.Equal([10, 0, 2, 2], reply[28..32]);
    }

    private sealed class FakeNetwork : INetwork
    {
        public List<byte[]> Sent { get; } = [];

        public FrameHandler? Received { get; set; }

        public void Send(ReadOnlySpan<byte> frame) => Sent.Add(frame.ToArray());

        public void Dispose()
        {
        }
    }
}
