using System.Text;
using Jitvmm.Devices.Channels;
using Jitvmm.Devices.State;
using Jitvmm.Devices.Xen;
using Jitvmm.Runtime.Paravirt.Xen;

namespace Jitvmm.Tests.Devices.Xen;

/// <summary>The console's page (struct xencons_interface).</summary>
public sealed class XenConsoleTests : IDisposable
{
    private const ulong Page = XenGuest.ConsolePage;
    private const ulong InConsumer = Page + 3072;
    private const ulong InProducer = Page + 3076;
    private const ulong OutConsumer = Page + 3080;
    private const ulong OutProducer = Page + 3084;

    private readonly XenGuest _guest = new();
    private readonly ByteChannel _input = new(4096);
    private readonly ByteChannel _output = new(256);
    private readonly XenConsole _console;

    public XenConsoleTests() => _console = new XenConsole(_guest, Page, _input, _output);

    public void Dispose()
    {
        _console.Dispose();
        _guest.Dispose();
    }

    [Fact]
    public void Bytes_go_both_ways_around_the_rings()
    {
        Assert.Equal(Page >> 12, _guest.Parameters[IXenDomain.ConsoleFrame]);
        Assert.Equal(_console.Port, _guest.Parameters[IXenDomain.ConsolePort]);
        for (int round = 0; round < 100; round++)
        {
            string text = $"round {round} of a hundred that go around the ring";
            Say(text);
            Assert.Equal(text, Heard());
            int raised = _guest.Raised[_console.Port];
            _input.Write(Encoding.ASCII.GetBytes(text));
            Assert.True(_guest.Raised[_console.Port] > raised);
            Assert.Equal(text, Take());
        }
    }

    [Fact]
    public void What_the_host_has_no_room_for_stays_in_the_ring()
    {
        string text = string.Concat(Enumerable.Range(0, 100).Select(i => $"{i:d4} "));
        Say(text);
        Assert.Equal(256u, _guest.Read32(OutConsumer));
        string first = Heard();
        string second = Heard();
        Assert.Equal(text, first + second);
        Assert.Equal(500u, _guest.Read32(OutConsumer));
    }

    [Fact]
    public void What_the_guest_has_no_room_for_stays_with_the_host()
    {
        string text = string.Concat(Enumerable.Range(0, 500).Select(i => $"{i:d3} "));
        _input.Write(Encoding.ASCII.GetBytes(text));
        Assert.Equal(1024u, _guest.Read32(InProducer));
        string taken = Take();
        _guest.Notify(_console.Port);
        Assert.Equal(text, taken + Take());
    }

    [Fact]
    public void Indices_that_make_no_sense_move_nothing()
    {
        _guest.Write32(OutProducer, 5000);
        _guest.Write32(InConsumer, 5000);
        _input.Write("typed"u8);
        _guest.Notify(_console.Port);
        Assert.Equal(0, _output.Count);
        Assert.Equal((0u, 0u), (_guest.Read32(OutConsumer), _guest.Read32(InProducer)));
        _guest.Write32(OutProducer, 0);
        _guest.Write32(InConsumer, 0);
        Say("sense");
        Assert.Equal("sense", Heard());
        Assert.Equal("typed", Take());
    }

    [Fact]
    public void After_saved_state_it_goes_on_where_it_was()
    {
        Say("before");
        Assert.Equal("before", Heard());
        var writer = new StateWriter();
        _console.Save(writer);
        _guest.ForgetEnds();
        _console.Restore(new StateReader(writer.Written));
        Say("after");
        Assert.Equal("after", Heard());
        _input.Write("typed"u8);
        Assert.Equal("typed", Take());
    }

    private void Say(string text)
    {
        uint at = _guest.Read32(OutProducer);
        foreach (byte letter in Encoding.ASCII.GetBytes(text))
        {
            Assert.True(_guest.Memory.Write(Page + 1024 + at++ % 2048, [letter]));
        }

        _guest.Write32(OutProducer, at);
        _guest.Notify(_console.Port);
    }

    private string Heard()
    {
        byte[] bytes = new byte[4096];
        return Encoding.ASCII.GetString(bytes, 0, _output.TryRead(bytes));
    }

    private string Take()
    {
        uint at = _guest.Read32(InConsumer);
        var text = new StringBuilder();
        for (uint end = _guest.Read32(InProducer); at != end; at++)
        {
            text.Append((char)_guest.Read(Page + at % 1024, 1)[0]);
        }

        _guest.Write32(InConsumer, at);
        return text.ToString();
    }
}
