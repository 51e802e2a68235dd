using System.Buffers.Binary;
using System.Text;
using Jitvmm.Devices.Disks;
using Jitvmm.Devices.Nvme;
using Jitvmm.Devices.Pci;

namespace Jitvmm.Tests.Devices;

public sealed class NvmeTests : IDisposable
{
    private const ulong AdminSubmission = 0x100000;
    private const ulong AdminCompletion = 0x101000;
    private const ulong IoSubmission = 0x102000;
    private const ulong IoCompletion = 0x103000;
    private const ulong Data = 0x200000;
    private static readonly int s_operations = 10_000 * (int.TryParse(Environment.GetEnvironmentVariable("JITVMM_FUZZ"), out int factor) ? factor : 1);

    private readonly string _path = Path.GetTempFileName();
    private readonly DiskImage _disk;
    private readonly VirtioDriver _driver;
    private NvmeController? _controller;
    private readonly uint[] _tails = new uint[2];
    private readonly uint[] _heads = new uint[2];
    private readonly bool[] _phases = [true, true];

    public NvmeTests()
    {
        byte[] content = new byte[1 << 20];
        for (int i = 0; i < content.Length; i += 512)
        {
            BinaryPrimitives.WriteInt32LittleEndian(content.AsSpan(i), i / 512);
        }

        File.WriteAllBytes(_path, content);
        _disk = new DiskImage(_path, false);
        _driver = new VirtioDriver(driver => _controller = new NvmeController(_disk, "test", 2, driver.Memory, driver.Machine.Bus, false));
    }

    public void Dispose()
    {
        _controller?.Dispose();
        _driver.Dispose();
        _disk.Dispose();
        File.Delete(_path);
    }

    [Fact]
    public void It_identifies_itself_as_drivers_ask()
    {
        Start();
        Assert.Equal(0, Admin(6, d10: 1));
        byte[] controller = _driver.Get(Data, 4096);
        Assert.Equal("test", Encoding.ASCII.GetString(controller, 4, 20).TrimEnd());
        Assert.Equal(0, Admin(6, d10: 0, ns: 1));
        Assert.Equal(2048ul, BinaryPrimitives.ReadUInt64LittleEndian(_driver.Get(Data, 8)));
        Assert.Equal(0, Admin(6, d10: 2));
        Assert.Equal(1, _driver.Get(Data, 1)[0]);
        Assert.Equal(0x0b, Admin(6, d10: 0, ns: 7));
        Assert.Equal(0, Admin(9, d10: 7, d11: 0x00ff00ff));
        Assert.Equal(0x01, Admin(0x7f));
    }

    [Fact]
    public void Blocks_are_read_and_written_through_page_lists()
    {
        Start();
        CreateIo();
        foreach (int pages in (int[])[1, 2, 3, 40])
        {
            ulong list = Data + 0x100000;
            byte[] entries = new byte[8 * pages];
            for (int i = 1; i < pages; i++)
            {
                BinaryPrimitives.WriteUInt64LittleEndian(entries.AsSpan(8 * (i - 1)), Data + (ulong)i * 8192);
            }

            _ = _driver.Memory.Write(list, entries);
            ulong second = pages == 2 ? Data + 8192 : list;
            Assert.Equal(0, Io(2, Data, second, 8, (uint)(8 * pages) - 1));
            for (int i = 0; i < pages; i++)
            {
                Assert.Equal(8 + 8 * i, BinaryPrimitives.ReadInt32LittleEndian(_driver.Get(Data + (ulong)i * 8192, 4)));
            }
        }

        _ = _driver.Memory.Write(Data, Encoding.ASCII.GetBytes(new string('n', 512)));
        Assert.Equal(0, Io(1, Data, 0, 5, 0));
        Assert.Equal(0, Io(0, 0, 0, 0, 0));
        Assert.Equal(0, Io(2, Data + 0x2000, 0, 5, 0));
        Assert.Equal((byte)'n', _driver.Get(Data + 0x2000, 1)[0]);
    }

