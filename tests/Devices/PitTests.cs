using Jitvmm.Devices.Chips;

namespace Jitvmm.Tests.Devices;

public sealed class PitTests
{
    private const long Tick = 838;
    private readonly TestMachine _machine = new();

    public PitTests() => _ = new Pit(_machine.Ports, _machine.Timers, _machine.Line(0));

    [Theory]
    [InlineData(0x34)]
    [InlineData(0x36)]
    public void Periodic_modes_interrupt_every_period(int control)
    {
        Load(0, control, 11932);
        _machine.Pass(1_000_000_000);
        Assert.InRange(_machine.Edges[0], 99, 101);
    }

    [Fact]
    public void Mode_0_interrupts_once_and_stays_high()
    {
        Load(0, 0x30, 1000);
        Assert.False(_machine.Levels[0]);
        _machine.Pass(999 * Tick);
        Assert.False(_machine.Levels[0]);
        _machine.Pass(3 * Tick);
        Assert.True(_machine.Levels[0]);
        _machine.Pass(1_000_000_000);
        Assert.Equal(1, _machine.Edges[0]);
    }

    [Fact]
    public void One_shots_follow_each_other_as_Linux_programs_them()
    {
        // The first control word raises the output.
        _machine.Out(0x43, 0x38);
        for (int i = 0; i < 5; i++)
        {
            Load(0, 0x38, 500);
            _machine.Pass(600 * Tick);
        }

        Assert.Equal(6, _machine.Edges[0]);
    }

    [Fact]
    public void Reading_counts_down()
    {
        Load(0, 0x34, 0);
        _machine.Pass(1000 * Tick);
        _machine.Out(0x43, 0);
        int count = _machine.In(0x40) | (_machine.In(0x40) << 8);
        Assert.InRange(count, 65536 - 1001, 65536 - 999);
    }

    [Fact]
    public void A_latched_count_stands_still()
    {
        Load(0, 0x34, 0);
        _machine.Out(0x43, 0);
        _machine.Pass(1000 * Tick);
        int count = _machine.In(0x40) | (_machine.In(0x40) << 8);
        Assert.Equal(0, count);
        int later = _machine.In(0x40) | (_machine.In(0x40) << 8);
        Assert.InRange(later, 65536 - 1001, 65536 - 999);
    }

    [Fact]
    public void The_gated_counter_measures_time_as_calibration_loops_do()
    {
        _machine.Out(0x61, (_machine.In(0x61) & ~2) | 1);
        Load(2, 0xb0, 0xffff);
        Assert.Equal(0, _machine.In(0x61) & 0x20);
        _machine.Pass(54_000_000);
        Assert.Equal(0, _machine.In(0x61) & 0x20);
        _machine.Pass(1_000_000);
        Assert.Equal(0x20, _machine.In(0x61) & 0x20);
    }

    [Fact]
    public void A_low_gate_holds_the_count()
    {
        _machine.Out(0x61, 1);
        Load(2, 0xb0, 1000);
        _machine.Pass(100 * Tick);
        _machine.Out(0x61, 0);
        _machine.Pass(10_000 * Tick);
        Assert.Equal(0, _machine.In(0x61) & 0x20);
        _machine.Out(0x61, 1);
        _machine.Pass(890 * Tick);
        Assert.Equal(0, _machine.In(0x61) & 0x20);
        _machine.Pass(20 * Tick);
        Assert.Equal(0x20, _machine.In(0x61) & 0x20);
    }

    [Fact]
    public void Read_back_latches_status()
    {
        Load(0, 0x36, 100);
        _machine.Out(0x43, 0xe2);
        Assert.Equal(0xb6, _machine.In(0x40));
    }

    [Fact]
    public void Bcd_counts_in_decimal()
    {
        Load(0, 0x35, 0x1000);
        _machine.Pass(10 * Tick);
        _machine.Out(0x43, 0);
        int count = _machine.In(0x40) | (_machine.In(0x40) << 8);
        Assert.InRange(count, 0x989, 0x991);
    }

    [Fact]
    public void Port_61_toggles_with_refresh()
    {
        int first = _machine.In(0x61) & 0x10;
        _machine.Pass(15_100);
        Assert.NotEqual(first, _machine.In(0x61) & 0x10);
    }

    private void Load(int channel, int control, int count)
    {
        _machine.Out(0x43, control);
        _machine.Out((ushort)(0x40 + channel), count & 0xff);
        _machine.Out((ushort)(0x40 + channel), count >> 8);
    }
}
