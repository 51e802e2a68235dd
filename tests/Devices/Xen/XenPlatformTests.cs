using Jitvmm.Devices.Channels;
using Jitvmm.Devices.Pci;
using Jitvmm.Devices.Xen;
using Jitvmm.Runtime.Memory;

namespace Jitvmm.Tests.Devices.Xen;

public sealed class XenPlatformTests : IDisposable
{
    private const int Command = 4;
    private const int PortBar = 0x10;
    private const int MemoryBar = 0x14;

    private readonly TestMachine _machine = new();
    private readonly PhysicalMemory _memory = new();
    private readonly ByteChannel _log = new();
    private readonly PciRoot _root;
    private readonly int _slot;

    public XenPlatformTests()
    {
        _root = new PciRoot(_machine.Ports, _memory, _machine);
        _slot = _root.Add(new XenPlatform(_machine.Ports, _log));
    }

    public void Dispose() => _memory.Dispose();

    [Fact]
    public void Drivers_know_it_by_its_numbers_and_find_ports_memory_and_a_pin()
    {
        Assert.Equal(0x00015853u, ReadConfig(0));
        Assert.Equal(0xff800001, ReadConfig(8));
        Assert.Equal(1u, ReadConfig(PortBar) & 3);
        Assert.NotEqual(0u, ReadConfig(PortBar) >> 2);
        Assert.Equal(0u, ReadConfig(MemoryBar) & 15);
        Assert.NotEqual(0u, ReadConfig(MemoryBar));
        Assert.Equal(3u, ReadConfig(Command) & 0xffff);
        Assert.Equal(0x0111u, ReadConfig(0x3c) & 0xffff);
    }

    /// <summary>The size of a range is what stays 0 of ones written (PCI Local Bus 3.0, 6.2.5.1).</summary>
    [Fact]
    public void Its_ranges_tell_their_sizes_and_kinds()
    {
        WriteConfig(PortBar, uint.MaxValue);
        WriteConfig(MemoryBar, uint.MaxValue);
        Assert.Equal(0xffffff01, ReadConfig(PortBar));
        Assert.Equal(0xff000000, ReadConfig(MemoryBar));
        WriteConfig(PortBar, 0xd000);
        Assert.Equal(0xd001u, ReadConfig(PortBar));
    }

    /// <summary>A guest's grants are put there as pages of RAM, which can only be where no device is.</summary>
    [Fact]
    public void Its_memory_is_free()
    {
        ulong address = ReadConfig(MemoryBar);
        Assert.True(_memory.TryAddPage(address));
        WriteConfig(MemoryBar, 0xd0000000);
        Assert.True(_memory.TryAddPage(0xd0000000));
        Assert.True(_memory.Allows(address, GuestPages.PageSize, PageAccess.Write));
    }

    /// <summary>As xen/docs/misc/hvm-emulated-unplug.pandoc numbers the steps.</summary>
    [Fact]
    public void Drivers_are_welcome_and_may_send_devices_away()
    {
        Assert.Equal(0x49d2u, _machine.Ports.Read(0x10, 2));
        Assert.Equal(1u, _machine.Ports.Read(0x12, 1));
        _machine.Ports.Write(0x12, 2, 3);
        _machine.Ports.Write(0x10, 4, 0xff);
        Assert.Equal(0x49d2u, _machine.Ports.Read(0x10, 2));
        _machine.Ports.Write(0x10, 2, 0xf);
        Assert.Equal(0x49d2u, _machine.Ports.Read(0x10, 2));
        Assert.Equal(0, _log.Count);
    }

    [Fact]
    public void What_drivers_say_is_passed_on()
    {
        foreach (char letter in "hello\n")
        {
            _machine.Out(0x12, letter);
        }

        Assert.Equal(6, _log.Count);
    }

    /// <summary>Every width at every port, and values nobody means.</summary>
    [Fact]
    public void No_access_to_its_ports_does_harm()
    {
        foreach (int bytes in (int[])[1, 2, 4])
        {
            for (ushort port = 0xd; port < 0x16; port++)
            {
                _machine.Ports.Write(port, bytes, uint.MaxValue);
                _ = _machine.Ports.Read(port, bytes);
            }
        }

        Assert.Equal(0x49d2u, _machine.Ports.Read(0x10, 2));
    }

    /// <summary>Xen's events may come by a wire that functions on the bus pull too.</summary>
    [Fact]
    public void A_wire_of_the_bus_is_high_while_anyone_pulls_it()
    {
        var first = _root.AttachTo(17)!;
        var second = _root.AttachTo(17)!;
        first.Set(true);
        second.Set(true);
        first.Set(false);
        Assert.True(_machine.Levels[17]);
        second.Set(false);
        Assert.False(_machine.Levels[17]);
        Assert.Null(_root.AttachTo(15));
        Assert.Null(_root.AttachTo(20));
    }

    private uint ReadConfig(int offset)
    {
        _machine.Ports.Write(0xcf8, 4, 0x80000000 | ((uint)_slot << 11) | (uint)offset);
        return _machine.Ports.Read(0xcfc, 4);
    }

    private void WriteConfig(int offset, uint value)
    {
        _machine.Ports.Write(0xcf8, 4, 0x80000000 | ((uint)_slot << 11) | (uint)offset);
        _machine.Ports.Write(0xcfc, 4, value);
    }
}
