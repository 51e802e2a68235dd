using System.Buffers.Binary;
using System.Collections.Concurrent;
using System.Text;
using Jitvmm.Devices.Disks;
using Jitvmm.Devices.Interrupts;
using Jitvmm.Devices.State;
using Jitvmm.Runtime.Memory;

namespace Jitvmm.Devices.Virtio;

/// <summary>A disk (Virtual I/O Device 1.2, 5.2): read, write, flush, discard, write zeroes, get id.</summary>
/// <remarks>
/// Transfers run on the notifying vCPU's thread: the host's page cache mostly answers at once, and no thread has to be woken. What waits for the medium (flush, discard,
/// zeroes) runs on the disk's own thread, unless time is counted.
/// </remarks>
public sealed unsafe class VirtioBlock : VirtioDevice, IDisposable
{
    private const ulong SegmentLimit = 1ul << 2;
    private const ulong ReadOnlyDisk = 1ul << 5;
    private const ulong FlushSupported = 1ul << 9;
    private const ulong MultipleQueues = 1ul << 12;
    private const ulong DiscardSupported = 1ul << 13;
    private const ulong ZeroesSupported = 1ul << 14;

    private const uint In = 0;
    private const uint Out = 1;
    private const uint Flush = 4;
    private const uint GetId = 8;
    private const uint Discard = 11;
    private const uint WriteZeroes = 13;

    private const byte Ok = 0;
    private const byte Failed = 1;
    private const byte Unsupported = 2;

    private const int HeaderLength = 16;
    private const int RangeLength = 16;
    private const int MaximumRanges = 32;
    private const uint MaximumRangeSectors = 1 << 22;
    private const int SegmentMaximum = 126;
    private const int PendingLimit = 1024;
    private const int ConfigurationLength = 60;

    private readonly DiskImage _disk;
    private readonly string _serial;
    private readonly byte[] _configuration = new byte[ConfigurationLength];
    private readonly TransferPiece[][] _pieces;
    private readonly BlockingCollection<Action>? _slow;
    private readonly Thread? _thread;

    /// <param name="disk">Its contents; the device does not dispose of it.</param>
    /// <param name="serial">What the guest reads as the disk's id; 20 bytes at most.</param>
    /// <param name="queues">Queues, best one for each processor.</param>
    /// <param name="memory">The machine's.</param>
    /// <param name="bus">Takes its interrupts.</param>
    /// <param name="isInline">Nothing runs on a thread of its own.</param>
    public VirtioBlock(DiskImage disk, string serial, int queues, PhysicalMemory memory, ApicBus bus, bool isInline)
        : base(2, 0x010000, memory, bus, QueueSizes(queues))
    {
        _disk = disk;
        _serial = serial;
        _pieces = new TransferPiece[queues][];
        for (int i = 0; i < queues; i++)
        {
            _pieces[i] = new TransferPiece[VirtChain.MaximumBuffers];
        }

        Describe(queues);
        if (!isInline)
        {
            _slow = [];
            _thread = new Thread(ServeSlow, 256 * 1024) { IsBackground = true, Name = $"disk {serial}" };
            _thread.Start();
        }
    }

    protected override ulong DeviceFeatures =>
        SegmentLimit | FlushSupported | MultipleQueues | (_disk.IsReadOnly ? ReadOnlyDisk : DiscardSupported | ZeroesSupported);

    public void Dispose()
    {
        _slow?.CompleteAdding();
        _thread?.Join();
        _slow?.Dispose();
    }

    /// <summary>What the disk's thread has been given is finished first: requests are in the guest's rings or answered there.</summary>
    public override void Save(StateWriter writer)
    {
        if (_slow != null)
        {
            using var isDone = new ManualResetEventSlim();
            _slow.Add(isDone.Set);
            isDone.Wait();
        }

        base.Save(writer);
    }

    protected override ReadOnlySpan<byte> DeviceConfiguration => _configuration;

    protected override void Serve(int index, VirtQueue queue)
    {
        Span<byte> header = stackalloc byte[HeaderLength];
        while (queue.TryPop())
        {
            VirtChain chain = queue.Chain;
            if (chain.WritableLength == 0)
            {
                // Nowhere to put the status: nothing can be said.
                queue.Push(chain.Head, 0);
                continue;
            }

            header.Clear();
            bool isWhole = chain.Read(0, header) == HeaderLength;
            uint type = BinaryPrimitives.ReadUInt32LittleEndian(header);
            ulong sector = BinaryPrimitives.ReadUInt64LittleEndian(header[8..]);
            if (isWhole && type is Flush or Discard or WriteZeroes)
            {
                ServeElsewhere(index, queue, chain, type);
                continue;
            }

            uint written = 0;
            byte status = !isWhole ? Failed : type switch
            {
                In => Transfer(chain, index, sector, false, out written),
                Out => Transfer(chain, index, sector, true, out written),
                GetId => WriteId(chain, out written),
                _ => Unsupported,
            };
            Finish(queue, chain, status, written);
        }
    }

    private static ushort[] QueueSizes(int queues)
    {
        ushort[] sizes = new ushort[queues];
        Array.Fill(sizes, (ushort)256);
        return sizes;
    }

    private static void Finish(VirtQueue queue, VirtChain chain, byte status, uint written)
    {
        // The status is the last byte of the writable part.
        _ = chain.Write(chain.WritableLength - 1, [status]);
        queue.Push(chain.Head, written + 1);
    }

