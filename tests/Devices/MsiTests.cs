using Jitvmm.Devices.Disks;
using Jitvmm.Devices.Nvme;
using Jitvmm.Devices.State;

namespace Jitvmm.Tests.Devices;

/// <summary>Plain messages of an NVMe function (PCI Local Bus 3.0, 6.8.1), through its configuration space and admin queue.</summary>
public sealed class MsiTests : IDisposable
{
    private const ulong AdminSubmission = 0x100000;
    private const ulong AdminCompletion = 0x101000;
    private const ulong IoCompletion = 0x102000;
    private const ulong IoSubmission = 0x103000;
    private const uint EnableBit = 1u << 16;

    private readonly string _path = Path.GetTempFileName();
    private readonly DiskImage _disk;
    private readonly VirtioDriver _driver;
    private readonly int _capability;
    private NvmeController? _controller;
    private uint _tail;

    public MsiTests()
    {
        File.WriteAllBytes(_path, new byte[1 << 18]);
        _disk = new DiskImage(_path, false);
        _driver = new VirtioDriver(driver => _controller = new NvmeController(_disk, "test", 3, driver.Memory, driver.Machine.Bus, true));
        _capability = Capability(5);
        Start();
    }

    public void Dispose()
    {
        _controller?.Dispose();
        _driver.Dispose();
        _disk.Dispose();
        File.Delete(_path);
    }

    [Fact]
    public void It_shows_what_it_is_capable_of()
    {
        // Four messages, 64-bit address, masks; MSI-X beside it.
        Assert.Equal(0x184u, _driver.ReadConfig(_capability) >> 16);
        Assert.NotEqual(0, Capability(0x11));
        foreach ((int register, uint kept) in ((int, uint)[])[(4, 0xfffffffc), (8, uint.MaxValue), (12, 0xffff), (16, 0xf), (20, 0)])
        {
            _driver.WriteConfig(_capability + register, uint.MaxValue);
            Assert.Equal(kept, _driver.ReadConfig(_capability + register));
        }
    }

    [Fact]
    public void Without_a_table_it_is_all_there_is()
    {
        using var driver = new VirtioDriver(driver => new NvmeController(_disk, "bare", 3, driver.Memory, driver.Machine.Bus, true, false));
        Assert.Equal(5u, driver.ReadConfig((int)driver.ReadConfig(0x34)) & 0xffff);
        driver.WriteConfig(0x18, uint.MaxValue);
        Assert.Equal(0u, driver.ReadConfig(0x18));
    }

    [Fact]
    public void A_message_replaces_the_pin()
    {
        Enable(0, 0x50);
        Identify();
        Assert.Equal(0x50, _driver.Apic.Acknowledge());
        Assert.False(_driver.Machine.Levels[17]);
        _driver.WriteConfig(_capability, 0);
        Identify();
        Assert.Equal(-1, _driver.Apic.Acknowledge());
        Assert.True(_driver.Machine.Levels[17]);
    }

    [Theory]
    [InlineData(0, 0x57)]
    [InlineData(1, 0x57)]
    [InlineData(2, 0x57)]
    [InlineData(7, 0x57)]
    public void Vectors_share_the_messages_that_are_enabled(int countLog2, int data)
    {
        Enable(countLog2, (uint)data);
        Submit(5, IoCompletion, 0x000f0001, 0x00030003);
        Submit(1, IoSubmission, 0x000f0001, 0x00010001);
        _ = Accept();
        _driver.Memory.Write(IoSubmission, new byte[64]);
        _driver.Write(0x1008, 4, 1);
        int messages = 1 << Math.Min(countLog2, 2);
        Assert.Equal((data & ~(messages - 1)) | (3 & (messages - 1)), Accept());
    }

    [Fact]
    public void A_masked_message_waits_and_shows()
    {
        Enable(2, 0x60);
        _driver.WriteConfig(_capability + 16, 1);
        Identify();
        Assert.Equal(-1, _driver.Apic.Acknowledge());
        Assert.Equal(1u, _driver.ReadConfig(_capability + 20));

        var state = new StateWriter();
        _controller!.Save(state);
        _driver.WriteConfig(_capability, 0);
        Assert.Equal(0u, _driver.ReadConfig(_capability + 20));
        _controller.Restore(new StateReader(state.Written));
        Assert.Equal(1u, _driver.ReadConfig(_capability + 20));
        Assert.Equal(-1, _driver.Apic.Acknowledge());

        _driver.WriteConfig(_capability + 16, 0);
        Assert.Equal(0x60, _driver.Apic.Acknowledge());
        Assert.Equal(0u, _driver.ReadConfig(_capability + 20));
    }

    [Fact]
    public void The_controllers_own_mask_holds_messages_back()
    {
        Enable(2, 0x60);
        _driver.Write(0x0c, 4, 1);
        Identify();
        Assert.Equal(-1, _driver.Apic.Acknowledge());
        _driver.Write(0x10, 4, 1);
        Assert.Equal(0x60, _driver.Apic.Acknowledge());
        _driver.Write(0x10, 4, 1);
        Assert.Equal(-1, Accept());
    }

    [Fact]
    public void An_address_that_is_no_apics_gets_nothing()
    {
        Enable(0, 0x50);
        _driver.WriteConfig(_capability + 8, 1);
        byte[] before = _driver.Get(0xee000, 4096);
        Identify();
        Assert.Equal(-1, _driver.Apic.Acknowledge());
        Assert.Equal(before, _driver.Get(0xee000, 4096));
    }

    private int Capability(uint id)
    {
        int at = (int)_driver.ReadConfig(0x34) & 0xff;
        while (at != 0 && (_driver.ReadConfig(at) & 0xff) != id)
        {
            at = (int)(_driver.ReadConfig(at) >> 8) & 0xff;
        }

        return at;
    }

    private void Enable(int countLog2, uint data)
    {
        _driver.WriteConfig(_capability + 4, 0xfee00000);
        _driver.WriteConfig(_capability + 8, 0);
        _driver.WriteConfig(_capability + 12, data);
        _driver.WriteConfig(_capability, EnableBit | ((uint)countLog2 << 20));
    }

    private int Accept()
    {
        int vector = _driver.Apic.Acknowledge();
        _driver.Apic.WritePage(0xb0, 0);
        return vector;
    }

    private void Start()
    {
        _driver.Write(0x24, 4, 0x000f000f);
        _driver.Write(0x28, 8, AdminSubmission);
        _driver.Write(0x30, 8, AdminCompletion);
        _driver.Write(0x14, 4, 0x460001);
        Assert.Equal(1ul, _driver.Read(0x1c, 4));
    }

    private void Identify() => Submit(6, 0x200000, 1, 0);

    private void Submit(byte opcode, ulong address, uint d10, uint d11)
    {
        byte[] entry = new byte[64];
        entry[0] = opcode;
        BitConverter.TryWriteBytes(entry.AsSpan(24), address);
        BitConverter.TryWriteBytes(entry.AsSpan(40), d10);
        BitConverter.TryWriteBytes(entry.AsSpan(44), d11);
        Assert.True(_driver.Memory.Write(AdminSubmission + 64 * _tail, entry));
        _driver.Write(0x1000, 4, ++_tail);
    }
}
