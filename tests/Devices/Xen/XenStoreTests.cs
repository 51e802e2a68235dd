using System.Globalization;
using System.Text;
using Jitvmm.Devices.State;
using Jitvmm.Devices.Xen;

namespace Jitvmm.Tests.Devices.Xen;

/// <summary>The store as its document says (docs/misc/xenstore.txt of Xen), by its ring.</summary>
public sealed class XenStoreTests : IDisposable
{
    private const uint Directory = 1;
    private const uint GetPermissions = 3;
    private const uint Watch = 4;
    private const uint Unwatch = 5;
    private const uint Start = 6;
    private const uint End = 7;
    private const uint MakeDirectory = 12;
    private const uint Remove = 13;
    private const uint SetPermissions = 14;
    private const uint ResetWatches = 21;
    private const uint DirectoryPart = 22;

    private readonly XenGuest _guest = new();
    private readonly XenHost _host;

    public XenStoreTests() => _host = new XenHost(_guest, XenGuest.Pages, 64 << 20, 2);

    public void Dispose()
    {
        _host.Dispose();
        _guest.Dispose();
    }

    [Fact]
    public void A_guest_finds_its_domain()
    {
        Assert.Equal("guest", _guest.Get("name"));
        Assert.Equal("1", _guest.Get("/local/domain/1/domid"));
        Assert.Equal("65536", _guest.Get("memory/target"));
        Assert.Equal("online", _guest.Get("cpu/1/availability"));
        Assert.Equal("00000000-0000-0000-0000-000000000001", _guest.Get(_guest.Get("vm") + "/uuid"));
        Assert.Equal("/local/domain/1", _guest.Ask(10, "1\0"));
        Assert.Equal("T", _guest.Ask(17, "1\0"));
        Assert.Equal("F", _guest.Ask(17, "7\0"));
    }

    [Fact]
    public void What_is_written_is_read()
    {
        Assert.Equal("OK", _guest.Write("data/a/b", "value"));
        Assert.Equal("value", _guest.Get("data/a/b"));
        Assert.Equal("", _guest.Get("data/a"));
        Assert.Equal("value", _host.Store.Read("/local/domain/1/data/a/b"));
        Assert.Equal("OK", _guest.Ask(MakeDirectory, "data/z\0"));
        Assert.Equal("a\0z", _guest.Ask(Directory, "data\0"));
        Assert.Equal("OK", _guest.Ask(MakeDirectory, "data/a/b\0"));
        Assert.Equal("value", _guest.Get("data/a/b"));
        Assert.Equal("OK", _guest.Ask(Remove, "data/a\0"));
        Assert.Equal("ENOENT", _guest.Get("data/a/b"));
        Assert.Equal("OK", _guest.Ask(Remove, "data/a\0"));
        Assert.Equal("ENOENT", _guest.Ask(Remove, "data/a/b\0"));
    }

    [Theory]
    [InlineData("data/x y\0")]
    [InlineData("data//x\0")]
    [InlineData("data/\0")]
    [InlineData("\0")]
    [InlineData("data/x")]
    [InlineData("data/é\0")]
    public void What_is_no_path_is_refused(string payload) => Assert.Equal("EINVAL", _guest.Ask(2, payload));

    [Fact]
    public void Only_who_may_reads_and_writes()
    {
        Assert.Equal("EACCES", _guest.Write("name", "other"));
        Assert.Equal("EACCES", _guest.Write("/tool/x", "1"));
        Assert.Equal("EACCES", _guest.Ask(Remove, "device\0"));
        Assert.Equal("EACCES", _guest.Get("/local/domain/0/backend/none"));
        Assert.Equal("n0\0r1", _guest.Ask(GetPermissions, "name\0"));
        Assert.Equal("n1\0r0", _guest.Ask(GetPermissions, "data\0"));
        Assert.Equal("EPERM", _guest.Ask(SetPermissions, "data\0n0\0"));
        Assert.Equal("OK", _guest.Ask(SetPermissions, "data\0r1\0b0\0"));
        Assert.Equal("r1\0b0", _guest.Ask(GetPermissions, "data\0"));
        Assert.Equal("EINVAL", _guest.Ask(SetPermissions, "data\0x1\0"));
        Assert.Equal("ENOSPC", _guest.Ask(SetPermissions, "data\0n1\0r2\0r3\0r4\0r5\0r6\0"));
    }

    [Theory]
    [InlineData(0u, "EACCES")]
    [InlineData(8u, "EACCES")]
    [InlineData(9u, "EACCES")]
    [InlineData(15u, "ENOSYS")]
    [InlineData(20u, "ENOSYS")]
    [InlineData(23u, "ENOSYS")]
    [InlineData(0xffffu, "ENOSYS")]
    public void What_is_not_for_guests_is_refused(uint type, string error)
    {
        (uint answer, byte[] payload) = _guest.Send(type, 0, "1\0"u8);
        Assert.Equal((16u, error + "\0"), (answer, Encoding.Latin1.GetString(payload)));
    }

