using Jitvmm.Devices.Disks;
using Jitvmm.Runtime.Memory;

namespace Jitvmm.Devices.Nvme;

/// <summary>The guest memory of one command, described by physical region pages (NVM Express base specification 2.0, 4.1.1), as checked host pieces.</summary>
internal sealed unsafe class NvmePages(PhysicalMemory memory)
{
    public const int PageSize = 4096;

    private const int MaximumPages = (1 << NvmeIdentity.TransferShift) + 1;
    private const int EntriesInList = PageSize / 8;

    private readonly TransferPiece[] _pieces = new TransferPiece[MaximumPages];
    private int _count;

    public Span<TransferPiece> Pieces => _pieces.AsSpan(0, _count);

    /// <summary>Collects the pages of a transfer. False when something is not RAM, misaligned or too long.</summary>
    /// <param name="command">Its two pointers.</param>
    /// <param name="length">Bytes.</param>
    /// <param name="writes">The device writes them.</param>
    public bool TryCollect(in NvmeCommand command, ulong length, bool writes)
    {
        _count = 0;
        ulong offset = command.Pointer1 % PageSize;
        ulong part = Math.Min(length, PageSize - offset);
        if (length > ((ulong)PageSize << NvmeIdentity.TransferShift) || !TryAdd(command.Pointer1, part, writes))
        {
            return false;
        }

        length -= part;
        if (length == 0)
        {
            return true;
        }

        return length <= PageSize
            ? command.Pointer2 % PageSize == 0 && TryAdd(command.Pointer2, length, writes)
            : TryCollectList(command.Pointer2, length, writes);
    }

    /// <summary>Copies into the collected pages.</summary>
    public void Write(ReadOnlySpan<byte> source)
    {
        foreach (ref readonly TransferPiece piece in Pieces)
        {
            int part = (int)Math.Min((ulong)piece.Length, (ulong)source.Length);
            source[..part].CopyTo(new Span<byte>(piece.Address, part));
            source = source[part..];
        }

        Written();
    }

    /// <summary>Throws translations of the collected pages away, behind the transfer that wrote them.</summary>
    public void Written()
    {
        foreach (ref readonly TransferPiece piece in Pieces)
        {
            memory.InvalidateCode((ulong)(piece.Address - memory.HostBase), piece.Length);
        }
    }

    /// <summary>Copies out of the collected pages.</summary>
    public void Read(Span<byte> target)
    {
        foreach (ref readonly TransferPiece piece in Pieces)
        {
            int part = (int)Math.Min((ulong)piece.Length, (ulong)target.Length);
            new ReadOnlySpan<byte>(piece.Address, part).CopyTo(target);
            target = target[part..];
        }
    }

    private bool TryCollectList(ulong list, ulong length, bool writes)
    {
        if (list % 8 != 0)
        {
            return false;
        }

        // A list's last entry points to the next list when more pages follow.
        int entry = (int)(list % PageSize / 8);
        ulong page = list & ~(PageSize - 1ul);
        while (length > 0)
        {
            if (!TryReadEntry(page, entry, out ulong address))
            {
                return false;
            }

            if (entry == EntriesInList - 1 && length > PageSize)
            {
                if (address % PageSize != 0)
                {
                    return false;
                }

                page = address;
                entry = 0;
                if (!TryReadEntry(page, entry, out address))
                {
                    return false;
                }
            }

            ulong part = Math.Min(length, PageSize);
            if (address % PageSize != 0 || !TryAdd(address, part, writes))
            {
                return false;
            }

            length -= part;
            entry++;
        }

        return true;
    }

    private bool TryReadEntry(ulong page, int entry, out ulong address)
    {
        Span<byte> bytes = stackalloc byte[8];
        bool read = memory.Read(page + 8ul * (ulong)entry, bytes);
        address = BitConverter.ToUInt64(bytes);
        return read;
    }

    private bool TryAdd(ulong address, ulong length, bool writes)
    {
        if (_count == MaximumPages || !memory.Allows(address, length, writes ? PageAccess.Write : PageAccess.Read))
        {
            return false;
        }

        byte* host = memory.HostBase + address;
        if (_count > 0 && _pieces[_count - 1].Address + _pieces[_count - 1].Length == host)
        {
            _pieces[_count - 1] = new TransferPiece(_pieces[_count - 1].Address, _pieces[_count - 1].Length + (nuint)length);
            return true;
        }

        _pieces[_count++] = new TransferPiece(host, (nuint)length);
        return true;
    }
}
