namespace Jitvmm.Runtime.Paravirt.Xen;

/// <summary>What a port is bound to: EVTCHNSTAT (xen/include/public/event_channel.h).</summary>
internal enum XenChannelState
{
    Closed = 0,

    /// <summary>Open to a domain.</summary>
    Unbound = 1,

    /// <summary>Another domain has the other end.</summary>
    Interdomain = 2,

    /// <summary>A virtual interrupt of Xen's.</summary>
    Virq = 4,

    /// <summary>The guest's own processors.</summary>
    Ipi = 5,
}

/// <summary>An event channel of the guest's.</summary>
internal struct XenChannel
{
    private const int ProcessorShift = 4;
    private const int DomainShift = 16;
    private const int SourceShift = 32;
    private const ulong StateMask = 0xf;
    private const ulong ProcessorMask = 0xfff;

    public XenChannelState State;

    /// <summary>Who is told of its events.</summary>
    public int Processor;

    /// <summary>Who has the other end, or may take it.</summary>
    public ushort Domain;

    /// <summary>The port of a channel within the guest, or the virtual interrupt.</summary>
    public uint Source;

    /// <summary>Domain 0's end; null where a back end has yet to take it, behind a restored state.</summary>
    public XenBackEndPort? BackEnd;

    public readonly ulong Save() => (uint)State | ((ulong)Processor << ProcessorShift) | ((ulong)Domain << DomainShift) | ((ulong)Source << SourceShift);

    public static XenChannel Restore(ulong word) => new()
    {
        State = (XenChannelState)(word & StateMask),
        Processor = (int)((word >> ProcessorShift) & ProcessorMask),
        Domain = (ushort)(word >> DomainShift),
        Source = (uint)(word >> SourceShift),
    };
}