    [Fact]
    public void Watches_fire_at_once_and_after_changes()
    {
        Assert.Equal("OK", _guest.Ask(Watch, "data\0one\0"));
        Assert.Equal("EEXIST", _guest.Ask(Watch, "data\0one\0"));
        Assert.Equal("OK", _guest.Ask(Watch, "/local/domain/1/data/x\0two\0"));
        Assert.Equal(["data one", "/local/domain/1/data/x two"], _guest.Events);
        _guest.Events.Clear();
        _guest.Write("data/x/y", "1");
        Assert.Equal(["data/x/y one", "/local/domain/1/data/x/y two"], _guest.Events);
        _guest.Events.Clear();
        _host.Store.Write("/local/domain/1/data", "host");
        _guest.CollectEvents();
        Assert.Equal(["data one"], _guest.Events);
        _guest.Events.Clear();
        _guest.Ask(Remove, "data\0");
        _guest.CollectEvents();
        Assert.Equal(["data one", "/local/domain/1/data/x two"], _guest.Events);
        Assert.Equal("ENOENT", _guest.Ask(Unwatch, "data\0other\0"));
        Assert.Equal("OK", _guest.Ask(Unwatch, "data\0one\0"));
        Assert.Equal("OK", _guest.Ask(ResetWatches, "\0"));
        _guest.Events.Clear();
        _host.Store.Write("/local/domain/1/data/x", "again");
        _guest.CollectEvents();
        Assert.Empty(_guest.Events);
    }

    [Fact]
    public void What_a_guest_may_not_read_it_does_not_hear_of()
    {
        _guest.Ask(Watch, "/\0all\0");
        _guest.Events.Clear();
        _host.Store.Write("/local/domain/0/secret", "1");
        _guest.CollectEvents();
        Assert.Empty(_guest.Events);
    }

    [Fact]
    public void A_transaction_is_all_or_nothing()
    {
        _guest.Ask(Watch, "data\0t\0");
        _guest.Events.Clear();
        uint id = uint.Parse(_guest.Ask(Start, "\0"), CultureInfo.InvariantCulture);
        _guest.Write("data/a", "1", id);
        _guest.Write("data/b", "2", id);
        Assert.Equal("2", _guest.Get("data/b", id));
        Assert.Equal("ENOENT", _guest.Get("data/b"));
        Assert.Empty(_guest.Events);
        Assert.Equal("OK", _guest.Ask(End, "T\0", id));
        Assert.Equal("2", _guest.Get("data/b"));
        Assert.Equal(["data/a t", "data/b t"], _guest.Events);
        id = uint.Parse(_guest.Ask(Start, "\0"), CultureInfo.InvariantCulture);
        _guest.Write("data/c", "3", id);
        Assert.Equal("OK", _guest.Ask(End, "F\0", id));
        Assert.Equal("ENOENT", _guest.Get("data/c"));
        Assert.Equal("ENOENT", _guest.Ask(End, "T\0", id));
        Assert.Equal("ENOENT", _guest.Get("data/a", id));
    }

    [Theory]
    [InlineData("data/read", true)]
    [InlineData("data/written", true)]
    [InlineData("data/absent", true)]
    [InlineData("data/other", false)]
    public void A_transaction_conflicts_with_changes_of_what_it_touched(string changed, bool conflicts)
    {
        _guest.Write("data/read", "0");
        _guest.Write("data/written", "0");
        _guest.Write("data/other", "0");
        uint id = uint.Parse(_guest.Ask(Start, "\0"), CultureInfo.InvariantCulture);
        _guest.Get("data/read", id);
        _guest.Get("data/absent", id);
        _guest.Write("data/written", "1", id);
        _host.Store.Write("/local/domain/1/" + changed, "host");
        Assert.Equal("0", _guest.Get("data/read", id));
        Assert.Equal(conflicts ? "EAGAIN" : "OK", _guest.Ask(End, "T\0", id));
        Assert.Equal(conflicts ? changed == "data/written" ? "host" : "0" : "1", _guest.Get("data/written"));
    }

    [Fact]
    public void Long_folders_are_listed_in_parts()
    {
        for (int i = 0; i < 300; i++)
        {
            Assert.Equal("OK", _guest.Write($"data/a-rather-long-name-{i:d4}", ""));
        }

        Assert.Equal("E2BIG", _guest.Ask(Directory, "data\0"));
        List<string> names = [];
        int offset = 0;
        string generation = "";
        while (true)
        {
            string[] part = Encoding.Latin1.GetString(_guest.Send(DirectoryPart, 0, Encoding.Latin1.GetBytes($"data\0{offset}\0")).Payload).Split('\0')[..^1];
            Assert.True(generation == "" || generation == part[0]);
            generation = part[0];
            bool isLast = part[^1] == "";
            names.AddRange(part[1..(isLast ? ^1 : ^0)]);
            offset += part[1..(isLast ? ^1 : ^0)].Sum(name => name.Length + 1);
            if (isLast)
            {
                break;
            }
        }

        Assert.Equal(Enumerable.Range(0, 300).Select(i => $"a-rather-long-name-{i:d4}"), names);
    }

