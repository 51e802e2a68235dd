using Jitvmm.Devices.State;
using Jitvmm.Runtime.Memory;

namespace Jitvmm.Tests.Devices.Xen;

/// <summary>A disk by its ring (blkif.h), against a driver that does as told.</summary>
public sealed class XenBlockTests : IDisposable
{
    private const int Sectors = 4096;
    private const short Okay = 0;
    private const short Failed = -1;
    private const short Unsupported = -2;

    private readonly string _folder = Directory.CreateTempSubdirectory("xendisk").FullName;
    private readonly byte[] _content = new byte[Sectors * 512];

    public XenBlockTests()
    {
        new Random(7).NextBytes(_content);
        File.WriteAllBytes(Image, _content);
    }

    private string Image => Path.Combine(_folder, "disk");

    public void Dispose() => Directory.Delete(_folder, true);

    [Theory]
    [InlineData(false, 0)]
    [InlineData(true, 0)]
    [InlineData(false, 2)]
    [InlineData(true, 4)]
    public void It_reads_and_writes(bool isShort, int order)
    {
        using var disk = new XenDisk(Image) { IsShort = isShort };
        Assert.Equal($"{Sectors}", disk.Offered("sectors"));
        disk.Connect(order);
        ulong[] pages = [disk.Guest.TakePage(), disk.Guest.TakePage()];
        uint[] grants = [disk.Guest.GrantPage(pages[0]), disk.Guest.GrantPage(pages[1])];

        // More than a ring, so that it goes around.
        for (int i = 0; i < 2 * disk.Ring.Size + 3; i++)
        {
            Assert.Equal(Okay, disk.Do(disk.Request(XenDisk.Read, (ulong)i, (grants[0], 2, 7), (grants[1], 0, 0))));
            byte[] found = [.. disk.Guest.Read(pages[0] + 1024, 3072), .. disk.Guest.Read(pages[1], 512)];
            Assert.Equal(_content.AsSpan(i * 512, 7 * 512).ToArray(), found);
        }

        Assert.Equal(Okay, disk.Do(disk.Request(XenDisk.Write, 100, (disk.Guest.GrantPage(pages[1], true), 0, 0), (grants[0], 7, 7))));
        Assert.Equal(Okay, disk.Do(disk.Request(XenDisk.Flush, 0)));
        byte[] now = disk.Content();
        Assert.Equal([.. disk.Guest.Read(pages[1], 512), .. disk.Guest.Read(pages[0] + 7 * 512, 512)], now[(100 * 512)..(102 * 512)]);
        Assert.Equal(disk.Ring.References.Count, disk.Guest.GrantsInUse);
    }

