using System.Buffers.Binary;
using Jitvmm.Devices.Disks;

namespace Jitvmm.Devices.Nvme;

/// <summary>Commands of the NVM command set.</summary>
public sealed partial class NvmeController
{
    private const byte FlushCommand = 0x00;
    private const byte WriteCommand = 0x01;
    private const byte ReadCommand = 0x02;
    private const byte WriteZeroesCommand = 0x08;
    private const byte DatasetManagement = 0x09;
    private const uint ForceUnitAccess = 1u << 30;
    private const uint MayDeallocate = 1u << 25;
    private const uint Deallocate = 4;
    private const int RangeSize = 16;
    private const int PendingLimit = 1024;

    /// <summary>Executes a command of an I/O queue. Null: the disk's thread answers.</summary>
    private NvmeStatus? Execute(NvmeCommand command, ushort queue)
    {
        if (command.Opcode == FlushCommand)
        {
            return Later(command, queue, () => _disk.Flush() ? NvmeStatus.Success : NvmeStatus.InternalError);
        }

        if (command.Namespace != 1)
        {
            return NvmeStatus.InvalidNamespace;
        }

        return command.Opcode switch
        {
            ReadCommand => Transfer(command, queue, false),
            WriteCommand => Transfer(command, queue, true),
            WriteZeroesCommand => Zero(command, queue),
            DatasetManagement => Manage(command, queue),
            _ => NvmeStatus.InvalidOpcode,
        };
    }

    private static ulong FirstBlock(in NvmeCommand command) => command.D10 | ((ulong)command.D11 << 32);

    /// <summary>The bytes a command names, when they are on the disk.</summary>
    private bool TryRange(ulong block, ulong blocks, out long offset, out long length)
    {
        ulong limit = (ulong)_disk.Length / DiskImage.SectorSize;
        bool fits = block <= limit && blocks <= limit - block;
        offset = fits ? (long)block * DiskImage.SectorSize : 0;
        length = fits ? (long)blocks * DiskImage.SectorSize : 0;
        return fits;
    }

    private NvmeStatus? Transfer(NvmeCommand command, ushort queue, bool writes)
    {
        if (writes && _disk.IsReadOnly)
        {
            return NvmeStatus.NamespaceWriteProtected;
        }

        if (!TryRange(FirstBlock(command), (command.D12 & 0xffff) + 1ul, out long offset, out long length))
        {
            return NvmeStatus.OutOfRange;
        }

        if ((command.Flags & 0xc0) != 0 || !_pages.TryCollect(command, (ulong)length, !writes))
        {
            return NvmeStatus.InvalidField;
        }

        bool done = writes ? _disk.Write(offset, _pages.Pieces) : _disk.Read(offset, _pages.Pieces);
        if (!writes)
        {
            _pages.Written();
        }

        if (!done)
        {
            return NvmeStatus.InternalError;
        }

        return writes && (command.D12 & ForceUnitAccess) != 0
            ? Later(command, queue, () => _disk.Flush() ? NvmeStatus.Success : NvmeStatus.InternalError)
            : NvmeStatus.Success;
    }

    private NvmeStatus? Zero(NvmeCommand command, ushort queue)
    {
        if (_disk.IsReadOnly)
        {
            return NvmeStatus.NamespaceWriteProtected;
        }

        if (!TryRange(FirstBlock(command), (command.D12 & 0xffff) + 1ul, out long offset, out long length))
        {
            return NvmeStatus.OutOfRange;
        }

        bool mayFree = (command.D12 & MayDeallocate) != 0;
        return Later(command, queue, () => _disk.WriteZeroes(offset, length, mayFree) ? NvmeStatus.Success : NvmeStatus.InternalError);
    }

    private NvmeStatus? Manage(NvmeCommand command, ushort queue)
    {
        byte[] ranges = new byte[RangeSize * (int)((command.D10 & 0xff) + 1)];
        if ((command.Flags & 0xc0) != 0 || !_pages.TryCollect(command, (ulong)ranges.Length, false))
        {
            return NvmeStatus.InvalidField;
        }

        _pages.Read(ranges);
        if ((command.D11 & Deallocate) == 0 || _disk.IsReadOnly)
        {
            // The other attributes are hints.
            return NvmeStatus.Success;
        }

        return Later(command, queue, () => Discard(ranges));
    }

    private NvmeStatus Discard(byte[] ranges)
    {
        for (int at = 0; at < ranges.Length; at += RangeSize)
        {
            uint blocks = BinaryPrimitives.ReadUInt32LittleEndian(ranges.AsSpan(at + 4));
            if (!TryRange(BinaryPrimitives.ReadUInt64LittleEndian(ranges.AsSpan(at + 8)), blocks, out long offset, out long length))
            {
                return NvmeStatus.OutOfRange;
            }

            if (length > 0)
            {
                _ = _disk.Discard(offset, length);
            }
        }

        return NvmeStatus.Success;
    }

    /// <summary>Runs what waits for the medium on the disk's thread, which answers unless the controller was reset or the queue deleted meanwhile.</summary>
    private NvmeStatus? Later(NvmeCommand command, ushort queue, Func<NvmeStatus> work)
    {
        // A driver that never waits for answers is served at its own cost.
        if (_slow == null || _slow.Count >= PendingLimit)
        {
            return work();
        }

        int generation = _generation;
        NvmeSubmissionQueue? submission = _submissions[queue];
        _slow.Add(() =>
        {
            NvmeStatus status = work();
            lock (_lock)
            {
                // A completion queue has room for every command of a driver that follows the rules; one that does not loses the answer.
                if (generation == _generation && submission != null && _submissions[queue] == submission && _completions[submission.Completion] is { IsFull: false })
                {
                    Complete(queue, submission, command.Identifier, status, 0);
                }
            }
        });
        return null;
    }
}