    [Fact]
    public void A_guest_has_only_so_much()
    {
        int nodes = 0;
        while (nodes < 2000 && _guest.Write($"data/{nodes}", "") == "OK")
        {
            nodes++;
        }

        Assert.InRange(nodes, 900, 1000);
        Assert.Equal("OK", _guest.Ask(Remove, "data\0"));
        Assert.Equal("EACCES", _guest.Write("data/again", ""));
        Assert.Equal("OK", _guest.Write("attr/again", ""));
        Assert.Equal("ENOSPC", _guest.Write("attr/long", new string('x', 2049)));
        Assert.Equal("EINVAL", _guest.Write(new string('x', 2049), ""));
        int watches = 0;
        while (watches < 500 && _guest.Ask(Watch, $"attr\0{watches}\0") == "OK")
        {
            watches++;
        }

        Assert.Equal(128, watches);
        for (int i = 0; i < 10; i++)
        {
            Assert.NotEqual("ENOSPC", _guest.Ask(Start, "\0"));
        }

        Assert.Equal("ENOSPC", _guest.Ask(Start, "\0"));
    }

    [Theory]
    [InlineData(2052, 5000u, 2u)]
    [InlineData(2056, 77u, 2u)]
    public void Indices_that_jump_end_the_connection_until_the_guest_reconnects(int index, uint value, uint error)
    {
        Assert.Equal("guest", _guest.Get("name"));
        _guest.Write32(XenGuest.StorePage + (ulong)index, _guest.Read32(XenGuest.StorePage + (ulong)index) + value);
        _guest.Notify(1);
        _host.Store.Write("/local/domain/1/name", "guest");
        if (index == 2056)
        {
            // Nobody looks at that one before there is something to say.
            _guest.Write32(XenGuest.StorePage + 2052, _guest.Read32(XenGuest.StorePage + 2048) + 16);
            _guest.Notify(1);
        }

        Assert.Equal(error, _guest.Read32(XenGuest.StorePage + 2072));
        _guest.Write32(XenGuest.StorePage + 2068, 1);
        _guest.Notify(1);
        Assert.Equal((0u, 0u), (_guest.Read32(XenGuest.StorePage + 2068), _guest.Read32(XenGuest.StorePage + 2072)));
        Assert.Equal("guest", _guest.Get("name"));
    }

    [Fact]
    public void A_message_that_is_too_long_ends_the_connection()
    {
        _guest.SendRaw([2, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1, 16, 0, 0]);
        Assert.Equal(3u, _guest.Read32(XenGuest.StorePage + 2072));
    }

    [Fact]
    public void A_guest_is_asked_to_shut_down_once_it_listens()
    {
        Assert.False(_host.RequestPowerOff());
        _guest.Ask(Watch, "control/shutdown\0s\0");
        _guest.Write("control/feature-poweroff", "1");
        _guest.Events.Clear();
        Assert.True(_host.RequestPowerOff());
        _guest.CollectEvents();
        Assert.Equal(["control/shutdown s"], _guest.Events);
        Assert.Equal("poweroff", _guest.Get("control/shutdown"));
        Assert.Equal("OK", _guest.Write("control/shutdown", ""));
    }

    [Fact]
    public void Saved_state_has_nodes_watches_and_half_a_request()
    {
        _guest.Write("data/x", "kept");
        _guest.Ask(Watch, "data\0w\0");
        uint id = uint.Parse(_guest.Ask(Start, "\0"), CultureInfo.InvariantCulture);
        _guest.Write("data/x", "lost", id);
        byte[] request = [2, 0, 0, 0, 99, 0, 0, 0, 0, 0, 0, 0, 7, 0, 0, 0, .. "data/x\0"u8];
        _guest.SendRaw(request.AsSpan(0, 18));
        var writer = new StateWriter();
        _host.Save(writer);
        _guest.Events.Clear();
        _guest.ForgetEnds();
        _host.Restore(new StateReader(writer.Written));
        _guest.SendRaw(request.AsSpan(18));
        Assert.Equal("kept", _guest.TakeAnswer());
        Assert.Equal("EAGAIN", _guest.Ask(End, "T\0", id));
        _host.Store.Write("/local/domain/1/data/x", "1");
        _guest.CollectEvents();
        Assert.Equal(["data/x w"], _guest.Events);
    }
}
