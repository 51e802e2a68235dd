using System.Buffers.Binary;
using Jitvmm.Devices.Disks;
using Jitvmm.Runtime.Memory;
using Jitvmm.Runtime.Paravirt.Xen;

namespace Jitvmm.Devices.Xen;

/// <summary>Moves the segments of one request between a disk and the pages that the guest grants for it. Reused from one request to the next.</summary>
internal sealed unsafe class BlockTransfer(IXenDomain domain, DiskImage disk)
{
    public const int MaximumSegments = 256;

    private const int SectorsOfPage = (int)GuestPages.PageSize / DiskImage.SectorSize;

    private readonly byte[] _segments = new byte[MaximumSegments * BlockLayout.SegmentLength];
    private readonly TransferPiece[] _pieces = new TransferPiece[MaximumSegments];
    private readonly Granted[] _granted = new Granted[MaximumSegments];
    private int _count;

    /// <summary>Takes the segments that are in a request.</summary>
    public bool TryTakeDirect(BlockLayout layout, ReadOnlySpan<byte> request)
    {
        _count = BlockLayout.Second(request);
        if (_count > BlockLayout.DirectSegments)
        {
            return false;
        }

        layout.Segments(request)[..(_count * BlockLayout.SegmentLength)].CopyTo(_segments);
        return true;
    }

    /// <summary>Copies the segments that are in pages of their own, before any is looked at.</summary>
    public bool TryTakeIndirect(BlockLayout layout, ReadOnlySpan<byte> request)
    {
        _count = BlockLayout.IndirectCount(request);
        if (_count > MaximumSegments)
        {
            return false;
        }

        Span<byte> left = _segments.AsSpan(0, _count * BlockLayout.SegmentLength);
        for (int i = 0; !left.IsEmpty; i++)
        {
            uint reference = layout.IndirectPage(request, i);
            if (!domain.TryMapGrant(reference, false, out ulong page))
            {
                return false;
            }

            int part = Math.Min(left.Length, (int)GuestPages.PageSize);
            _ = domain.Memory.Read(page, left[..part]);
            domain.EndGrant(reference, false);
            left = left[part..];
        }

        return true;
    }

    public bool IsEmpty => _count == 0;

    /// <summary>Reads from the disk or writes to it. False: a segment is no part of a page or is not granted, the range is not on the disk, or the host failed.</summary>
    public bool Run(ulong sector, bool writes)
    {
        int granted = 0;
        ulong length = 0;
        bool isRight = true;
        while (isRight && granted < _count)
        {
            ReadOnlySpan<byte> segment = _segments.AsSpan(granted * BlockLayout.SegmentLength);
            uint reference = BinaryPrimitives.ReadUInt32LittleEndian(segment);
            byte first = segment[4];
            byte last = segment[5];
            isRight = first <= last && last < SectorsOfPage && domain.TryMapGrant(reference, !writes, out ulong page) && Add(granted++, reference, page, first, last, ref length);
        }

        isRight = isRight && length != 0 && sector <= ulong.MaxValue / DiskImage.SectorSize && disk.Contains(sector * DiskImage.SectorSize, length);
        if (isRight)
        {
            long offset = (long)sector * DiskImage.SectorSize;
            isRight = writes ? disk.Write(offset, _pieces.AsSpan(0, granted)) : disk.Read(offset, _pieces.AsSpan(0, granted));
        }

        foreach (ref readonly Granted piece in _granted.AsSpan(0, granted))
        {
            if (!writes)
            {
                domain.Memory.InvalidateCode(piece.Address, piece.Length);
            }

            domain.EndGrant(piece.Reference, !writes);
        }

        return isRight;
    }

    private bool Add(int index, uint reference, ulong page, byte first, byte last, ref ulong length)
    {
        ulong address = page + (ulong)first * DiskImage.SectorSize;
        uint part = (uint)(last - first + 1) * DiskImage.SectorSize;
        _granted[index] = new Granted(reference, address, part);
        _pieces[index] = new TransferPiece(domain.Memory.HostBase + address, part);
        length += part;
        return true;
    }

    private readonly record struct Granted(uint Reference, ulong Address, uint Length);
}
