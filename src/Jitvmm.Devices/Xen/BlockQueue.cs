using System.Buffers.Binary;
using Jitvmm.Devices.Disks;
using Jitvmm.Runtime.Paravirt.Xen;

namespace Jitvmm.Devices.Xen;

/// <summary>One ring of a disk. Transfers run on the thread that rings; what waits for the medium runs where the disk says.</summary>
internal sealed class BlockQueue
{
    private const byte Read = 0;
    private const byte Write = 1;
    private const byte WriteBarrier = 2;
    private const byte Flush = 3;
    private const byte Discard = 5;
    private const byte Indirect = 6;

    private const short Okay = 0;
    private const short Failed = -1;
    private const short Unsupported = -2;

    private const byte Secure = 1;
    private const int ResponseLength = 12;

    private readonly Lock _lock = new();
    private readonly DiskImage _disk;
    private readonly BlockLayout _layout;
    private readonly SharedRing _ring;
    private readonly BlockTransfer _transfer;
    private readonly Action<Action> _runSlowly;
    private readonly byte[] _request = new byte[BlockLayout.LongestSlot];
    private readonly Doorbell _bell;
    private IXenPort? _port;

    /// <param name="domain">Whose ring it is.</param>
    /// <param name="disk">What is transferred.</param>
    /// <param name="layout">The guest's.</param>
    /// <param name="ring">Its pages.</param>
    /// <param name="runSlowly">Runs what waits for the medium, in turn, here or elsewhere.</param>
    public BlockQueue(IXenDomain domain, DiskImage disk, BlockLayout layout, SharedRing ring, Action<Action> runSlowly)
    {
        _disk = disk;
        _layout = layout;
        _ring = ring;
        _transfer = new BlockTransfer(domain, disk);
        _runSlowly = runSlowly;
        _bell = new Doorbell(ServeSome);
    }

    /// <summary>Begins to serve. False: the guest has no such port.</summary>
    public bool TryStart(IXenDomain domain, uint port)
    {
        _port = domain.Bind(port, _bell.Ring);
        if (_port == null)
        {
            return false;
        }

        // What was there before is not rung for again.
        _bell.Ring();
        return true;
    }

    public void End()
    {
        lock (_lock)
        {
            _port?.Dispose();
            _port = null;
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

            Span<byte> request = _request.AsSpan(0, _layout.SlotLength);
            for (int left = _ring.Available; left > 0; left--)
            {
                _ring.Take(request);
                Handle(request);
            }

            Publish();
            return _ring.AskForMore();
        }
    }

    private void Handle(ReadOnlySpan<byte> request)
    {
        byte operation = BlockLayout.Operation(request);
        byte second = BlockLayout.Second(request);
        ulong sector = _layout.Sector(request);
        ulong id = _layout.Id(request);
        switch (operation)
        {
            case Flush when second == 0:
                _runSlowly(() => Finish(id, Flush, _disk.Flush() ? Okay : Failed));
                break;
            case Discard:
                ulong count = _layout.DiscardedSectors(request);
                _runSlowly(() => Finish(id, Discard, RunDiscard(second, sector, count)));
                break;
            case Indirect:
                // Answered as what it does, which is what Linux compares with.
                Answer(id, second, second is Read or Write && _transfer.TryTakeIndirect(_layout, request) && _transfer.Run(sector, second == Write) ? Okay : Failed);
                break;
            case Read or Write or WriteBarrier or Flush:
                Answer(id, operation, _transfer.TryTakeDirect(_layout, request) && Run(operation, sector) ? Okay : Failed);
                break;
            default:
                Answer(id, operation, Unsupported);
                break;
        }
    }

    /// <summary>A barrier stands between all that was asked for before and after it, so it is done at once; what came before is done already.</summary>
    private bool Run(byte operation, ulong sector) => operation switch
    {
        WriteBarrier => _disk.Flush() && (_transfer.IsEmpty || _transfer.Run(sector, true)) && _disk.Flush(),
        Flush => _disk.Flush() && _transfer.Run(sector, true),
        _ => _transfer.Run(sector, operation == Write),
    };

    private short RunDiscard(byte flags, ulong sector, ulong count)
    {
        if (_disk.IsReadOnly || (flags & Secure) != 0)
        {
            return Unsupported;
        }

        const ulong Limit = ulong.MaxValue / DiskImage.SectorSize;
        if (sector > Limit || count > Limit || !_disk.Contains(sector * DiskImage.SectorSize, count * DiskImage.SectorSize))
        {
            return Failed;
        }

        return count == 0 || _disk.Discard((long)sector * DiskImage.SectorSize, (long)count * DiskImage.SectorSize) ? Okay : Failed;
    }

    /// <summary>Answers what was done elsewhere.</summary>
    private void Finish(ulong id, byte operation, short status)
    {
        lock (_lock)
        {
            Answer(id, operation, status);
            Publish();
        }
    }

    private void Answer(ulong id, byte operation, short status)
    {
        Span<byte> response = stackalloc byte[ResponseLength];
        response.Clear();
        BinaryPrimitives.WriteUInt64LittleEndian(response, id);
        response[8] = operation;
        BinaryPrimitives.WriteInt16LittleEndian(response[10..], status);
        _ring.Answer(response);
    }

    private void Publish()
    {
        if (_ring.Publish())
        {
            _port?.Notify();
        }
    }
}
