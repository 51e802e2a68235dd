using System.Buffers.Binary;
using System.Text;
using Jitvmm.Devices.Channels;
using Jitvmm.Devices.Disks;
using Jitvmm.Devices.Loading;
using Jitvmm.Devices.Virtio;

namespace Jitvmm.Tests.Devices;

public sealed class VirtioTests : IDisposable
{
    private const ulong EventIndex = 1 << 29;
    private readonly string _path = Path.GetTempFileName();
    private DiskImage? _disk;
    private VirtioBlock? _block;

    public VirtioTests()
    {
        byte[] content = new byte[1 << 20];
        for (int i = 0; i < content.Length; i += 512)
        {
            BinaryPrimitives.WriteInt32LittleEndian(content.AsSpan(i), i / 512);
        }

        File.WriteAllBytes(_path, content);
    }

    public void Dispose()
    {
        _block?.Dispose();
        _disk?.Dispose();
        File.Delete(_path);
    }

    [Theory]
    [InlineData(false, 0)]
    [InlineData(true, 0)]
    [InlineData(true, EventIndex)]
    public void A_disk_is_read_and_written(bool indirect, ulong features)
    {
        using VirtioDriver driver = Disk();
        _ = driver.Start(features, 0);
        Assert.Equal(2048ul, driver.Read(0x2000, 8));
        for (int i = 0; i < 40; i++)
        {
            var data = driver.Place(new byte[1024]);
            var status = driver.Place([0xff]);
            driver.Submit(0, [driver.Place(Header(0, (ulong)i))], [data, status], indirect);
            Assert.Equal(1025, driver.TakeUsed(0));
            Assert.Equal(0, driver.Get(status.Address, 1)[0]);
            Assert.Equal(i + 1, BinaryPrimitives.ReadInt32LittleEndian(driver.Get(data.Address + 512, 4)));
        }

        driver.Submit(0, [driver.Place(Header(1, 7)), driver.Place(Encoding.ASCII.GetBytes(new string('w', 512)))], [driver.Place([0xff])], indirect);
        Assert.Equal(1, driver.TakeUsed(0));
        var flushed = driver.Place([0xff]);
        driver.Submit(0, [driver.Place(Header(4, 0))], [flushed], indirect);
        Assert.Equal(1, driver.WaitUsed(0));
        Assert.Equal(0, driver.Get(flushed.Address, 1)[0]);
        Assert.Equal((byte)'w', HostContent()[7 * 512]);
    }

    [Fact]
    public void Ranges_are_zeroed_and_discarded()
    {
        using VirtioDriver driver = Disk();
        _ = driver.Start(ulong.MaxValue, 0);
        byte[] range = new byte[16];
        range[0] = 8;
        range[8] = 4;
        foreach (uint type in (uint[])[13, 11])
        {
            var status = driver.Place([0xff]);
            driver.Submit(0, [driver.Place(Header(type, 0)), driver.Place(range)], [status]);
            Assert.Equal(1, driver.WaitUsed(0));
            Assert.Equal(0, driver.Get(status.Address, 1)[0]);
        }

        Assert.All(HostContent()[(8 * 512)..(12 * 512)], value => Assert.Equal(0, value));
    }

    [Fact]
    public void Requests_outside_the_disk_or_malformed_fail()
    {
        using VirtioDriver driver = Disk();
        _ = driver.Start(0, 0);
        Assert.Equal(1, Status(driver, Header(0, 2048), 512));
        Assert.Equal(1, Status(driver, Header(0, ulong.MaxValue / 512), 512));
        Assert.Equal(1, Status(driver, Header(0, 0), 100));
        Assert.Equal(1, Status(driver, new byte[8], 512));
        Assert.Equal(2, Status(driver, Header(99, 0), 512));
        Assert.Equal(0, Status(driver, Header(8, 0), 20));
        Assert.Equal(0, driver.Status & 0x40);
    }

    [Fact]
    public void A_read_only_disk_is_not_written()
    {
        using VirtioDriver driver = Disk(readOnly: true);
        Assert.NotEqual(0ul, driver.Start(1 << 5, 0) & (1 << 5));
        var status = driver.Place([0xff]);
        driver.Submit(0, [driver.Place(Header(1, 0)), driver.Place(new byte[512])], [status]);
        Assert.Equal(1, driver.Get(status.Address, 1)[0]);
    }

    [Fact]
    public void A_disk_in_use_is_locked()
    {
        using var first = new DiskImage(_path, false);
        BootException error = Assert.Throws<BootException>(() => new DiskImage(_path, false));
        Assert.Contains("in use", error.Message, StringComparison.Ordinal);
        Assert.Throws<BootException>(() => new DiskImage(_path, true));
    }

    [Fact]
    public void Several_machines_may_read_a_read_only_disk()
    {
        using var first = new DiskImage(_path, true);
        using var second = new DiskImage(_path, true);
        Assert.Equal(first.Length, second.Length);
    }

    [Fact]
    public void A_broken_ring_asks_for_a_reset_and_recovers()
    {
        using VirtioDriver driver = Disk();
        _ = driver.Start(0, 0);
        driver.Submit(0, [(0x7000_0000_0000, 16)], [driver.Place([0])]);
        Assert.Equal(-1, driver.TakeUsed(0));
        Assert.NotEqual(0, driver.Status & 0x40);
        _ = driver.Start(0, 0);
        Assert.Equal(0, Status(driver, Header(0, 0), 512));
    }

