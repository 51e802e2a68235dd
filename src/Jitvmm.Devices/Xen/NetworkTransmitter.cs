using System.Buffers.Binary;
using Jitvmm.Devices.Net;
using Jitvmm.Runtime.Memory;
using Jitvmm.Runtime.Paravirt.Xen;

namespace Jitvmm.Devices.Xen;

/// <summary>Takes a guest's frames from its transmit ring (xen/include/public/io/netif.h). A frame is one request or several, each a piece of a granted page.</summary>
internal sealed class NetworkTransmitter
{
    public const int SlotLength = 12;
    public const int LargestFrame = 1514;

    private const int SmallestFrame = 14;

    // XEN_NETIF_NR_SLOTS_MIN: what every guest may use.
    private const int MaximumPieces = 18;

    private const ushort ChecksumBlank = 1;
    private const ushort MoreData = 4;
    private const ushort ExtraInfo = 8;
    private const byte MoreExtra = 1;
    private const byte SegmentationExtra = 1;

    private const short Okay = 0;
    private const short Failed = -1;
    private const short Nothing = 1;

    private readonly Lock _lock = new();
    private readonly IXenDomain _domain;
    private readonly INetwork _network;
    private readonly SharedRing _ring;
    private readonly Func<IXenPort?> _port;
    private readonly byte[] _frame = new byte[LargestFrame];
    private readonly byte[] _slot = new byte[SlotLength];
    private readonly List<Piece> _pieces = [];
    private readonly List<Slot> _slots = [];

    /// <param name="domain">Whose ring it is.</param>
    /// <param name="network">Takes the frames.</param>
    /// <param name="ring">Its pages.</param>
    /// <param name="port">Tells the guest.</param>
    public NetworkTransmitter(IXenDomain domain, INetwork network, SharedRing ring, Func<IXenPort?> port)
    {
        _domain = domain;
        _network = network;
        _ring = ring;
        _port = port;
        Bell = new Doorbell(ServeSome);
    }

    public Doorbell Bell { get; }

    public void End()
    {
        lock (_lock)
        {
            _ring.Unmap();
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

            for (int left = _ring.Available; left > 0; left -= _slots.Count)
            {
                short status = TakeFrame(left, out int length, out bool isBlank) ? Okay : Failed;
                if (status == Okay)
                {
                    Span<byte> frame = _frame.AsSpan(0, length);
                    if (isBlank)
                    {
                        TransportChecksum.Complete(frame);
                    }

                    _network.Send(frame);
                }

                Answer(status);
            }

            if (_ring.Publish())
            {
                _port()?.Notify();
            }

            return _ring.AskForMore();
        }
    }

    /// <summary>Takes the requests of one frame, and its bytes if they make sense.</summary>
    private bool TakeFrame(int available, out int length, out bool isBlank)
    {
        _pieces.Clear();
        _slots.Clear();
        ushort flags = TakePiece();
        isBlank = (flags & ChecksumBlank) != 0;
        length = _pieces[0].Size;
        bool isRight = (flags & ExtraInfo) == 0 || TakeExtras(available);
        while ((flags & MoreData) != 0)
        {
            if (_slots.Count == available)
            {
                return false;
            }

            flags = TakePiece();
        }

        return isRight && length is >= SmallestFrame and <= LargestFrame && _pieces.Count <= MaximumPieces && Copy(length);
    }

    private ushort TakePiece()
    {
        _ring.Take(_slot);
        ReadOnlySpan<byte> slot = _slot;
        _pieces.Add(new Piece(BinaryPrimitives.ReadUInt32LittleEndian(slot), BinaryPrimitives.ReadUInt16LittleEndian(slot[4..]), BinaryPrimitives.ReadUInt16LittleEndian(slot[10..])));
        _slots.Add(new Slot(BinaryPrimitives.ReadUInt16LittleEndian(slot[8..]), false));
        return BinaryPrimitives.ReadUInt16LittleEndian(slot[6..]);
    }

    /// <summary>What is said about a frame beside its bytes. Nothing of it was offered, and frames to be cut into segments cannot be sent whole.</summary>
    private bool TakeExtras(int available)
    {
        bool isRight = true;
        do
        {
            if (_slots.Count == available)
            {
                return false;
            }

            _ring.Take(_slot);
            _slots.Add(new Slot(0, true));
            isRight &= _slot[0] != SegmentationExtra;
        }
        while ((_slot[1] & MoreExtra) != 0);
        return isRight;
    }

    /// <summary>The first request has the whole frame's size, the others their own.</summary>
    private bool Copy(int length)
    {
        int first = length;
        for (int i = 1; i < _pieces.Count; i++)
        {
            first -= _pieces[i].Size;
        }

        int at = 0;
        for (int i = 0; i < _pieces.Count; i++)
        {
            Piece piece = _pieces[i];
            int size = i == 0 ? first : piece.Size;
            if (size < 0 || piece.Offset + size > (int)GuestPages.PageSize || !_domain.TryMapGrant(piece.Reference, false, out ulong page))
            {
                return false;
            }

            _ = _domain.Memory.Read(page + piece.Offset, _frame.AsSpan(at, size));
            _domain.EndGrant(piece.Reference, false);
            at += size;
        }

        return true;
    }

    private void Answer(short status)
    {
        Span<byte> response = stackalloc byte[4];
        foreach (Slot slot in _slots)
        {
            BinaryPrimitives.WriteUInt16LittleEndian(response, slot.Id);
            BinaryPrimitives.WriteInt16LittleEndian(response[2..], slot.IsExtra ? Nothing : status);
            _ring.Answer(response);
        }
    }

    private readonly record struct Piece(uint Reference, ushort Offset, ushort Size);

    private readonly record struct Slot(ushort Id, bool IsExtra);
}
