namespace Jitvmm.Runtime.Paravirt.Xen;

/// <summary>The guest's event channels (xen/include/public/event_channel.h, the 2-level ABI). Any thread; the domain's lock is taken here.</summary>
internal sealed class XenEventChannels(XenDomain domain)
{
    /// <summary>Words of saved state.</summary>
    public const int StateLength = (int)MaximumPorts;

    public const uint VirqTimer = 0;

    private const uint VirqDebug = 1;
    private const uint VirqProfiler = 7;
    private const uint VirqPerformance = 13;
    private const uint Virqs = 24;

    private const uint MaximumPorts = 4096;

    /// <summary>Port 0 is none.</summary>
    private const uint FirstPort = 1;

    private readonly XenChannel[] _channels = new XenChannel[MaximumPorts];

    private XenSharedInfo Shared => domain.Shared;

    /// <summary>Opens a port to a domain. The port, or an error.</summary>
    public long AllocateUnbound(ushort remote)
    {
        lock (domain.Gate)
        {
            return Open(new XenChannel { State = XenChannelState.Unbound, Domain = remote });
        }
    }

    /// <summary>Takes the other end of a port that is open to the guest. Domain 0 opens none, so that it is a port of the guest's own.</summary>
    public long BindInterdomain(ushort remote, uint remotePort)
    {
        lock (domain.Gate)
        {
            if (remote != XenDomain.Id)
            {
                return remote == XenDomain.BackEndId ? XenError.Invalid : XenError.NoProcess;
            }

            if (!IsOpen(remotePort) || _channels[remotePort] is not { State: XenChannelState.Unbound, Domain: XenDomain.Id })
            {
                return XenError.Invalid;
            }

            long port = Open(new XenChannel { State = XenChannelState.Interdomain, Domain = XenDomain.Id, Source = remotePort });
            if (port > 0)
            {
                ref XenChannel other = ref _channels[remotePort];
                other.State = XenChannelState.Interdomain;
                other.Source = (uint)port;

                // What was sent before there was anyone to get it.
                Raise((uint)port);
            }

            return port;
        }
    }

    public long BindVirq(uint virq, uint processor)
    {
        lock (domain.Gate)
        {
            if (virq >= Virqs || (!IsOfProcessor(virq) && processor != 0))
            {
                return XenError.Invalid;
            }

            if (processor >= domain.Processors.Count)
            {
                return XenError.NoEntry;
            }

            return TryFindVirq(virq, (int)processor, out _)
                ? XenError.Exists
                : Open(new XenChannel { State = XenChannelState.Virq, Processor = (int)processor, Source = virq });
        }
    }

    public long BindIpi(uint processor)
    {
        lock (domain.Gate)
        {
            return processor < domain.Processors.Count
                ? Open(new XenChannel { State = XenChannelState.Ipi, Processor = (int)processor })
                : XenError.NoEntry;
        }
    }

    public long Close(uint port)
    {
        lock (domain.Gate)
        {
            if (!IsOpen(port))
            {
                return XenError.Invalid;
            }

            CloseOpen(port);
            return 0;
        }
    }

    /// <summary>Closes all.</summary>
    public void Reset()
    {
        lock (domain.Gate)
        {
            for (uint port = FirstPort; port < Shared.Ports; port++)
            {
                if (IsOpen(port))
                {
                    CloseOpen(port);
                }
            }
        }
    }

    /// <summary>Raises the other end. What nobody has the other end of is lost.</summary>
    public long Send(uint port)
    {
        Action? notified = null;
        lock (domain.Gate)
        {
            if (!IsOpen(port))
            {
                return XenError.Invalid;
            }

            XenChannel channel = _channels[port];
            switch (channel.State)
            {
                case XenChannelState.Ipi:
                    Raise(port);
                    break;
                case XenChannelState.Interdomain when channel.Domain == XenDomain.Id:
                    Raise(channel.Source);
                    break;
                case XenChannelState.Interdomain:
                    notified = channel.BackEnd?.Notified;
                    break;
                case XenChannelState.Unbound:
                    break;
                default:
                    return XenError.Invalid;
            }
        }

        notified?.Invoke();
        return 0;
    }

    /// <summary>What a port is bound to. False: there is no such port.</summary>
    public bool TryGetStatus(uint port, out XenChannel channel)
    {
        lock (domain.Gate)
        {
            bool isPort = port < Shared.Ports;
            channel = isPort ? _channels[port] : default;
            return isPort;
        }
    }

