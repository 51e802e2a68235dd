using System.Buffers.Binary;
using Jitvmm.Devices.Net;
using Jitvmm.Devices.Xen;

namespace Jitvmm.Tests.Devices.Xen;

/// <summary>A network card by its rings (netif.h), against a driver that does as told.</summary>
public sealed class XenNetworkTests : IDisposable
{
    private const string Front = "device/vif/0";
    private const string Back = "/local/domain/0/backend/vif/1/0";
    private const ushort ChecksumBlank = 1;
    private const ushort MoreData = 4;
    private const ushort ExtraInfo = 8;

    private readonly XenGuest _guest = new();
    private readonly XenHost _host;
    private readonly Wire _wire = new();
    private readonly XenRing _transmit;
    private readonly XenRing _receive;
    private uint _port;
    private ushort _nextId;

    public XenNetworkTests()
    {
        _host = new XenHost(_guest, XenGuest.Pages, 64 << 20, 1);
        _host.AddNetwork(_wire, [2, 0, 0, 0, 0, 9]);
        _transmit = new XenRing(_guest, 12);
        _receive = new XenRing(_guest, 8);
    }

    public void Dispose()
    {
        _host.Dispose();
        _guest.Dispose();
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Frames_go_both_ways(bool isSplit)
    {
        Assert.Equal("02:00:00:00:00:09", _guest.Get($"{Front}/mac"));
        uint receivePort = Connect(isSplit);
        ulong page = _guest.TakePage();
        uint grant = _guest.GrantPage(page, true);
        for (int i = 0; i < 600; i++)
        {
            byte[] frame = Frame(60 + i);
            Assert.True(_guest.Memory.Write(page + 100, frame));
            Send((grant, 100, 0, (ushort)frame.Length));
            Assert.Equal([0], Answers((ushort)i));
            Assert.Equal(frame, Assert.Single(_wire.Take()));
            ulong target = _guest.TakePage();
            Post((ushort)i, _guest.GrantPage(target));
            int raised = _guest.Raised[receivePort];
            _wire.Received!(frame);
            Assert.True(_guest.Raised[receivePort] > raised);
            byte[] answer = _receive.TryTake()!;
            Assert.Equal((ushort)i, BinaryPrimitives.ReadUInt16LittleEndian(answer));
            Assert.Equal(0, BinaryPrimitives.ReadUInt16LittleEndian(answer.AsSpan(2)));
            Assert.Equal(frame.Length, BinaryPrimitives.ReadInt16LittleEndian(answer.AsSpan(6)));
            Assert.Equal(frame, _guest.Read(target, frame.Length));
        }

        Assert.Equal(2, _guest.GrantsInUse);
    }

    [Fact]
    public void A_frame_may_come_in_pieces()
    {
        Connect(true);
        byte[] frame = Frame(1500);
        ulong[] pages = [_guest.TakePage(), _guest.TakePage(), _guest.TakePage()];
        Assert.True(_guest.Memory.Write(pages[0] + 4000, frame.AsSpan(0, 96)));
        Assert.True(_guest.Memory.Write(pages[1], frame.AsSpan(96, 1000)));
        Assert.True(_guest.Memory.Write(pages[2] + 8, frame.AsSpan(1096, 404)));
        Send((_guest.GrantPage(pages[0]), 4000, MoreData, 1500), (_guest.GrantPage(pages[1]), 0, MoreData, 1000), (_guest.GrantPage(pages[2]), 8, 0, 404));
        Assert.Equal(frame, Assert.Single(_wire.Take()));
        Assert.Equal([0, 0, 0], Answers(0));
    }

    [Fact]
    public void What_makes_no_sense_is_not_sent()
    {
        Connect(true);
        ulong page = _guest.TakePage();
        uint grant = _guest.GrantPage(page);
        (uint, ushort, ushort, ushort)[][] wrong =
        [
            [(grant, 4000, 0, 97)],
            [(grant, 0, 0, 13)],
            [(grant, 0, 0, 1515)],
            [(grant, 0, 0, 0xffff)],
            [(grant, 0xffff, 0, 60)],
            [(99999, 0, 0, 60)],
            [(grant, 0, MoreData, 60)],
            [(grant, 0, MoreData, 60), (grant, 0, 0, 61)],
            [(grant, 0, MoreData, 60), (grant, 4090, 0, 20)],
            [.. Enumerable.Repeat((grant, (ushort)0, MoreData, (ushort)60), 30), (grant, 0, 0, 1)],
        ];
        foreach ((uint, ushort, ushort, ushort)[] request in wrong)
        {
            Send(request);
            Assert.Empty(_wire.Take());
            Assert.Equal(Enumerable.Repeat((short)-1, request.Length), Answers(0));
        }

        Send((grant, 0, 0, 60));
        Assert.Single(_wire.Take());
    }

    [Fact]
    public void Extra_information_is_answered_with_nothing_and_segmentation_refused()
    {
        Connect(true);
        uint grant = _guest.GrantPage(_guest.TakePage());
        Put(0, grant, 0, ExtraInfo, 60);
        _transmit.Put([4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
        Put(2, grant, 0, ExtraInfo, 60);
        _transmit.Put([1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
        _transmit.Push();
        _guest.Notify(_port);
        Assert.Single(_wire.Take());
        Assert.Equal([0, 1, -1, 1], Enumerable.Range(0, 4).Select(_ => BinaryPrimitives.ReadInt16LittleEndian(_transmit.TryTake().AsSpan(2))));
    }

    [Theory]
    [InlineData(6)]
    [InlineData(17)]
    public void Checksums_that_the_guest_left_are_filled_in(byte protocol)
    {
        Connect(true);
        int field = 34 + (protocol == 6 ? 16 : 6);
        byte[] frame = [.. Frame(12), 8, 0, 0x45, 0, 0, 81, 0, 0, 0x40, 0, 64, protocol, 0, 0, 10, 0, 2, 15, 10, 0, 2, 2, .. Frame(61), 0, 0, 0];
        ulong page = _guest.TakePage();
        Assert.True(_guest.Memory.Write(page, frame));
        Send((_guest.GrantPage(page), 0, ChecksumBlank, (ushort)frame.Length));
        byte[] sent = Assert.Single(_wire.Take());
        uint sum = 0x0a00 + 0x020f + 0x0a00 + 0x0202 + (uint)protocol + 61;
        for (int at = 34; at < 95; at += 2)
        {
            sum += (uint)(sent[at] << 8) + (at + 1 < 95 ? sent[at + 1] : 0u);
        }

        Assert.Equal(0xffffu, (sum >> 16) + (sum & 0xffff));
        Assert.NotEqual(frame[field..(field + 2)], sent[field..(field + 2)]);
        sent[field] = frame[field];
        sent[field + 1] = frame[field + 1];
        Assert.Equal(frame, sent);
    }

    [Fact]
    public void Frames_wait_for_pages_and_skip_those_that_are_none()
    {
        Connect(false);
        _wire.Received!(Frame(100));
        _wire.Received!(Frame(200));
        Assert.Null(_receive.TryTake());
        Post(1, 123456);
        Post(2, _guest.GrantPage(_guest.TakePage(), true));
        Post(3, _guest.GrantPage(_guest.TakePage()));
        Post(4, _guest.GrantPage(_guest.TakePage()));
        _guest.Notify(_port);
        Assert.Equal([-1, -1, 100, 200], Enumerable.Range(0, 4).Select(_ => BinaryPrimitives.ReadInt16LittleEndian(_receive.TryTake().AsSpan(6))));
    }

    [Fact]
    public void A_driver_that_wants_pages_flipped_is_not_connected()
    {
        _guest.Write($"{Front}/tx-ring-ref", $"{_transmit.References[0]}");
        _guest.Write($"{Front}/rx-ring-ref", $"{_receive.References[0]}");
        _guest.Write($"{Front}/event-channel", $"{_guest.AllocateUnbound()}");
        _guest.Write($"{Front}/state", "4");
        Assert.Equal("5", _guest.Get($"{Back}/state"));
        Assert.Equal(0, _guest.GrantsInUse);
    }

    [Fact]
    public void A_driver_that_leaves_hears_nothing_more()
    {
        Connect(true);
        _guest.Write($"{Front}/state", "6");
        Assert.Equal("6", _guest.Get($"{Back}/state"));
        Assert.Equal(0, _guest.GrantsInUse);
        Post(1, _guest.GrantPage(_guest.TakePage()));
        _wire.Received!(Frame(100));
        Assert.Null(_receive.TryTake());
    }

    private static byte[] Frame(int length) => [.. Enumerable.Range(0, length).Select(i => (byte)(i * 7 + length))];

    /// <summary>Both halves say where they are; the port that tells of received frames.</summary>
    private uint Connect(bool isSplit)
    {
        Assert.Equal("2", _guest.Get($"{Back}/state"));
        _guest.Write($"{Front}/tx-ring-ref", $"{_transmit.References[0]}");
        _guest.Write($"{Front}/rx-ring-ref", $"{_receive.References[0]}");
        _guest.Write($"{Front}/request-rx-copy", "1");
        _guest.Write($"{Front}/feature-rx-notify", "1");
        _port = _guest.AllocateUnbound();
        uint receivePort = isSplit ? _guest.AllocateUnbound() : _port;
        if (isSplit)
        {
            _guest.Write($"{Front}/event-channel-tx", $"{_port}");
            _guest.Write($"{Front}/event-channel-rx", $"{receivePort}");
        }
        else
        {
            _guest.Write($"{Front}/event-channel", $"{_port}");
        }

        _guest.Write($"{Front}/state", "4");
        Assert.Equal("4", _guest.Get($"{Back}/state"));
        return receivePort;
    }

    private void Put(ushort id, uint grant, ushort offset, ushort flags, ushort size) =>
        _transmit.Put([.. BitConverter.GetBytes(grant), .. BitConverter.GetBytes(offset), .. BitConverter.GetBytes(flags), .. BitConverter.GetBytes(id), .. BitConverter.GetBytes(size)]);

    private void Send(params (uint Grant, ushort Offset, ushort Flags, ushort Size)[] pieces)
    {
        foreach ((uint grant, ushort offset, ushort flags, ushort size) in pieces)
        {
            Put(_nextId++, grant, offset, flags, size);
        }

        _transmit.Push();
        _guest.Notify(_port);
    }

    /// <summary>Statuses of all answers.</summary>
    private List<short> Answers(ushort firstId)
    {
        List<short> statuses = [];
        while (_transmit.TryTake() is { } answer)
        {
            if (firstId != 0)
            {
                Assert.Equal(firstId++, BinaryPrimitives.ReadUInt16LittleEndian(answer));
            }

            statuses.Add(BinaryPrimitives.ReadInt16LittleEndian(answer.AsSpan(2)));
        }

        return statuses;
    }

    private void Post(ushort id, uint grant)
    {
        _receive.Put([.. BitConverter.GetBytes(id), 0, 0, .. BitConverter.GetBytes(grant)]);
        _receive.Push();
    }

    private sealed class Wire : INetwork
    {
        private List<byte[]> _frames = [];

        public FrameHandler? Received { get; set; }

        public void Send(ReadOnlySpan<byte> frame) => _frames.Add(frame.ToArray());

        public List<byte[]> Take()
        {
            List<byte[]> taken = _frames;
            _frames = [];
            return taken;
        }

        public void Dispose()
        {
        }
    }
}