    [Fact]
    public void Features_that_were_not_offered_are_refused()
    {
        using VirtioDriver driver = Disk();
        driver.Write(0x14, 1, 3);
        driver.Write(8, 4, 1);
        driver.Write(0xc, 4, uint.MaxValue);
        driver.Write(0x14, 1, 0xb);
        Assert.Equal(3, driver.Status);
    }

    [Fact]
    public void Random_bytes_fill_what_is_asked()
    {
        using var driver = new VirtioDriver(d => new VirtioRandom(d.Memory, d.Machine.Bus, null));
        _ = driver.Start(0, 0);
        var first = driver.Place(new byte[64]);
        var second = driver.Place(new byte[64]);
        driver.Submit(0, [], [first, second]);
        Assert.Equal(128, driver.TakeUsed(0));
        Assert.Contains(driver.Get(first.Address, 64), value => value != 0);
        Assert.NotEqual(driver.Get(first.Address, 64), driver.Get(second.Address, 64));
    }

    [Fact]
    public void A_chain_longer_than_4_GiB_breaks_its_queue()
    {
        using var driver = new VirtioDriver(d => new VirtioRandom(d.Memory, d.Machine.Bus, 5));
        _ = driver.Start(1 << 28, 0);
        driver.Submit(0, [], [.. Enumerable.Repeat((0ul, (uint)VirtioDriver.RamSize), (int)((1ul << 32) / VirtioDriver.RamSize) + 1)], indirect: true);
        Assert.NotEqual(0, driver.Status & 0x40);
        Assert.Equal(-1, driver.TakeUsed(0));
    }

    [Fact]
    public void A_console_sends_while_it_receives()
    {
        var input = new ByteChannel(8);
        var output = new ByteChannel(64);
        using var driver = new VirtioDriver(d => new VirtioConsole(d.Memory, d.Machine.Bus, input, output));
        _ = driver.Start(0, 0, 1);

        // Taking input makes room at the host, where somebody waits for that and has the guest send.
        _ = input.TryWrite("received"u8);
        driver.Submit(1, [driver.Place("sent out"u8)], [], notify: false);
        input.RoomArrived = () => driver.Write(0x3004, 2, 1);
        var buffer = driver.Place(new byte[32]);
        driver.Submit(0, [], [buffer]);
        Assert.Equal(8, driver.TakeUsed(0));
        Assert.Equal("received"u8.ToArray(), driver.Get(buffer.Address, 8));
        Assert.Equal(0, driver.TakeUsed(1));
        byte[] sent = new byte[8];
        Assert.Equal(8, output.TryRead(sent));
        Assert.Equal("sent out"u8.ToArray(), sent);
    }

    [Fact]
    public void A_console_carries_both_directions_with_back_pressure()
    {
        var input = new ByteChannel(64);
        var output = new ByteChannel(32);
        using var driver = new VirtioDriver(d => new VirtioConsole(d.Memory, d.Machine.Bus, input, output));
        _ = input.TryWrite("early"u8);
        _ = driver.Start(EventIndex, 0, 1);
        var buffer = driver.Place(new byte[32]);
        driver.Submit(0, [], [buffer]);
        Assert.Equal(5, driver.TakeUsed(0));
        Assert.Equal("early"u8.ToArray(), driver.Get(buffer.Address, 5));
        driver.Submit(0, [], [buffer]);
        Assert.Equal(-1, driver.TakeUsed(0));
        _ = input.TryWrite("late"u8);
        Assert.Equal(4, driver.TakeUsed(0));

        driver.Submit(1, [driver.Place(new byte[20]), driver.Place(Encoding.ASCII.GetBytes(new string('x', 30)))], []);
        Assert.Equal(-1, driver.TakeUsed(1));
        byte[] got = new byte[64];
        Assert.Equal(32, output.TryRead(got));
        Assert.Equal(0, driver.TakeUsed(1));
        Assert.Equal(18, output.TryRead(got));
        Assert.All(got[..18], value => Assert.Equal((byte)'x', value));
    }

    /// <summary>What the disk holds; the file itself is locked.</summary>
    private unsafe byte[] HostContent()
    {
        byte[] content = new byte[_disk!.Length];
        fixed (byte* bytes = content)
        {
            Span<TransferPiece> pieces = [new TransferPiece(bytes, 1000), new TransferPiece(bytes + 1000, (nuint)content.Length - 1000)];
            Assert.True(_disk.Read(0, pieces));
        }

        return content;
    }

    private static byte[] Header(uint type, ulong sector)
    {
        byte[] header = new byte[16];
        BinaryPrimitives.WriteUInt32LittleEndian(header, type);
        BinaryPrimitives.WriteUInt64LittleEndian(header.AsSpan(8), sector);
        return header;
    }

    private static byte Status(VirtioDriver driver, byte[] header, int length)
    {
        var status = driver.Place([0xff]);
        driver.Submit(0, [driver.Place(header)], [driver.Place(new byte[length]), status]);
        _ = driver.WaitUsed(0);
        return driver.Get(status.Address, 1)[0];
    }

    private VirtioDriver Disk(bool readOnly = false)
    {
        _disk = new DiskImage(_path, readOnly);
        return new VirtioDriver(driver => _block = new VirtioBlock(_disk, "test", 1, driver.Memory, driver.Machine.Bus, false));
    }
}