    /// <summary>Has another processor told.</summary>
    public long BindProcessor(uint port, uint processor)
    {
        lock (domain.Gate)
        {
            if (processor >= domain.Processors.Count)
            {
                return XenError.NoEntry;
            }

            if (!IsOpen(port))
            {
                return XenError.Invalid;
            }

            ref XenChannel channel = ref _channels[port];
            bool isFixed = channel.State == XenChannelState.Ipi
                || (channel.State == XenChannelState.Virq && IsOfProcessor(channel.Source));
            if (isFixed)
            {
                return XenError.Invalid;
            }

            channel.Processor = (int)processor;
            return 0;
        }
    }

    public long Unmask(uint port)
    {
        lock (domain.Gate)
        {
            if (!IsOpen(port))
            {
                return XenError.Invalid;
            }

            int processor = _channels[port].Processor;
            if (Shared.Unmask(port, processor))
            {
                domain.Processors[processor].Upcall();
            }

            return 0;
        }
    }

    /// <summary>Each processor has a virtual interrupt of its own; others are the first one's.</summary>
    private static bool IsOfProcessor(uint virq) => virq is VirqTimer or VirqDebug or VirqProfiler or VirqPerformance;

    /// <summary>A virtual interrupt of a processor's. Under the domain's lock.</summary>
    public void RaiseVirq(uint virq, int processor)
    {
        if (TryFindVirq(virq, processor, out uint port))
        {
            Raise(port);
        }
    }

    /// <summary>Whether any port of a list is pending. Under the domain's lock.</summary>
    public bool IsAnyPending(ReadOnlySpan<uint> ports)
    {
        foreach (uint port in ports)
        {
            if (Shared.IsPending(port))
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>A back end takes the other end.</summary>
    public IXenPort? Bind(uint port, Action notified)
    {
        lock (domain.Gate)
        {
            if (!IsOpen(port) || _channels[port] is not { State: XenChannelState.Unbound or XenChannelState.Interdomain, Domain: XenDomain.BackEndId, BackEnd: null })
            {
                return null;
            }

            var end = new XenBackEndPort(this, port, notified);
            _channels[port].State = XenChannelState.Interdomain;
            _channels[port].BackEnd = end;
            return end;
        }
    }

    /// <summary>A back end closes its end, if it still has it.</summary>
    public void Unbind(XenBackEndPort end, uint port)
    {
        lock (domain.Gate)
        {
            if (_channels[port].BackEnd == end)
            {
                _channels[port].State = XenChannelState.Unbound;
                _channels[port].BackEnd = null;
            }
        }
    }

    /// <summary>A back end sends.</summary>
    public void NotifyFrom(XenBackEndPort end, uint port)
    {
        lock (domain.Gate)
        {
            if (_channels[port].BackEnd == end)
            {
                Raise(port);
            }
        }
    }

    public void Save(Span<ulong> words)
    {
        for (int i = 0; i < StateLength; i++)
        {
            words[i] = _channels[i].Save();
        }
    }

    /// <summary>False: it is no state of channels of this guest.</summary>
    public bool TryRestore(ReadOnlySpan<ulong> words)
    {
        for (int i = 0; i < StateLength; i++)
        {
            var channel = XenChannel.Restore(words[i]);
            bool isWithin = channel is { State: XenChannelState.Interdomain, Domain: XenDomain.Id };
            if (!Enum.IsDefined(channel.State) || channel.Processor >= domain.Processors.Count || (isWithin && channel.Source >= MaximumPorts))
            {
                return false;
            }

            _channels[i] = channel;
        }

        return true;
    }

    private bool IsOpen(uint port) => port is >= FirstPort and < MaximumPorts && port < Shared.Ports && _channels[port].State != XenChannelState.Closed;

    /// <summary>The lowest port that is free.</summary>
    private long Open(XenChannel channel)
    {
        for (uint port = FirstPort; port < Shared.Ports; port++)
        {
            if (_channels[port].State == XenChannelState.Closed)
            {
                _channels[port] = channel;
                return port;
            }
        }

        return XenError.NoSpace;
    }

    private void CloseOpen(uint port)
    {
        ref XenChannel channel = ref _channels[port];
        if (channel is { State: XenChannelState.Interdomain, Domain: XenDomain.Id })
        {
            _channels[channel.Source].State = XenChannelState.Unbound;
        }

        channel = default;
        Shared.ClearPending(port);
    }

    private void Raise(uint port)
    {
        int processor = _channels[port].Processor;
        if (Shared.Raise(port, processor))
        {
            domain.Processors[processor].Upcall();
        }

        foreach (XenCpu polling in domain.Processors)
        {
            polling.EndPoll(port);
        }
    }

    private bool TryFindVirq(uint virq, int processor, out uint found)
    {
        for (uint port = FirstPort; port < Shared.Ports; port++)
        {
            if (_channels[port].State == XenChannelState.Virq && _channels[port].Source == virq && _channels[port].Processor == processor)
            {
                found = port;
                return true;
            }
        }

        found = 0;
        return false;
    }
}