    private void Describe(int queues)
    {
        Span<byte> c = _configuration;
        BinaryPrimitives.WriteUInt64LittleEndian(c, (ulong)_disk.Length / DiskImage.SectorSize);
        BinaryPrimitives.WriteUInt32LittleEndian(c[12..], SegmentMaximum);
        BinaryPrimitives.WriteUInt32LittleEndian(c[20..], DiskImage.SectorSize);
        BinaryPrimitives.WriteUInt16LittleEndian(c[34..], (ushort)queues);
        BinaryPrimitives.WriteUInt32LittleEndian(c[36..], MaximumRangeSectors);
        BinaryPrimitives.WriteUInt32LittleEndian(c[40..], MaximumRanges);
        BinaryPrimitives.WriteUInt32LittleEndian(c[44..], 1);
        BinaryPrimitives.WriteUInt32LittleEndian(c[48..], MaximumRangeSectors);
        BinaryPrimitives.WriteUInt32LittleEndian(c[52..], MaximumRanges);
        c[56] = 1;
    }

    private byte Transfer(VirtChain chain, int index, ulong sector, bool writes, out uint written)
    {
        written = 0;
        ulong length = writes ? chain.ReadableLength - HeaderLength : chain.WritableLength - 1;
        if (length % DiskImage.SectorSize != 0 || sector > ulong.MaxValue / DiskImage.SectorSize || !_disk.Contains(sector * DiskImage.SectorSize, length))
        {
            return Failed;
        }

        Span<TransferPiece> pieces = Collect(writes ? chain.Readable : chain.Writable, writes ? (ulong)HeaderLength : 0, length, _pieces[index]);
        if (writes)
        {
            return _disk.Write((long)sector * DiskImage.SectorSize, pieces) ? Ok : Failed;
        }

        bool isRead = _disk.Read((long)sector * DiskImage.SectorSize, pieces);
        chain.InvalidateWritable();
        if (!isRead)
        {
            return Failed;
        }

        written = (uint)Math.Min(length, uint.MaxValue - 1);
        return Ok;
    }

    /// <summary>The part of the buffers that is data: without the header before and the status behind.</summary>
    private static Span<TransferPiece> Collect(ReadOnlySpan<VirtBuffer> buffers, ulong skip, ulong length, TransferPiece[] pieces)
    {
        int count = 0;
        foreach (ref readonly VirtBuffer buffer in buffers)
        {
            ulong from = Math.Min(skip, buffer.Length);
            skip -= from;
            ulong part = Math.Min(buffer.Length - from, length);
            length -= part;
            if (part != 0)
            {
                pieces[count++] = new TransferPiece(buffer.Host + from, (nuint)part);
            }
        }

        return pieces.AsSpan(0, count);
    }

    private byte WriteId(VirtChain chain, out uint written)
    {
        Span<byte> id = stackalloc byte[20];
        id.Clear();
        _ = Encoding.ASCII.GetBytes(_serial.AsSpan(0, Math.Min(_serial.Length, id.Length)), id);
        written = (uint)Math.Min(chain.WritableLength - 1, (ulong)id.Length);
        _ = chain.Write(0, id[..(int)written]);
        return Ok;
    }

    /// <summary>Hands over what waits for the medium. The chain's last byte is noted, since the chain itself is reused.</summary>
    private void ServeElsewhere(int index, VirtQueue queue, VirtChain chain, uint type)
    {
        byte[] ranges = [];
        if (type != Flush)
        {
            ulong length = chain.ReadableLength - HeaderLength;
            if (length % RangeLength != 0 || length > MaximumRanges * RangeLength || _disk.IsReadOnly)
            {
                Finish(queue, chain, _disk.IsReadOnly ? Unsupported : Failed, 0);
                return;
            }

            ranges = new byte[length];
            _ = chain.Read(HeaderLength, ranges);
        }

        // A driver that never waits for answers is served at its own cost.
        if (_slow == null || _slow.Count >= PendingLimit)
        {
            Finish(queue, chain, Run(type, ranges), 0);
            return;
        }

        VirtBuffer last = chain.Writable[^1];
        ulong statusAddress = last.Address + last.Length - 1;
        if (last.Length == 0)
        {
            Finish(queue, chain, Run(type, ranges), 0);
            return;
        }

        var pending = new PendingChain(index, chain.Head, queue.Generation);
        _slow.Add(() => Complete(pending, 1, statusAddress, [Run(type, ranges)]));
    }

    private byte Run(uint type, byte[] ranges)
    {
        if (type == Flush)
        {
            return _disk.Flush() ? Ok : Failed;
        }

        for (int at = 0; at < ranges.Length; at += RangeLength)
        {
            ulong sector = BinaryPrimitives.ReadUInt64LittleEndian(ranges.AsSpan(at));
            uint sectors = BinaryPrimitives.ReadUInt32LittleEndian(ranges.AsSpan(at + 8));
            uint flags = BinaryPrimitives.ReadUInt32LittleEndian(ranges.AsSpan(at + 12));
            ulong limit = (ulong)_disk.Length / DiskImage.SectorSize;
            if ((flags & ~1u) != 0 || (type == Discard && flags != 0))
            {
                return Unsupported;
            }

            if (sectors > MaximumRangeSectors || sector > limit || sectors > limit - sector)
            {
                return Failed;
            }

            long offset = (long)sector * DiskImage.SectorSize;
            long length = (long)sectors * DiskImage.SectorSize;
            bool done = length == 0 || (type == Discard ? _disk.Discard(offset, length) : _disk.WriteZeroes(offset, length, (flags & 1) != 0));
            if (!done)
            {
                return Failed;
            }
        }

        return Ok;
    }

    private void ServeSlow()
    {
        foreach (Action request in _slow!.GetConsumingEnumerable())
        {
            request();
        }
    }
}
