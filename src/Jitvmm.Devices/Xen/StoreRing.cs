using System.Buffers.Binary;
using Jitvmm.Devices.State;
using Jitvmm.Runtime.Memory;
using Jitvmm.Runtime.Paravirt.Xen;

namespace Jitvmm.Devices.Xen;

/// <summary>
/// The page by which a guest speaks with the store (struct xenstore_domain_interface of xs_wire.h; docs/misc/xenstore-ring.txt): a kilobyte each way, as streams of messages.
/// </summary>
/// <remarks>
/// The guest owns two of the four indices and can change any byte at any time: its indices are read once and checked, ours are kept here too and never read back. A guest that breaks the rules finds
/// the reason in the page and is served again once it reconnects. Requests wait while answers do, so what is kept for a guest is bounded.
/// </remarks>
public sealed unsafe class StoreRing : IStateful, IDisposable
{
    private const int RingSize = 1024;
    private const int Answers = 1024;
    private const int RequestConsumer = 2048;
    private const int RequestProducer = 2052;
    private const int AnswerConsumer = 2056;
    private const int AnswerProducer = 2060;
    private const int Features = 2064;
    private const int Connection = 2068;
    private const int Error = 2072;

    private const uint CanReconnectAndSaysErrors = 3;
    private const uint Connected = 0;
    private const uint Reconnecting = 1;
    private const uint PageLost = 1;
    private const uint IndicesWrong = 2;
    private const uint MessageWrong = 3;
    private const int RequestsInARow = 64;

    private readonly IXenDomain _domain;
    private readonly XenStore _store;
    private readonly StoreSession _session;
    private readonly ulong _page;
    private readonly uint _port;
    private readonly Doorbell _bell;
    private readonly byte[] _request = new byte[StoreSession.HeaderLength + StoreLimits.Payload];
    private IXenPort? _end;
    private int _filled;
    private int _sent;
    private uint _consumed;
    private uint _produced;
    private bool _isBroken;
    private bool _isDisposed;

    /// <param name="domain">Whose store it is.</param>
    /// <param name="store">What is in it.</param>
    /// <param name="page">A page of RAM that the guest does not take for its own.</param>
    public StoreRing(IXenDomain domain, XenStore store, ulong page)
    {
        _domain = domain;
        _store = store;
        _session = store.Guest;
        _page = page;
        _bell = new Doorbell(ServeSome);
        _session.Ready = Flush;
        _port = domain.AllocateUnbound();
        _end = domain.Bind(_port, Notified);
        Set(Features, CanReconnectAndSaysErrors);
        domain.SetParameter(IXenDomain.StoreFrame, page >> GuestPages.PageShift);
        domain.SetParameter(IXenDomain.StorePort, _port);
    }

    /// <summary>The guest's.</summary>
    public uint Port => _port;

    public void Save(StateWriter writer)
    {
        lock (_store.Lock)
        {
            _store.Save(writer);
            writer.Section("xenstore ring", 1);
            writer.Bytes(new ReadOnlySpan<byte>(_domain.Memory.HostBase + _page, (int)GuestPages.PageSize));
            writer.Bytes(_request.AsSpan(0, _filled));
            writer.Int32(_sent);
            writer.UInt32(_consumed);
            writer.UInt32(_produced);
            writer.Bool(_isBroken);
        }
    }

    public void Restore(StateReader reader)
    {
        lock (_store.Lock)
        {
            _store.Restore(reader);
            reader.Section("xenstore ring", 1);
            reader.Bytes(new Span<byte>(_domain.Memory.HostBase + _page, (int)GuestPages.PageSize));
            _domain.Memory.InvalidateCode(_page, GuestPages.PageSize);
            ReadOnlySpan<byte> request = reader.Bytes();
            if (request.Length > _request.Length)
            {
                throw new InvalidDataException("The saved state has a longer message to the store than there are.");
            }

            request.CopyTo(_request);
            _filled = request.Length;
            _sent = reader.Int32();
            _consumed = reader.UInt32();
            _produced = reader.UInt32();
            _isBroken = reader.Bool();
            if (_sent < 0 || _sent > (_session.Outgoing.TryPeek(out byte[]? first) ? first.Length : 0))
            {
                throw new InvalidDataException("The saved state has sent more of a message than there is.");
            }

            _end = _domain.Bind(_port, Notified);
        }
    }

