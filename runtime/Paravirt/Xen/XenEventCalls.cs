namespace Jitvmm.Runtime.Paravirt.Xen;

/// <summary>HYPERVISOR_event_channel_op (xen/include/public/event_channel.h). Without EVTCHNOP_init_control guests take the 2-level ABI; there are no physical interrupts to bind.</summary>
internal static class XenEventCalls
{
    private static readonly XenCommand[] s_commands =
    [
        new(0, XenFeatures.None, BindInterdomain),
        new(1, XenFeatures.None, BindVirq),
        new(3, XenFeatures.None, static (in XenCall call) => WithPort(call, static (call, port) => call.Domain.Channels.Close(port))),
        new(4, XenFeatures.None, static (in XenCall call) => WithPort(call, static (call, port) => call.Domain.Channels.Send(port))),
        new(5, XenFeatures.None, GetStatus),
        new(6, XenFeatures.None, AllocateUnbound),
        new(7, XenFeatures.None, BindIpi),
        new(8, XenFeatures.None, BindProcessor),
        new(9, XenFeatures.None, static (in XenCall call) => WithPort(call, static (call, port) => call.Domain.Channels.Unmask(port))),
        new(10, XenFeatures.None, Reset),
    ];

    public static long Perform(in XenCall call) => XenCommand.Perform(s_commands, (uint)call.First, call);

    /// <summary>3, 4 and 9: the port.</summary>
    private static long WithPort(in XenCall call, Func<XenCall, uint, long> body)
    {
        var record = new XenRecord(call, call.Second);
        uint port = record.Read32();
        return record.IsFaulty ? XenError.Fault : body(call, port);
    }

    /// <summary>0. Domain and port of the other end.</summary>
    private static long BindInterdomain(in XenCall call)
    {
        var record = new XenRecord(call, call.Second);
        ushort remote = record.Read16();
        uint port = record.Read32();
        return record.IsFaulty ? XenError.Fault : Answer(call, ref record, call.Domain.Channels.BindInterdomain(OwnOr(remote), port));
    }

    /// <summary>1. The virtual interrupt and its processor.</summary>
    private static long BindVirq(in XenCall call)
    {
        var record = new XenRecord(call, call.Second);
        uint virq = record.Read32();
        uint processor = record.Read32();
        return record.IsFaulty ? XenError.Fault : Answer(call, ref record, call.Domain.Channels.BindVirq(virq, processor));
    }

    /// <summary>5. Of a domain's port: what it is bound to, its processor, and the other end.</summary>
    private static long GetStatus(in XenCall call)
    {
        var record = new XenRecord(call, call.Second);
        ushort own = record.Read16();
        uint port = record.Read32();
        if (record.IsFaulty)
        {
            return XenError.Fault;
        }

        if (!XenDomain.IsOwn(own))
        {
            return XenError.NoProcess;
        }

        if (!call.Domain.Channels.TryGetStatus(port, out XenChannel channel))
        {
            return XenError.Invalid;
        }

        record.Write32((uint)channel.State);
        record.Write32((uint)channel.Processor);
        switch (channel.State)
        {
            case XenChannelState.Unbound:
                record.Write16(channel.Domain);
                break;
            case XenChannelState.Interdomain:
                record.Write16(channel.Domain);
                record.Write32(channel.Source);
                break;
            case XenChannelState.Virq:
                record.Write32(channel.Source);
                break;
            default:
                break;
        }

        return record.IsFaulty ? XenError.Fault : 0;
    }

    /// <summary>6. Whose port it is to be, and whom it is open to.</summary>
    private static long AllocateUnbound(in XenCall call)
    {
        var record = new XenRecord(call, call.Second);
        ushort own = record.Read16();
        ushort remote = record.Read16();
        if (record.IsFaulty)
        {
            return XenError.Fault;
        }

        return XenDomain.IsOwn(own) ? Answer(call, ref record, call.Domain.Channels.AllocateUnbound(OwnOr(remote))) : XenError.NotPermitted;
    }

    /// <summary>7. A processor.</summary>
    private static long BindIpi(in XenCall call)
    {
        var record = new XenRecord(call, call.Second);
        uint processor = record.Read32();
        return record.IsFaulty ? XenError.Fault : Answer(call, ref record, call.Domain.Channels.BindIpi(processor));
    }

    /// <summary>8. A port and who is told of it.</summary>
    private static long BindProcessor(in XenCall call)
    {
        var record = new XenRecord(call, call.Second);
        uint port = record.Read32();
        uint processor = record.Read32();
        return record.IsFaulty ? XenError.Fault : call.Domain.Channels.BindProcessor(port, processor);
    }

    /// <summary>10. Whose ports.</summary>
    private static long Reset(in XenCall call)
    {
        var record = new XenRecord(call, call.Second);
        ushort own = record.Read16();
        if (record.IsFaulty)
        {
            return XenError.Fault;
        }

        if (!XenDomain.IsOwn(own))
        {
            return XenError.NotPermitted;
        }

        call.Domain.Channels.Reset();
        return 0;
    }

    /// <summary>Tells the guest a new port, or an error. A port it cannot be told of is closed.</summary>
    private static long Answer(in XenCall call, ref XenRecord record, long port)
    {
        if (port < 0)
        {
            return port;
        }

        record.Write32((uint)port);
        if (!record.IsFaulty)
        {
            return 0;
        }

        _ = call.Domain.Channels.Close((uint)port);
        return XenError.Fault;
    }

    private static ushort OwnOr(ushort domain) => XenDomain.IsOwn(domain) ? XenDomain.Id : domain;
}
