using System.Buffers.Binary;
using Jitvmm.Runtime.Paravirt.Xen;

namespace Jitvmm.Devices.Xen;

/// <summary>Copies frames into the pages that a guest grants in its receive ring (xen/include/public/io/netif.h). Frames that find no page wait, if the guest says when it has more.</summary>
internal sealed class NetworkReceiver
{
    public const int SlotLength = 8;

    private const int MaximumPending = 256;
    private const ushort ChecksumRight = 1;
    private const short Failed = -1;

    private readonly Lock _lock = new();
    private readonly IXenDomain _domain;
    private readonly SharedRing _ring;
    private readonly bool _mayWait;
    private readonly Func<IXenPort?> _port;
    private readonly Queue<byte[]> _pending = [];
    private readonly byte[] _slot = new byte[SlotLength];

    /// <param name="domain">Whose ring it is.</param>
    /// <param name="ring">Its pages.</param>
    /// <param name="mayWait">The guest rings when it has granted more pages.</param>
    /// <param name="port">Tells the guest.</param>
    public NetworkReceiver(IXenDomain domain, SharedRing ring, bool mayWait, Func<IXenPort?> port)
    {
        _domain = domain;
        _ring = ring;
        _mayWait = mayWait;
        _port = port;
        Bell = new Doorbell(ServeSome);
    }

    public Doorbell Bell { get; }

    public void Receive(ReadOnlySpan<byte> frame)
    {
        lock (_lock)
        {
            // A guest that does not take its frames loses them; TCP sends them again.
            if (_ring.IsBroken || _pending.Count >= MaximumPending || frame.Length > NetworkTransmitter.LargestFrame)
            {
                return;
            }

            _pending.Enqueue(frame.ToArray());
        }

        Bell.Ring();
    }

    public void End()
    {
        lock (_lock)
        {
            _ring.Unmap();
            _pending.Clear();
        }
    }

    private bool ServeSome()
    {
        lock (_lock)
        {
            if (_ring.IsBroken)
            {
                return false;
            }

            for (int left = _ring.Available; left > 0 && _pending.Count > 0; left--)
            {
                Deliver();
            }

            if (_ring.Publish())
            {
                _port()?.Notify();
            }

            bool hasMore = _pending.Count > 0 && _ring.AskForMore();
            if (!_mayWait && !hasMore)
            {
                _pending.Clear();
            }

            return hasMore;
        }
    }

    /// <summary>Puts the first waiting frame into the next page; it goes on waiting if that is none.</summary>
    private void Deliver()
    {
        _ring.Take(_slot);
        byte[] frame = _pending.Peek();
        uint reference = BinaryPrimitives.ReadUInt32LittleEndian(_slot.AsSpan(4));
        short status = Failed;
        if (_domain.TryMapGrant(reference, true, out ulong page))
        {
            _ = _domain.Memory.Write(page, frame);
            _domain.EndGrant(reference, true);
            status = (short)frame.Length;
            _ = _pending.Dequeue();
        }

        Span<byte> response = stackalloc byte[SlotLength];
        response.Clear();
        _slot.AsSpan(0, 2).CopyTo(response);
        BinaryPrimitives.WriteUInt16LittleEndian(response[4..], ChecksumRight);
        BinaryPrimitives.WriteInt16LittleEndian(response[6..], status);
        _ring.Answer(response);
    }
}
