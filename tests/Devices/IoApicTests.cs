using Jitvmm.Devices.Interrupts;

namespace Jitvmm.Tests.Devices;

public sealed class IoApicTests
{
    private const uint Level = 1 << 15;
    private const uint Masked = 1 << 16;
    private readonly TestMachine _machine = new();
    private readonly LocalApic _apic;
    private readonly IoApic _ioApic;

    public IoApicTests()
    {
        _apic = new LocalApic(_machine.Bus, 0, _machine, _machine.Timers);
        _apic.WritePage(0xf0, 0x1ff);
        _ioApic = new IoApic(_machine.Bus);
    }

    [Fact]
    public void It_has_24_inputs_and_an_end_of_interrupt_register()
    {
        Assert.Equal(0x00170020u, Get(1));
        Assert.Equal(Masked, Get(0x10));
    }

    [Fact]
    public void Edges_are_delivered_once_and_lost_while_masked()
    {
        _ioApic.SetLevel(4, true);
        Set(0x18, 0x44);
        Assert.Equal(-1, _apic.Acknowledge());
        _ioApic.SetLevel(4, false);
        _ioApic.SetLevel(4, true);
        Assert.Equal(0x44, _apic.Acknowledge());
        _apic.WritePage(0xb0, 0);
        Assert.Equal(-1, _apic.Acknowledge());
    }

    [Fact]
    public void A_level_is_delivered_again_until_it_falls()
    {
        Set(0x30, Level | 0x55);
        _ioApic.SetLevel(16, true);
        Assert.Equal(0x55, _apic.Acknowledge());
        Assert.NotEqual(0u, Get(0x30) & (1 << 14));
        Assert.Equal(-1, _apic.Acknowledge());
        _apic.WritePage(0xb0, 0);
        Assert.Equal(0x55, _apic.Acknowledge());
        _ioApic.SetLevel(16, false);
        _apic.WritePage(0xb0, 0);
        Assert.Equal(-1, _apic.Acknowledge());
        Assert.Equal(0u, Get(0x30) & (1 << 14));
    }

    [Fact]
    public void Unmasking_a_high_level_delivers_it()
    {
        Set(0x30, Level | Masked | 0x55);
        _ioApic.SetLevel(16, true);
        Assert.Equal(-1, _apic.Acknowledge());
        Set(0x30, Level | 0x55);
        Assert.Equal(0x55, _apic.Acknowledge());
    }

    [Fact]
    public void Its_own_register_ends_interrupts_too()
    {
        Set(0x30, Level | 0x55);
        _ioApic.SetLevel(16, true);
        _ = _apic.Acknowledge();
        _ioApic.SetLevel(16, false);
        _ioApic.Write(0x40, 4, 0x55);
        Assert.Equal(0u, Get(0x30) & (1 << 14));
    }

    [Fact]
    public void The_timer_wire_is_input_2()
    {
        var pic = new Pic(_machine.Ports, () => { });
        var router = new InterruptRouter(pic, _ioApic);
        Set(0x14, 0x33);
        router.SetLevel(0, true);
        Assert.Equal(0x33, _apic.Acknowledge());
    }

    private uint Get(uint register)
    {
        _ioApic.Write(0, 4, register);
        return (uint)_ioApic.Read(0x10, 4);
    }

    private void Set(uint register, uint value)
    {
        _ioApic.Write(0, 4, register);
        _ioApic.Write(0x10, 4, value);
    }
}
