using System.Collections.Concurrent;
using System.Globalization;
using Jitvmm.Devices.Disks;
using Jitvmm.Runtime.Paravirt.Xen;

namespace Jitvmm.Devices.Xen;

/// <summary>A disk for a Xen guest's blkfront (xen/include/public/io/blkif.h): /dev/xvda and on in Linux.</summary>
public sealed class XenBlock : XenBackend
{
    private const int Major = 202;
    private const int DisksOfMajor = 16;
    private const int MaximumPageOrder = 4;
    private const int ReadOnlyFlag = 4;

    private readonly DiskImage _disk;
    private readonly int _maximumQueues;
    private readonly List<BlockQueue> _queues = [];
    private readonly BlockingCollection<Action>? _slow;
    private readonly Thread? _thread;

    /// <param name="disk">Its contents; the device does not dispose of it.</param>
    /// <param name="index">0 for the first of the guest's disks.</param>
    /// <param name="queues">Rings at most, best one for each processor.</param>
    /// <param name="domain">The guest's.</param>
    /// <param name="store">Where the two halves meet.</param>
    /// <param name="isInline">Nothing runs on a thread of its own.</param>
    public XenBlock(DiskImage disk, int index, int queues, IXenDomain domain, XenStore store, bool isInline)
        : base(domain, store, "vbd", NumberOf(index))
    {
        _disk = disk;
        _maximumQueues = queues;
        Say("params", "disk");
        Say("type", "file");
        Say("mode", disk.IsReadOnly ? "r" : "w");
        Say("device-type", "disk");
        Say("removable", 0);
        Say("bootable", index == 0 ? 1 : 0);
        Say("feature-flush-cache", 1);
        Say("feature-barrier", 1);
        Say("feature-persistent", 0);
        Say("feature-max-indirect-segments", BlockTransfer.MaximumSegments);
        Say("max-ring-page-order", MaximumPageOrder);
        Say("max-ring-pages", 1 << MaximumPageOrder);
        Say("multi-queue-max-queues", queues);
        if (!disk.IsReadOnly)
        {
            Say("feature-discard", 1);
            Say("discard-granularity", DiskImage.SectorSize);
            Say("discard-alignment", 0);
            Say("discard-secure", 0);
        }

        Say("sectors", disk.Length / DiskImage.SectorSize);
        Say("sector-size", DiskImage.SectorSize);
        Say("physical-sector-size", DiskImage.SectorSize);
        Say("info", disk.IsReadOnly ? ReadOnlyFlag : 0);
        Offer("virtual-device", NumberOf(index).ToString(CultureInfo.InvariantCulture));
        Offer("device-type", "disk");
        if (!isInline)
        {
            _slow = [];
            _thread = new Thread(ServeSlow, 256 * 1024) { IsBackground = true, Name = $"xen disk {index}" };
            _thread.Start();
        }

        Begin();
    }

    protected override bool TryConnect()
    {
        uint queues = AskNumber("multi-queue-num-queues") ?? 1;
        uint order = AskNumber("ring-page-order") ?? 0;
        if (BlockLayout.Named(Ask("protocol")) is not { } layout || queues == 0 || queues > (uint)_maximumQueues || order > MaximumPageOrder)
        {
            return false;
        }

        for (int i = 0; i < queues; i++)
        {
            string folder = queues == 1 ? "" : string.Create(CultureInfo.InvariantCulture, $"queue-{i}/");
            if (!TryConnect(layout, folder, order))
            {
                Disconnect();
                return false;
            }
        }

        return true;
    }

    protected override void Disconnect()
    {
        foreach (BlockQueue queue in _queues)
        {
            queue.End();
        }

        _queues.Clear();
    }

    protected override void Quiesce()
    {
        if (_slow != null)
        {
            using var isDone = new ManualResetEventSlim();
            _slow.Add(isDone.Set);
            isDone.Wait();
        }
    }

    protected override void Dispose(bool disposing)
    {
        base.Dispose(disposing);
        _slow?.CompleteAdding();
        _thread?.Join();
        _slow?.Dispose();
    }

    /// <summary>A disk's number as a device of Linux's (docs/man/xen-vbd-interface.7.pandoc).</summary>
    private static int NumberOf(int index) => index < DisksOfMajor ? (Major << 8) | (index << 4) : (1 << 28) | (index << 8);

    private bool TryConnect(BlockLayout layout, string folder, uint order)
    {
        uint[] references = new uint[1 << (int)order];
        for (int i = 0; i < references.Length; i++)
        {
            string name = order == 0 ? "ring-ref" : string.Create(CultureInfo.InvariantCulture, $"ring-ref{i}");
            if (AskNumber(folder + name) is not { } reference)
            {
                return false;
            }

            references[i] = reference;
        }

        if (AskNumber(folder + "event-channel") is not { } port || SharedRing.Map(Domain, references, layout.SlotLength) is not { } ring)
        {
            return false;
        }

        var queue = new BlockQueue(Domain, _disk, layout, ring, RunSlowly);
        _queues.Add(queue);
        return queue.TryStart(Domain, port);
    }

    private void RunSlowly(Action work)
    {
        // Each is the answer to a request in a ring, which bounds them. A disk that goes away answers no more.
        if (_slow == null)
        {
            work();
        }
        else if (!_slow.IsAddingCompleted)
        {
            _slow.Add(work);
        }
    }

    private void ServeSlow()
    {
        foreach (Action work in _slow!.GetConsumingEnumerable())
        {
            work();
        }
    }
}