    [Fact]
    public void A_barrier_writes_and_discarded_sectors_read_as_zeroes()
    {
        using var disk = new XenDisk(Image);
        disk.Connect();
        ulong page = disk.Guest.TakePage();
        uint grant = disk.Guest.GrantPage(page);
        Assert.True(disk.Guest.Memory.Write(page, "barrier"u8));
        Assert.Equal(Okay, disk.Do(disk.Request(XenDisk.Barrier, 9, (grant, 0, 0))));
        Assert.Equal("barrier"u8.ToArray(), disk.Content()[(9 * 512)..(9 * 512 + 7)]);
        Assert.Equal("1", disk.Offered("feature-discard"));
        byte[] discard = disk.Request(XenDisk.Discard, 64);
        discard[24] = 8;
        Assert.Equal(Okay, disk.Do(discard));
        discard[24 + 3] = 0x7f;
        Assert.Equal(Failed, disk.Do(discard));
        discard[1] = 1;
        Assert.Equal(Unsupported, disk.Do(discard));
        Assert.Equal(Unsupported, disk.Do(disk.Request(77, 0)));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Indirect_requests_have_many_segments(bool isShort)
    {
        using var disk = new XenDisk(Image) { IsShort = isShort };
        disk.Connect();
        ulong[] pages = [.. Enumerable.Range(0, 256).Select(_ => disk.Guest.TakePage())];
        (uint, byte, byte)[] segments = [.. pages.Select(page => (disk.Guest.GrantPage(page), (byte)0, (byte)7))];
        Assert.Equal(Okay, disk.Do(disk.IndirectRequest(XenDisk.Read, 8, segments)));
        Assert.Equal(_content.AsSpan(8 * 512, 256 * 4096).ToArray(), pages.SelectMany(page => disk.Guest.Read(page, 4096)));
        Assert.Equal(Okay, disk.Do(disk.IndirectRequest(XenDisk.Write, 1000, segments)));
        Assert.Equal(_content.AsSpan(8 * 512, 256 * 4096).ToArray(), disk.Content().AsSpan(1000 * 512, 256 * 4096).ToArray());
        Assert.Equal(Failed, disk.Do(disk.IndirectRequest(XenDisk.Read, 0, [.. segments, segments[0]])));
        Assert.Equal(Failed, disk.Do(disk.IndirectRequest(XenDisk.Flush, 0, segments[0])));
        Assert.Equal(1, disk.Guest.GrantsInUse);
    }

    [Fact]
    public void Requests_that_make_no_sense_fail_and_touch_nothing()
    {
        using var disk = new XenDisk(Image);
        disk.Connect();
        ulong page = disk.Guest.TakePage();
        uint grant = disk.Guest.GrantPage(page);
        uint readOnly = disk.Guest.GrantPage(page, true);
        byte[][] wrong =
        [
            disk.Request(XenDisk.Read, 0),
            disk.Request(XenDisk.Read, 0, (grant, 3, 2)),
            disk.Request(XenDisk.Read, 0, (grant, 0, 8)),
            disk.Request(XenDisk.Read, 0, (grant, 0, 255)),
            disk.Request(XenDisk.Read, 0, (readOnly, 0, 7)),
            disk.Request(XenDisk.Read, 0, (grant, 0, 7), (0xffffffff, 0, 7)),
            disk.Request(XenDisk.Read, Sectors - 7, (grant, 0, 7)),
            disk.Request(XenDisk.Read, ulong.MaxValue, (grant, 0, 0)),
            disk.Request(XenDisk.Read, 1ul << 55, (grant, 0, 0)),
            disk.Request(XenDisk.Write, 0, [.. Enumerable.Repeat((grant, (byte)0, (byte)0), 12)]),
        ];
        foreach (byte[] request in wrong)
        {
            Assert.Equal(Failed, disk.Do(request));
        }

        Assert.Equal(_content, disk.Content());
        Assert.Equal(new byte[4096], disk.Guest.Read(page, 4096));
        Assert.Equal(1, disk.Guest.GrantsInUse);
        Assert.Equal(Okay, disk.Do(disk.Request(XenDisk.Read, 0, (grant, 0, 0))));
    }

    [Fact]
    public void A_read_only_disk_is_not_written()
    {
        using var disk = new XenDisk(Image, isReadOnly: true);
        Assert.Equal(("r", "4", "ENOENT"), (disk.Offered("mode"), disk.Offered("info"), disk.Offered("feature-discard")));
        disk.Connect();
        uint grant = disk.Guest.GrantPage(disk.Guest.TakePage());
        Assert.Equal(Failed, disk.Do(disk.Request(XenDisk.Write, 0, (grant, 0, 0))));
        Assert.Equal(Unsupported, disk.Do(disk.Request(XenDisk.Discard, 0)));
        Assert.Equal(Okay, disk.Do(disk.Request(XenDisk.Flush, 0)));
    }

    [Theory]
    [InlineData(0, 33u)]
    [InlineData(0, 0x80000000u)]
    public void An_index_that_jumps_stops_the_ring_until_the_driver_comes_anew(int index, uint by)
    {
        using var disk = new XenDisk(Image);
        disk.Connect();
        uint grant = disk.Guest.GrantPage(disk.Guest.TakePage());
        disk.Ring.Set(index, disk.Ring.Get(index) + by);
        disk.Guest.Notify(disk.Port);
        Assert.Equal(0u, disk.Ring.ResponseProducer);
        disk.Leave();
        disk.Connect();
        Assert.Equal(Okay, disk.Do(disk.Request(XenDisk.Read, 0, (grant, 0, 0))));
    }

    [Fact]
    public void A_driver_that_leaves_gets_its_pages_back_and_may_return()
    {
        using var disk = new XenDisk(Image, queues: 2, isInline: false);
        for (int i = 0; i < 3; i++)
        {
            disk.Connect(i);
            uint grant = disk.Guest.GrantPage(disk.Guest.TakePage());
            Assert.Equal(Okay, disk.Do(disk.Request(XenDisk.Read, 0, (grant, 0, 0))));
            disk.Leave();
            Assert.Equal(0, disk.Guest.GrantsInUse);
        }
    }

    [Theory]
    [InlineData("ring-ref", "4000000000")]
    [InlineData("ring-ref", "none")]
    [InlineData("event-channel", "99")]
    [InlineData("protocol", "arm-abi")]
    [InlineData("ring-page-order", "5")]
    [InlineData("multi-queue-num-queues", "0")]
    [InlineData("multi-queue-num-queues", "3")]
    public void A_driver_that_says_nonsense_is_not_connected(string name, string value)
    {
        using var disk = new XenDisk(Image, queues: 2);
        var ring = new XenRing(disk.Guest, 112);
        disk.Tell("ring-ref", $"{ring.References[0]}");
        disk.Tell("event-channel", $"{disk.Guest.AllocateUnbound()}");
        disk.Tell(name, value);
        disk.Tell("state", "3");
        Assert.Equal("5", disk.State);
        Assert.Equal(0, disk.Guest.GrantsInUse);
    }

    [Fact]
    public void The_guest_is_told_only_of_answers_it_waits_for()
    {
        using var disk = new XenDisk(Image);
        disk.Connect();
        uint grant = disk.Guest.GrantPage(disk.Guest.TakePage());
        disk.Ring.Set(12, 3);
        for (int i = 1; i <= 4; i++)
        {
            disk.Ring.Put(disk.Request(XenDisk.Read, 0, (grant, 0, 0)));
            disk.Ring.Push();
            disk.Guest.Notify(disk.Port);
            Assert.Equal((uint)i, disk.Ring.ResponseProducer);
            Assert.Equal((uint)i + 1, disk.Ring.RequestEvent);
            Assert.Equal(i < 3 ? 0 : 1, disk.Guest.Raised[disk.Port]);
        }
    }

    [Fact]
    public void After_saved_state_it_goes_on_where_it_was()
    {
        using var disk = new XenDisk(Image, isInline: false);
        disk.Connect(1);
        ulong page = disk.Guest.TakePage();
        uint grant = disk.Guest.GrantPage(page);
        Assert.Equal(Okay, disk.Do(disk.Request(XenDisk.Read, 5, (grant, 0, 0))));
        var writer = new StateWriter();
        disk.Host.Save(writer);
        disk.Guest.ForgetEnds();
        disk.Host.Restore(new StateReader(writer.Written));
        Assert.Equal(Okay, disk.Do(disk.Request(XenDisk.Read, 6, (grant, 0, 0))));
        Assert.Equal(_content[(6 * 512)..(7 * 512)], disk.Guest.Read(page, 512));
    }

    [Fact]
    public void What_it_reads_over_code_is_translated_anew()
    {
        using var disk = new XenDisk(Image);
        disk.Connect();
        ulong page = disk.Guest.TakePage();
        List<(ulong, ulong)> changed = [];
        disk.Guest.Memory.CodeChanged = (address, length, _) => changed.Add((address, length));
        disk.Guest.Memory.SetAccess(page, 4096, disk.Guest.Memory.AccessOf(page) | PageAccess.Code);
        Assert.Equal(Okay, disk.Do(disk.Request(XenDisk.Read, 0, (disk.Guest.GrantPage(page), 1, 2))));
        Assert.Equal([(page + 512, 1024ul)], changed);
    }
}