    public void Dispose()
    {
        lock (_store.Lock)
        {
            _isDisposed = true;
        }
    }

    private void Notified()
    {
        _bell.Ring();
        _store.Deliver();
    }

    /// <summary>Serves requests while their answers fit.</summary>
    private bool ServeSome()
    {
        lock (_store.Lock)
        {
            if (_isDisposed || !Reconnect())
            {
                return false;
            }

            uint before = _consumed;
            int left = RequestsInARow;
            Flush();
            while (left > 0 && !_isBroken && _session.Outgoing.Count == 0 && TryTakeRequest())
            {
                _session.Handle(_request.AsSpan(0, StoreSession.HeaderLength), _request.AsSpan(StoreSession.HeaderLength, _filled - StoreSession.HeaderLength));
                _filled = 0;
                Flush();
                left--;
            }

            if (_consumed != before)
            {
                // The guest may wait for room.
                _end?.Notify();
            }

            return left == 0;
        }
    }

    /// <summary>Starts anew if the guest asks for it. False: the ring is not in use.</summary>
    private bool Reconnect()
    {
        if (Get(Connection) != Reconnecting)
        {
            return !_isBroken;
        }

        _session.Reset();
        _filled = _sent = 0;
        _consumed = _produced = 0;
        _isBroken = false;
        Set(RequestConsumer, 0);
        Set(RequestProducer, 0);
        Set(AnswerConsumer, 0);
        Set(AnswerProducer, 0);
        Set(Error, 0);
        Set(Connection, Connected);
        _end?.Notify();
        return true;
    }

    /// <summary>Takes what there is of the next request. True when it is whole.</summary>
    private bool TryTakeRequest()
    {
        while (true)
        {
            int wanted = StoreSession.HeaderLength;
            if (_filled >= wanted)
            {
                uint length = BinaryPrimitives.ReadUInt32LittleEndian(_request.AsSpan(12));
                if (length > StoreLimits.Payload)
                {
                    Break(MessageWrong);
                    return false;
                }

                wanted += (int)length;
                if (_filled == wanted)
                {
                    return true;
                }
            }

            uint available = Get(RequestProducer) - _consumed;
            if (available > RingSize)
            {
                Break(IndicesWrong);
                return false;
            }

            if (available == 0)
            {
                return false;
            }

            int at = (int)(_consumed % RingSize);
            int part = Math.Min(Math.Min((int)available, wanted - _filled), RingSize - at);
            new ReadOnlySpan<byte>(_domain.Memory.HostBase + _page + at, part).CopyTo(_request.AsSpan(_filled));
            _filled += part;
            _consumed += (uint)part;
            Set(RequestConsumer, _consumed);
        }
    }

    /// <summary>Puts into the ring what fits of what the guest is to get.</summary>
    private void Flush()
    {
        if (_isBroken || _isDisposed)
        {
            return;
        }

        if (_session.IsOverrun)
        {
            Break(PageLost);
            return;
        }

        uint before = _produced;
        while (_session.Outgoing.TryPeek(out byte[]? message))
        {
            uint waiting = _produced - Get(AnswerConsumer);
            if (waiting > RingSize)
            {
                Break(IndicesWrong);
                return;
            }

            int at = (int)(_produced % RingSize);
            int part = Math.Min(Math.Min(RingSize - (int)waiting, message.Length - _sent), RingSize - at);
            if (part == 0)
            {
                break;
            }

            _ = _domain.Memory.Write(_page + Answers + (ulong)at, message.AsSpan(_sent, part));
            _produced += (uint)part;
            Set(AnswerProducer, _produced);
            _sent += part;
            if (_sent == message.Length)
            {
                _session.Sent();
                _sent = 0;
            }
        }

        if (_produced != before)
        {
            _end?.Notify();
        }
    }

    private void Break(uint reason)
    {
        _isBroken = true;
        _session.Reset();
        _filled = _sent = 0;
        Set(Error, reason);
        _end?.Notify();
    }

    private uint Get(int offset) => Volatile.Read(ref *(uint*)(_domain.Memory.HostBase + _page + offset));

    private void Set(int offset, uint value)
    {
        Volatile.Write(ref *(uint*)(_domain.Memory.HostBase + _page + offset), value);
        _domain.Memory.InvalidateCode(_page + (ulong)offset, sizeof(uint));
    }
}
