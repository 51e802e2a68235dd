using Jitvmm.Devices.Interrupts;

namespace Jitvmm.Tests.Devices;

public sealed class PicTests
{
    private readonly TestMachine _machine = new();
    private readonly Pic _pic;

    public PicTests()
    {
        _pic = new Pic(_machine.Ports, () => { });
        Initialize(0x20, 0x30, 0x28);
        Initialize(0xa0, 0x38, 2);
    }

    [Fact]
    public void An_edge_is_acknowledged_with_its_vector_and_ended()
    {
        _pic.SetLevel(3, true);
        Assert.True(_pic.Output);
        Assert.Equal(0x33, _pic.Acknowledge());
        Assert.False(_pic.Output);
        _pic.SetLevel(3, false);
        _pic.SetLevel(3, true);
        Assert.False(_pic.Output);
        _machine.Out(0x20, 0x20);
        Assert.True(_pic.Output);
    }

    [Fact]
    public void Higher_priority_interrupts_nest_and_lower_wait()
    {
        _pic.SetLevel(4, true);
        Assert.Equal(0x34, _pic.Acknowledge());
        _pic.SetLevel(6, true);
        Assert.False(_pic.Output);
        _pic.SetLevel(1, true);
        Assert.True(_pic.Output);
        Assert.Equal(0x31, _pic.Acknowledge());
        _machine.Out(0x20, 0x20);
        Assert.False(_pic.Output);
        _machine.Out(0x20, 0x20);
        Assert.Equal(0x36, _pic.Acknowledge());
    }

    [Fact]
    public void The_slave_answers_through_the_cascade()
    {
        _pic.SetLevel(10, true);
        Assert.Equal(0x3a, _pic.Acknowledge());
        _pic.SetLevel(9, true);

        // A more urgent input of the slave makes its INT rise again, but the master still serves input 2.
        Assert.False(_pic.Output);
        _machine.Out(0xa0, 0x20);
        _machine.Out(0x20, 0x20);
        Assert.True(_pic.Output);
        Assert.Equal(0x39, _pic.Acknowledge());
    }

    [Fact]
    public void A_masked_input_is_remembered()
    {
        _machine.Out(0x21, 0x20);
        _pic.SetLevel(5, true);
        Assert.False(_pic.Output);
        Assert.Equal(0x20, _machine.In(0x21));
        _machine.Out(0x21, 0);
        Assert.True(_pic.Output);
    }

    [Fact]
    public void A_level_that_went_away_is_spurious()
    {
        _machine.Out(0x4d0, 0x20);
        _pic.SetLevel(5, true);
        _pic.SetLevel(5, false);
        Assert.False(_pic.Output);
        Assert.Equal(0x37, _pic.Acknowledge());
        _machine.Out(0x20, 0x0b);
        Assert.Equal(0, _machine.In(0x20));
    }

    [Fact]
    public void A_level_input_asks_again_after_its_end()
    {
        _machine.Out(0x4d1, 0x08);
        Assert.Equal(8, _machine.In(0x4d1));
        _pic.SetLevel(11, true);
        Assert.Equal(0x3b, _pic.Acknowledge());
        _machine.Out(0xa0, 0x20);
        _machine.Out(0x20, 0x20);
        Assert.True(_pic.Output);
        Assert.Equal(0x3b, _pic.Acknowledge());
    }

    [Fact]
    public void Timer_and_cascade_are_never_level_triggered()
    {
        _machine.Out(0x4d0, 0xff);
        _machine.Out(0x4d1, 0xff);
        Assert.Equal(0xf8, _machine.In(0x4d0));
        Assert.Equal(0xde, _machine.In(0x4d1));
    }

    [Fact]
    public void Automatic_end_leaves_nothing_in_service()
    {
        Initialize(0x20, 0x30, 0x28, 3);
        _pic.SetLevel(3, true);
        Assert.Equal(0x33, _pic.Acknowledge());
        _machine.Out(0x20, 0x0b);
        Assert.Equal(0, _machine.In(0x20));
    }

    [Fact]
    public void Rotation_makes_the_served_input_last()
    {
        _pic.SetLevel(3, true);
        _ = _pic.Acknowledge();
        _machine.Out(0x20, 0xa0);
        _pic.SetLevel(4, true);
        _pic.SetLevel(3, false);
        _pic.SetLevel(3, true);
        Assert.Equal(0x34, _pic.Acknowledge());
    }

    [Fact]
    public void Special_mask_mode_lets_lower_priorities_in()
    {
        _pic.SetLevel(1, true);
        _ = _pic.Acknowledge();
        _pic.SetLevel(6, true);
        Assert.False(_pic.Output);
        _machine.Out(0x21, 2);
        _machine.Out(0x20, 0x68);
        Assert.True(_pic.Output);
    }

    [Fact]
    public void Polling_acknowledges()
    {
        _pic.SetLevel(6, true);
        _machine.Out(0x20, 0x0c);
        Assert.Equal(0x86, _machine.In(0x20));
        _machine.Out(0x20, 0x0c);
        Assert.Equal(0, _machine.In(0x20));
    }

    private void Initialize(ushort port, int vectors, int wiring, int mode = 1)
    {
        _machine.Out(port, 0x11);
        _machine.Out((ushort)(port + 1), vectors);
        _machine.Out((ushort)(port + 1), wiring);
        _machine.Out((ushort)(port + 1), mode);
    }
}
