using Jitvmm.Devices.Buses;
using Jitvmm.Devices.Chips;
using Jitvmm.Devices.Interrupts;
using Jitvmm.Devices.State;

namespace Jitvmm.Tests.Devices;

/// <summary>What kvm-unit-tests find at their ports.</summary>
public sealed class TestDeviceTests
{
    private const int Processors = 3;
    private const ulong Ram = 0x1_8000_0000;

    private readonly PortBus _ports = new();
    private readonly Pic _pic;
    private readonly TestDevice _device;

    public TestDeviceTests()
    {
        _pic = new Pic(_ports, static () => { });
        _device = new TestDevice(_ports, new InterruptRouter(_pic, new IoApic(new ApicBus())), Processors, Ram);
    }

    [Theory]
    [InlineData(0, 4, 0x554d4551)]
    [InlineData(3, 8, Ram)]
    [InlineData(5, 2, Processors)]
    [InlineData(0x7777, 2, 0)]
    public void An_item_is_read_byte_by_byte(ushort item, int bytes, ulong expected)
    {
        _ports.Write(0x510, 2, item);
        ulong value = 0;
        for (int i = 0; i < bytes; i++)
        {
            value |= (ulong)_ports.Read(0x511, 1) << (8 * i);
        }

        Assert.Equal(expected, value);
        _ = _ports.Read(0x511, 4);
        Assert.Equal(0u, bytes == 8 ? _ports.Read(0x511, 1) : 0);
    }

    [Fact]
    public void Its_register_takes_parts()
    {
        _ports.Write(0xe0, 4, 0x11223344);
        _ports.Write(0xe1, 1, 0xaa);
        _ports.Write(0xe2, 2, 0xbbcc);
        Assert.Equal(0xbbccaa44, _ports.Read(0xe0, 4));
        Assert.Equal(0xccaau, _ports.Read(0xe1, 2));
    }

    [Fact]
    public void Its_memory_keeps_what_is_written_and_ends_where_it_ends()
    {
        _device.Write(8, 8, 0x1122334455667788);
        Assert.Equal(0x5566ul, _device.Read(10, 2) & 0xffff);
        _device.Write(TestDevice.MemoryLength - 4, 8, ulong.MaxValue);
        Assert.Equal(uint.MaxValue, _device.Read(TestDevice.MemoryLength - 4, 8));
    }

    [Fact]
    public void It_pulls_wires_and_comes_back_from_a_saved_state()
    {
        // The 8259 with wire 5 alone, by level.
        foreach ((ushort port, uint value) in ((ushort, uint)[])[(0x20, 0x11), (0x21, 0x20), (0x21, 4), (0x21, 1), (0x21, 0xdf), (0x4d0, 0x20)])
        {
            _ports.Write(port, 1, value);
        }

        _ports.Write(0x2005, 1, 1);
        Assert.True(_pic.Output);
        var saved = new StateWriter();
        _device.Save(saved);
        _ports.Write(0x2005, 1, 0);
        Assert.False(_pic.Output);
        _device.Restore(new StateReader(saved.Written));
        Assert.True(_pic.Output);
    }
}
