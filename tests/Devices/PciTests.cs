using Jitvmm.Devices.Firmware;
using Jitvmm.Devices.Virtio;

namespace Jitvmm.Tests.Devices;

public sealed class PciTests : IDisposable
{
    private readonly VirtioDriver _driver = new(driver => new VirtioRandom(driver.Memory, driver.Machine.Bus, 1));

    public void Dispose() => _driver.Dispose();

    [Fact]
    public void Both_mechanisms_show_the_same_space()
    {
        Assert.Equal(0x10441af4u, _driver.ReadConfig(0));
        Assert.Equal(0x10441af4ul, _driver.Memory.ReadBus(AddressMap.Ecam + (1 << 15), 4));
        Assert.Equal(0x1044ul, _driver.Memory.ReadBus(AddressMap.Ecam + (1 << 15) + 2, 2));
        Assert.Equal(0x00081b36ul, _driver.Memory.ReadBus(AddressMap.Ecam, 4));
        Assert.Equal(uint.MaxValue, _driver.Memory.ReadBus(AddressMap.Ecam + (9 << 15), 4));
        Assert.Equal(uint.MaxValue, _driver.Memory.ReadBus(AddressMap.Ecam + (1 << 20), 4));
        Assert.Equal(0ul, _driver.Memory.ReadBus(AddressMap.Ecam + (1 << 15) + 0x100, 4));
    }

    [Fact]
    public void A_range_tells_its_size_and_moves()
    {
        uint address = _driver.ReadConfig(0x10);
        _driver.WriteConfig(0x10, uint.MaxValue);
        Assert.Equal(0xffffc000, _driver.ReadConfig(0x10));
        Assert.Equal(uint.MaxValue, _driver.Memory.ReadBus(address + 0x12, 2) | 0xffff0000);
        _driver.WriteConfig(0x10, 0xd0000000);
        Assert.Equal(1ul, _driver.Memory.ReadBus(0xd0000012, 2));
        _driver.WriteConfig(4, 4);
        Assert.Equal(0xfffful, _driver.Memory.ReadBus(0xd0000012, 2));
    }

    /// <summary>SeaBIOS on a machine it does not know goes down from the I/O APIC.</summary>
    [Theory]
    [InlineData(0xf0000000u, true)]
    [InlineData(0xfebfc000u, true)]
    [InlineData(0xfec00000u, false)]
    [InlineData(0xefffc000u, false)]
    public void A_range_moves_to_where_firmware_puts_it(uint address, bool answers)
    {
        _driver.WriteConfig(0x10, address);
        Assert.Equal(answers, _driver.Memory.ReadBus(address + 0x12, 2) == 1);
    }

    [Theory]
    [InlineData(0x00100000u)]
    [InlineData(0xfee00000u)]
    [InlineData(0xe0000000u)]
    [InlineData(0xbffff000u)]
    public void A_range_is_not_laid_over_anything_else(uint address)
    {
        ulong before = _driver.Memory.ReadBus(address + 0x12, 2);
        _driver.WriteConfig(0x10, address);
        Assert.Equal(before, _driver.Memory.ReadBus(address + 0x12, 2));
    }

    [Fact]
    public void Capabilities_form_a_list()
    {
        var ids = new List<uint>();
        for (uint at = _driver.ReadConfig(0x34) & 0xff; at != 0; at = (_driver.ReadConfig((int)at) >> 8) & 0xff)
        {
            ids.Add(_driver.ReadConfig((int)at) & 0xff);
            Assert.True(ids.Count < 20);
        }

        Assert.Equal([0x11u, 9, 9, 9, 9, 9], ids);
    }

    [Fact]
    public void Messages_wait_while_they_are_masked()
    {
        _ = _driver.Start(0, 0);
        uint table = _driver.ReadConfig(0x18);
        _driver.Memory.WriteBus(table + 16, 4, 0xfee00000);
        _driver.Memory.WriteBus(table + 24, 4, 0x55);
        _driver.WriteConfig(0x40, 0x80000000);
        _driver.Write(0x16, 2, 0);
        _driver.Write(0x1a, 2, 1);
        _driver.Submit(0, [], [_driver.Place(new byte[16])]);
        Assert.Equal(-1, _driver.Apic.Acknowledge());
        Assert.Equal(2ul, _driver.Memory.ReadBus(table + 0x800, 4));
        _driver.Memory.WriteBus(table + 28, 4, 0);
        Assert.Equal(0x55, _driver.Apic.Acknowledge());
        Assert.Equal(0ul, _driver.Memory.ReadBus(table + 0x800, 4));
    }

    [Fact]
    public void Without_messages_the_pin_is_pulled_until_the_status_is_read()
    {
        _ = _driver.Start(0, 0);
        _driver.Submit(0, [], [_driver.Place(new byte[16])]);
        Assert.Equal(17u, _driver.Wire);
        Assert.True(_driver.Machine.Levels[17]);
        Assert.Equal(1ul, _driver.Read(0x1000, 1));
        Assert.False(_driver.Machine.Levels[17]);
    }
}
