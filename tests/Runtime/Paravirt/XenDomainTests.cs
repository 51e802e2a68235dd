using Jitvmm.Runtime.Paravirt.Xen;

namespace Jitvmm.Tests.Runtime.Paravirt;

/// <summary>A Xen guest's ports and grants as back ends see them (xen/include/public/event_channel.h, grant_table.h).</summary>
public sealed class XenDomainTests : IDisposable
{
    private const ulong Table = 0xb000;
    private const uint Granted = 9;
    private const ulong Entry = Table + (Granted * 8);

    private readonly XenGuest _guest = new XenGuest().PlaceSharedInfo();

    private IXenDomain Domain => _guest.Xen.Domain;

    [Fact]
    public void A_back_end_and_the_guest_raise_each_others_ports()
    {
        int notified = 0;
        uint port = Domain.AllocateUnbound();
        Assert.Equal(0, _guest.CallWith(XenGuest.EventChannelOp, 4, port));
        using IXenPort end = Domain.Bind(port, () => notified++)!;
        Assert.Null(Domain.Bind(port, () => notified++));
        Assert.Equal(0, _guest.CallWith(XenGuest.EventChannelOp, 4, port));
        Assert.Equal(1, notified);
        Assert.False(_guest.IsPending(port));
        end.Notify();
        Assert.True(_guest.IsPending(port));
        Assert.Equal(["f3 to 0"], _guest.Host.Asked);
        Assert.Equal(0, _guest.CallWith(XenGuest.EventChannelOp, 5, XenGuest.Self, port));
        Assert.Equal((2u, 0u), (_guest.Field(2), _guest.Field(4) & 0xffff));
    }

    [Fact]
    public void An_end_that_was_given_up_is_open_again()
    {
        uint port = Domain.AllocateUnbound();
        IXenPort first = Domain.Bind(port, static () => { })!;
        first.Dispose();
        first.Notify();
        Assert.False(_guest.IsPending(port));
        using IXenPort? second = Domain.Bind(port, static () => { });
        Assert.NotNull(second);
        first.Dispose();
        second.Notify();
        Assert.True(_guest.IsPending(port));
    }

    [Fact]
    public void A_port_that_the_guest_closed_is_nobodys()
    {
        uint port = Domain.AllocateUnbound();
        using IXenPort end = Domain.Bind(port, static () => Assert.Fail("closed"))!;
        Assert.Equal(0, _guest.CallWith(XenGuest.EventChannelOp, 3, port));
        Assert.Equal(port, _guest.BindIpi());
        end.Notify();
        Assert.False(_guest.IsPending(port));
        Assert.Null(Domain.Bind(port, static () => { }));
        Assert.Equal(0, _guest.CallWith(XenGuest.EventChannelOp, 4, port));
        Assert.True(_guest.IsPending(port));
    }

    [Theory]
    [InlineData(0u)]
    [InlineData(1u)]
    [InlineData(4096u)]
    [InlineData(uint.MaxValue)]
    public void Ports_that_are_not_open_to_it_are_not_bound(uint port)
    {
        Assert.Equal(0, _guest.CallWith(XenGuest.EventChannelOp, 6, XenGuest.Self | (XenGuest.Self << 16)));
        Assert.Null(Domain.Bind(port, static () => { }));
    }

    [Fact]
    public void A_granted_frame_is_marked_while_it_is_in_use()
    {
        _guest.Place(1, 0, Table);
        Grant(1, 0, 0xc);
        Assert.True(Domain.TryMapGrant(Granted, false, out ulong physical));
        Assert.Equal((0xc000ul, 9ul), (physical, _guest.Machine.Read(Entry, 2)));
        Assert.True(Domain.TryMapGrant(Granted, true, out _));
        Assert.Equal(0x19ul, _guest.Machine.Read(Entry, 2));
        Domain.EndGrant(Granted, true);
        Assert.Equal(9ul, _guest.Machine.Read(Entry, 2));
        Domain.EndGrant(Granted, false);
        Assert.Equal(1ul, _guest.Machine.Read(Entry, 2));
        Domain.EndGrant(Granted, false);
        Domain.EndGrant(uint.MaxValue, false);
    }