    [Fact]
    public void Wrong_commands_are_refused()
    {
        Start();
        CreateIo();
        Assert.Equal(0x80, Io(2, Data, 0, 2048, 0));
        Assert.Equal(0x80, Io(2, Data, 0, ulong.MaxValue, 0));
        Assert.Equal(0x02, Io(2, Data, 0x123, 0, 15));
        Assert.Equal(0x02, Io(2, 0x7fff_ffff_f000, 0, 0, 0));
        Assert.Equal(0x01, Io(0x55, Data, 0, 0, 0));
        Assert.Equal(0x101, Admin(1, d10: 0x000f0001, d11: 0x00010001));
        Assert.Equal(0x100, Admin(1, d10: 0x000f0002, d11: 0x00090001));
        Assert.Equal(0x10c, Admin(4, d10: 1));
        Assert.Equal(0x102, Admin(5, d10: 0xffff0002, d11: 1));
    }

    [Fact]
    public void Zeroes_and_discards_apply_to_ranges()
    {
        Start();
        CreateIo();
        Assert.Equal(0, Io(8, 0, 0, 16, 7));
        Assert.Equal(0, Io(2, Data, 0, 16, 0));
        Assert.All(_driver.Get(Data, 512), value => Assert.Equal(0, value));
        byte[] range = new byte[16];
        range[4] = 8;
        range[8] = 32;
        _ = _driver.Memory.Write(Data, range);
        Submit(1, 9, Data, 0, 1, 0, 4, 0);
        Assert.Equal(0, Take(1));
    }

    [Fact]
    public void The_pin_is_pulled_until_the_head_moves()
    {
        Start();
        Submit(0, 6, Data, 0, 0, 1, 0, 0);
        Assert.True(_driver.Machine.Levels[17]);
        Assert.Equal(0, Take(0));
        Assert.False(_driver.Machine.Levels[17]);
    }

