using Jitvmm.Devices.Chips;

namespace Jitvmm.Tests.Devices;

public sealed class RtcTests
{
    private const long Second = 1_000_000_000;
    private readonly TestMachine _machine = new();

    public RtcTests() =>
        _ = new Rtc(_machine.Ports, _machine.Timers, _machine.Line(8), new DateTime(2026, 3, 31, 23, 59, 58, DateTimeKind.Utc), 512ul << 20, 0);

    [Fact]
    public void It_keeps_time_in_decimal_digits()
    {
        _machine.Pass(3 * Second);
        Assert.Equal(0x01, Get(0));
        Assert.Equal(0x00, Get(2));
        Assert.Equal(0x00, Get(4));
        Assert.Equal(0x01, Get(7));
        Assert.Equal(0x04, Get(8));
        Assert.Equal(0x26, Get(9));
        Assert.Equal(0x20, Get(0x32));
        Assert.Equal(4, Get(6));
    }

    [Fact]
    public void Binary_and_twelve_hour_modes_show_the_same_time()
    {
        Set(11, 0);
        Assert.Equal(0x91, Get(4));
        Set(11, 4);
        Assert.Equal(0x80 | 11, Get(4));
        Set(11, 6);
        Assert.Equal(23, Get(4));
        Assert.Equal(59, Get(2));
    }

    [Fact]
    public void Time_is_set_while_held()
    {
        Set(11, 0x82);
        Set(0, 0x10);
        Set(2, 0x20);
        Set(4, 0x05);
        Set(7, 0x29);
        Set(8, 0x02);
        Set(9, 0x24);
        _machine.Pass(5 * Second);
        Assert.Equal(0x10, Get(0));
        Set(11, 2);
        _machine.Pass(Second);
        Assert.Equal(0x11, Get(0));
        Assert.Equal(0x05, Get(4));
        Assert.Equal(0x29, Get(7));
    }

    [Fact]
    public void Update_in_progress_shows_before_the_second()
    {
        _machine.Pass(Second - 100_000);
        Assert.NotEqual(0, Get(10) & 0x80);
        _machine.Pass(100_000);
        Assert.Equal(0, Get(10) & 0x80);
    }

    [Fact]
    public void The_periodic_interrupt_has_its_rate()
    {
        Set(11, 0x42);
        int count = 0;
        for (int i = 0; i < 2000; i++)
        {
            _machine.Pass(Second / 2000);
            if (_machine.Levels[8])
            {
                count++;
                Assert.NotEqual(0, Get(12) & 0xc0);
            }
        }

        Assert.InRange(count, 1020, 1028);
    }

    [Fact]
    public void The_alarm_rings_at_its_time()
    {
        Set(1, 0x05);
        Set(3, 0xff);
        Set(5, 0xc0);
        Set(11, 0x22);
        _machine.Pass(6 * Second);
        Assert.False(_machine.Levels[8]);
        _machine.Pass(2 * Second);
        Assert.True(_machine.Levels[8]);
        Assert.Equal(0xb0, Get(12));
        Assert.False(_machine.Levels[8]);
    }

    [Fact]
    public void Memory_size_is_in_its_bytes()
    {
        Assert.Equal(640, Get(0x15) | (Get(0x16) << 8));
        Assert.Equal((512 - 16) * 16, Get(0x34) | (Get(0x35) << 8));
    }

    private byte Get(int index)
    {
        _machine.Out(0x70, index);
        return _machine.In(0x71);
    }

    private void Set(int index, int value)
    {
        _machine.Out(0x70, index);
        _machine.Out(0x71, value);
    }
}
