using Jitvmm.Devices.Net;
using Jitvmm.Runtime.Paravirt.Xen;

namespace Jitvmm.Devices.Xen;

/// <summary>A network card for a Xen guest's netfront (xen/include/public/io/netif.h): one pair of rings; checksums are completed here, segments are not cut.</summary>
public sealed class XenNetwork : XenBackend
{
    private readonly INetwork _network;
    private NetworkTransmitter? _transmitter;
    private volatile NetworkReceiver? _receiver;
    private volatile IXenPort? _transmitPort;
    private volatile IXenPort? _receivePort;

    /// <param name="network">What it is plugged into; disposed of with the card.</param>
    /// <param name="address">Six bytes.</param>
    /// <param name="domain">The guest's.</param>
    /// <param name="store">Where the two halves meet.</param>
    public XenNetwork(INetwork network, ReadOnlySpan<byte> address, IXenDomain domain, XenStore store)
        : base(domain, store, "vif", 0)
    {
        _network = network;
        string mac = string.Join(':', address[..6].ToArray().Select(part => part.ToString("x2", null)));
        Say("handle", 0);
        Say("mac", mac);
        Say("feature-rx-copy", 1);
        Say("feature-rx-flip", 0);
        Say("feature-sg", 1);
        Say("feature-gso-tcpv4", 0);
        Say("feature-gso-tcpv6", 0);
        Say("feature-ipv6-csum-offload", 0);
        Say("feature-split-event-channels", 1);
        Say("feature-multicast-control", 0);
        Say("multi-queue-max-queues", 1);
        Offer("handle", "0");
        Offer("mac", mac);
        Offer("mtu", "1500");
        network.Received = frame => _receiver?.Receive(frame);
        Begin();
    }

    protected override bool TryConnect()
    {
        if (AskNumber("request-rx-copy") != 1
            || (AskNumber("multi-queue-num-queues") ?? 1) != 1
            || AskNumber("tx-ring-ref") is not { } transmit
            || AskNumber("rx-ring-ref") is not { } receive
            || SharedRing.Map(Domain, [transmit], NetworkTransmitter.SlotLength) is not { } transmitRing)
        {
            return false;
        }

        if (SharedRing.Map(Domain, [receive], NetworkReceiver.SlotLength) is not { } receiveRing)
        {
            transmitRing.Unmap();
            return false;
        }

        var transmitter = new NetworkTransmitter(Domain, _network, transmitRing, () => _transmitPort);
        var receiver = new NetworkReceiver(Domain, receiveRing, AskNumber("feature-rx-notify") == 1, () => _receivePort ?? _transmitPort);
        _transmitter = transmitter;
        _receiver = receiver;
        if (!TryBind(transmitter, receiver))
        {
            Disconnect();
            return false;
        }

        // What was there before is not rung for again.
        transmitter.Bell.Ring();
        receiver.Bell.Ring();
        return true;
    }

    protected override void Disconnect()
    {
        _transmitter?.End();
        _receiver?.End();
        _transmitter = null;
        _receiver = null;
        _transmitPort?.Dispose();
        _receivePort?.Dispose();
        _transmitPort = _receivePort = null;
    }

    protected override void Dispose(bool disposing)
    {
        base.Dispose(disposing);
        _network.Dispose();
    }

    /// <summary>A port for each ring, or one for both.</summary>
    private bool TryBind(NetworkTransmitter transmitter, NetworkReceiver receiver)
    {
        if (AskNumber("event-channel") is { } both)
        {
            _transmitPort = Domain.Bind(both, () =>
            {
                transmitter.Bell.Ring();
                receiver.Bell.Ring();
            });
            return _transmitPort != null;
        }

        if (AskNumber("event-channel-tx") is not { } transmit || AskNumber("event-channel-rx") is not { } receive)
        {
            return false;
        }

        _transmitPort = Domain.Bind(transmit, transmitter.Bell.Ring);
        _receivePort = Domain.Bind(receive, receiver.Bell.Ring);
        return _transmitPort != null && _receivePort != null;
    }
}
