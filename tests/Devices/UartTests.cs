using System.Text;
using Jitvmm.Devices.Channels;
using Jitvmm.Devices.Chips;

namespace Jitvmm.Tests.Devices;

public sealed class UartTests
{
    private const ushort Port = 0x3f8;
    private readonly TestMachine _machine = new();
    private readonly ByteChannel _input = new(64);
    private readonly ByteChannel _output = new(32);
    private readonly Uart _uart;

    public UartTests() => _uart = new Uart(_machine.Ports, Port, _machine.Timers, _machine.Line(4), _input, _output);

    [Fact]
    public void It_looks_like_a_16550A_to_a_driver_that_probes()
    {
        _machine.Out(Port + 1, 0x0f);
        Assert.Equal(0x0f, _machine.In(Port + 1));
        _machine.Out(Port + 1, 0);
        _machine.Out(Port + 4, 0x10 | 0x0a);
        Assert.Equal(0x90, _machine.In(Port + 6) & 0xf0);
        _machine.Out(Port + 4, 0);
        _machine.Out(Port + 2, 1);
        Assert.Equal(0xc1, _machine.In(Port + 2));
        _machine.Out(Port + 7, 0x5a);
        Assert.Equal(0x5a, _machine.In(Port + 7));
        Assert.Equal(0x60, _machine.In(Port + 5));
    }

    [Fact]
    public void Bytes_go_out_in_order()
    {
        foreach (byte value in "hello"u8)
        {
            Assert.NotEqual(0, _machine.In(Port + 5) & 0x20);
            _machine.Out(Port, value);
        }

        byte[] got = new byte[16];
        Assert.Equal("hello", Encoding.ASCII.GetString(got, 0, _output.TryRead(got)));
    }

    [Fact]
    public void A_host_that_does_not_read_stops_the_transmitter()
    {
        _machine.Out(Port + 4, 8);
        _machine.Out(Port + 1, 2);
        _ = _machine.In(Port + 2);
        int sent = 0;
        while ((_machine.In(Port + 5) & 0x20) != 0)
        {
            _machine.Out(Port, sent++);
        }

        Assert.Equal(33, sent);
        _ = _machine.In(Port + 2);
        Assert.False(_machine.Levels[4]);
        byte[] got = new byte[64];
        Assert.Equal(32, _output.TryRead(got));
        Assert.True(_machine.Levels[4]);
        Assert.Equal(1, _output.TryRead(got));
        Assert.Equal(32, got[0]);
    }

    /// <summary>One host thread may both send and read: nothing it does may wait for the processor that waits for it.</summary>
    [Fact]
    public void A_processor_that_waits_for_the_host_holds_nothing_the_host_needs()
    {
        const int Bytes = 20_000;
        var machine = new TestMachine();
        var input = new ByteChannel(64);
        var output = new ByteChannel(32);
        var uart = new Uart(machine.Ports, Port, machine.Timers, machine.Line(4), input, output) { WaitsForHost = true };
        var processor = new Thread(() =>
        {
            for (int i = 0; i < Bytes; i++)
            {
                machine.Out(Port, (byte)i);
            }
        })
        { IsBackground = true };
        processor.Start();
        Assert.True(SpinWait.SpinUntil(() => output.IsFull && (processor.ThreadState & ThreadState.WaitSleepJoin) != 0, 60_000));

        List<byte> got = [];
        var host = new Thread(() =>
        {
            Assert.Equal(1, input.TryWrite([1]));
            uart.SendBreak();
            byte[] one = new byte[1];
            while (got.Count < Bytes && output.Read(one) == 1)
            {
                got.Add(one[0]);
            }
        })
        { IsBackground = true };
        host.Start();
        Assert.True(host.Join(60_000), "The host waits for the processor, which waits for it.");
        Assert.True(processor.Join(60_000));
        Assert.Equal(Enumerable.Range(0, Bytes).Select(i => (byte)i), got);
        Assert.Equal(0x11, machine.In(Port + 5) & 0x11);
    }

    [Fact]
    public void Enabling_the_transmit_interrupt_raises_it_and_reading_the_identity_ends_it()
    {
        _machine.Out(Port + 4, 8);
        _machine.Out(Port + 1, 2);
        Assert.True(_machine.Levels[4]);
        Assert.Equal(2, _machine.In(Port + 2));
        Assert.False(_machine.Levels[4]);
        Assert.Equal(1, _machine.In(Port + 2));
    }

    [Fact]
    public void Input_waits_for_room_in_the_fifo()
    {
        _machine.Out(Port + 2, 1);
        byte[] sent = [.. Enumerable.Range(0, 40).Select(i => (byte)i)];
        Assert.Equal(40, _input.TryWrite(sent));
        for (int i = 0; i < 40; i++)
        {
            Assert.Equal(1, _machine.In(Port + 5) & 1);
            Assert.Equal(i, _machine.In(Port));
        }

        Assert.Equal(0, _machine.In(Port + 5) & 1);
    }

    [Fact]
    public void Few_bytes_interrupt_after_the_character_time()
    {
        _machine.Out(Port + 4, 8);
        _machine.Out(Port + 2, 0xc1);
        _machine.Out(Port + 1, 1);
        _ = _input.TryWrite([1, 2, 3]);
        Assert.False(_machine.Levels[4]);
        _machine.Pass(1_000_000);
        Assert.True(_machine.Levels[4]);
        Assert.Equal(0xcc, _machine.In(Port + 2));
        _ = _machine.In(Port);
        Assert.False(_machine.Levels[4]);
        _ = _input.TryWrite(new byte[14]);
        Assert.True(_machine.Levels[4]);
        Assert.Equal(0xc4, _machine.In(Port + 2));
    }

    [Fact]
    public void The_divisor_latch_hides_data_and_enable()
    {
        _machine.Out(Port + 3, 0x83);
        _machine.Out(Port, 0x34);
        _machine.Out(Port + 1, 0x12);
        Assert.Equal(0x34, _machine.In(Port));
        Assert.Equal(0x12, _machine.In(Port + 1));
        _machine.Out(Port + 3, 3);
        Assert.Equal(0, _machine.In(Port + 1));
    }

    [Fact]
    public void Loopback_returns_what_is_sent()
    {
        _machine.Out(Port + 4, 0x10);
        _machine.Out(Port, 0x42);
        Assert.Equal(0x42, _machine.In(Port));
        Assert.Equal(0, _output.Count);
    }

    [Fact]
    public void A_break_is_a_line_status()
    {
        _machine.Out(Port + 4, 8);
        _machine.Out(Port + 1, 4);
        _uart.SendBreak();
        Assert.True(_machine.Levels[4]);
        Assert.Equal(6, _machine.In(Port + 2));
        Assert.Equal(0x71, _machine.In(Port + 5));
        Assert.False(_machine.Levels[4]);
    }
}