    [Fact]
    public void A_reset_and_a_shutdown_are_reported()
    {
        Start();
        _driver.Write(0x14, 4, 0x464001);
        Assert.Equal(8ul, _driver.Read(0x1c, 4) & 0xc);
        _driver.Write(0x14, 4, 0);
        Assert.Equal(0ul, _driver.Read(0x1c, 4));
        _driver.Write(0x28, 8, 0x7fff_0000_0000);
        _driver.Write(0x14, 4, 0x460001);
        Assert.Equal(2ul, _driver.Read(0x1c, 4) & 3);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public void Nothing_a_driver_does_breaks_it(int seed)
    {
        var random = new Random(seed);
        Start();
        byte[] entry = new byte[64];
        for (int i = 0; i < s_operations; i++)
        {
            switch (random.Next(8))
            {
                case 0 when random.Next(20) == 0:
                    _driver.Write(0x14, 4, 0);
                    Start();
                    CreateIo();
                    break;
                case 1:
                    _driver.Write(random.Next(0x40), 1 << random.Next(4), random.Next(3) == 0 ? (ulong)random.NextInt64() : AdminSubmission);
                    break;
                case 2:
                    _ = _driver.Read(random.Next(0x2000), 1 << random.Next(4));
                    break;
                default:
                    random.NextBytes(entry);
                    entry[0] = (byte)random.Next(16);
                    entry.AsSpan(1, 1).Clear();
                    entry.AsSpan(4, 4).Clear();
                    entry[4] = (byte)random.Next(3);
                    BinaryPrimitives.WriteUInt64LittleEndian(entry.AsSpan(24), Data + (ulong)random.Next(0x100000));
                    BinaryPrimitives.WriteUInt64LittleEndian(entry.AsSpan(32), random.Next(2) == 0 ? Data + (ulong)(random.Next(64) << 12) : (ulong)random.NextInt64());
                    entry.AsSpan(40, 12).Clear();
                    entry[40] = (byte)random.Next(16);
                    entry[44] = (byte)random.Next(8);
                    entry[48] = (byte)random.Next(32);
                    int slot = random.Next(16);
                    _ = _driver.Memory.Write(random.Next(2) == 0 ? AdminSubmission + 64ul * (ulong)slot : IoSubmission + 64ul * (ulong)slot, entry);
                    _driver.Write(0x1000 + 4 * random.Next(6), 4, (ulong)random.Next(16));
                    break;
            }
        }
    }

    private void Start()
    {
        _driver.Write(0x24, 4, 0x000f000f);
        _driver.Write(0x28, 8, AdminSubmission);
        _driver.Write(0x30, 8, AdminCompletion);
        foreach (ulong page in (ulong[])[AdminSubmission, AdminCompletion, IoSubmission, IoCompletion])
        {
            _ = _driver.Memory.Write(page, new byte[4096]);
        }

        _driver.Write(0x14, 4, 0x460001);
        Assert.Equal(1ul, _driver.Read(0x1c, 4));
        Array.Clear(_tails);
        Array.Clear(_heads);
        Array.Fill(_phases, true);
    }

    private void CreateIo()
    {
        Submit(0, 5, IoCompletion, 0, 0, 0x000f0001, 0x00010003, 0);
        Assert.Equal(0, Take(0));
        Submit(0, 1, IoSubmission, 0, 0, 0x000f0001, 0x00010001, 0);
        Assert.Equal(0, Take(0));
    }

    private int Admin(byte opcode, uint d10 = 0, uint d11 = 0, uint ns = 0)
    {
        Submit(0, opcode, Data, 0, ns, d10, d11, 0);
        return Take(0);
    }

    private int Io(byte opcode, ulong first, ulong second, ulong block, uint count)
    {
        Submit(1, opcode, first, second, 1, (uint)block, (uint)(block >> 32), count);
        return Take(1);
    }

    private void Submit(int queue, byte opcode, ulong first, ulong second, uint ns, uint d10, uint d11, uint d12)
    {
        byte[] entry = new byte[64];
        entry[0] = opcode;
        BinaryPrimitives.WriteUInt16LittleEndian(entry.AsSpan(2), (ushort)_tails[queue]);
        BinaryPrimitives.WriteUInt32LittleEndian(entry.AsSpan(4), ns);
        BinaryPrimitives.WriteUInt64LittleEndian(entry.AsSpan(24), first);
        BinaryPrimitives.WriteUInt64LittleEndian(entry.AsSpan(32), second);
        BinaryPrimitives.WriteUInt32LittleEndian(entry.AsSpan(40), d10);
        BinaryPrimitives.WriteUInt32LittleEndian(entry.AsSpan(44), d11);
        BinaryPrimitives.WriteUInt32LittleEndian(entry.AsSpan(48), d12);
        _ = _driver.Memory.Write((queue == 0 ? AdminSubmission : IoSubmission) + 64ul * _tails[queue], entry);
        _tails[queue] = (_tails[queue] + 1) % 16;
        _driver.Write(0x1000 + 8 * queue, 4, _tails[queue]);
    }

    /// <summary>Waits for the next completion and gives its place back; its status.</summary>
    private int Take(int queue)
    {
        ulong at = (queue == 0 ? AdminCompletion : IoCompletion) + 16ul * _heads[queue];
        int last = 0;
        Assert.True(SpinWait.SpinUntil(() => (((last = BinaryPrimitives.ReadUInt16LittleEndian(_driver.Get(at + 14, 2))) & 1) != 0) == _phases[queue], 20_000));
        _heads[queue] = (_heads[queue] + 1) % 16;
        _phases[queue] ^= _heads[queue] == 0;
        _driver.Write(0x1004 + 8 * queue, 4, _heads[queue]);
        return last >> 1;
    }
}