    [Theory]
    [InlineData(0u, 0u, 0xcu, true)]
    [InlineData(2u, 0u, 0xcu, true)]
    [InlineData(3u, 0u, 0xcu, true)]
    [InlineData(1u, 1u, 0xcu, true)]
    [InlineData(5u, 0u, 0xcu, false)]
    [InlineData(1u, 0u, 0x400u, true)]
    [InlineData(1u, 0u, uint.MaxValue, true)]
    public void Other_entries_grant_nothing(uint flags, uint domain, uint frame, bool alsoToRead)
    {
        _guest.Place(1, 0, Table);
        Grant(flags, domain, frame);
        Assert.False(Domain.TryMapGrant(Granted, true, out _));
        Assert.Equal(!alsoToRead, Domain.TryMapGrant(Granted, false, out _));
        Assert.Equal(alsoToRead ? flags : flags | 8, _guest.Machine.Read(Entry, 2));
        Assert.False(Domain.TryMapGrant(uint.MaxValue, false, out _) || Domain.TryMapGrant(512, false, out _));
    }

    [Fact]
    public void The_table_grows_to_its_limit()
    {
        Assert.Equal(0, Perform(6, XenGuest.Self));
        Assert.Equal((1u, 32u, 0u), (_guest.Field(1), _guest.Field(2), _guest.Field(3) & 0xffff));
        _guest.Place(1, 4, Table);
        Assert.Equal(0, Perform(6, XenGuest.Self));
        Assert.Equal(5u, _guest.Field(1));
        _guest.Machine.Write(Entry, 1 | (0xcul << 32));
        Assert.True(Domain.TryMapGrant((4 * 512) + Granted, true, out _));
        Assert.Equal(0, Perform(2, XenGuest.Self, 6, 0, 0, 0xd000, 0));
        Assert.Equal(0u, _guest.Field(2) & 0xffff);
        Assert.Equal((ulong.MaxValue, 0xbul), (_guest.Machine.Read(0xd000), _guest.Machine.Read(0xd020)));
        Assert.Equal(0, Perform(2, XenGuest.Self, 33, 0, 0, 0xd000, 0));
        Assert.Equal(0xffffu, _guest.Field(2) & 0xffff);
        Assert.Equal(0, Perform(8, 1));
        Assert.Equal(XenGuest.NotImplemented, Perform(8, 2));
        Assert.Equal(XenGuest.Invalid, Perform(8, 3));
        Assert.Equal(0, Perform(10, XenGuest.Self));
        Assert.Equal(1u, _guest.Field(1));
        Assert.Equal(XenGuest.NotImplemented, Perform(0));
        Assert.Equal(XenGuest.TooBig, _guest.Call(XenGuest.GrantTableOp, 6, XenGuest.Record, uint.MaxValue));
    }

    /// <summary>Offsets, length, flags, and what is said.</summary>
    [Theory]
    [InlineData(0xff0u, 0x10u, 16u, 0u, 0)]
    [InlineData(0xff0u, 0x10u, 17u, 0u, -10)]
    [InlineData(0u, 0u, 4096u, 0u, 0)]
    [InlineData(0u, 1u, 4096u, 0u, -10)]
    [InlineData(0u, 0u, 16u, 1u, -3)]
    [InlineData(0u, 0u, 16u, 2u, -3)]
    public void Frames_are_copied(uint source, uint target, uint length, uint flags, int status)
    {
        _guest.Machine.Write(0xc000 + source, 0x1234);
        Assert.Equal(0, Perform(5, 0xc, 0, XenGuest.Self | (source << 16), 0, 0xd, 0, XenGuest.Self | (target << 16), 0, length | (flags << 16), 0));
        Assert.Equal((ushort)status, (ushort)_guest.Field(9));
        Assert.Equal(status == 0 ? 0x1234ul : 0, _guest.Machine.Read(0xd000 + target));
    }

    public void Dispose() => _guest.Dispose();

    private void Grant(uint flags, uint domain, uint frame) => _guest.Machine.Write(Entry, flags | (domain << 16) | ((ulong)frame << 32));

    private long Perform(uint command, params uint[] fields)
    {
        _guest.Fill(fields);
        return _guest.Call(XenGuest.GrantTableOp, command, XenGuest.Record, 1);
    }
}
