using Jitvmm.Runtime.Memory;

namespace Jitvmm.Runtime.Paravirt.Xen;

/// <summary>
/// HYPERVISOR_memory_op (xen/include/public/memory.h): where the guest sees pages of Xen's, and what memory it has. That is fixed: what a guest gives back stays its own, and what it
/// asks for it has or does not get.
/// </summary>
internal static class XenMemoryCalls
{
    public const int FrameShift = GuestPages.PageShift;

    public const ulong LastFrame = (PhysicalMemory.Limit >> FrameShift) - 1;

    /// <summary>The upper bits of the command: at which extent to go on.</summary>
    private const int CommandBits = 6;

    private const ushort SharedInfoSpace = 0;
    private const ushort GrantTableSpace = 1;

    /// <summary>Of an index in the grant table: a page of version 2.</summary>
    private const ulong StatusFrame = 0x80000000;

    /// <summary>What is done of a list at once.</summary>
    private const ulong MostExtents = 65536;

    private const uint LargestOrder = 18;
    private const uint UsableRange = 1;

    private static readonly XenCommand[] s_commands =
    [
        new(0, XenFeatures.None, static (in XenCall call) => ForExtents(call, static (_, _, _) => false)),
        new(1, XenFeatures.None, static (in XenCall call) => ForExtents(call, IsRam)),
        new(2, XenFeatures.None, static (in XenCall call) => (long)TopFrame(call)),
        new(3, XenFeatures.None, Reservation),
        new(4, XenFeatures.None, Reservation),
        new(6, XenFeatures.None, static (in XenCall call) => ForExtents(call, IsRam)),
        new(7, XenFeatures.None, AddToPhysmap),
        new(9, XenFeatures.None, WriteMap),
        new(14, XenFeatures.None, static (in XenCall call) => (long)TopFrame(call)),
        new(15, XenFeatures.None, RemoveFromPhysmap),
        new(23, XenFeatures.None, AddBatch),
    ];

    public static long Perform(in XenCall call) => XenCommand.Perform(s_commands, (uint)call.First & ((1u << CommandBits) - 1), call);

    /// <summary>0, 1 and 6: a list of extents, how many, their order and domain. The result is how many of them were done.</summary>
    private static long ForExtents(in XenCall call, Func<XenCall, ulong, ulong, bool> body)
    {
        var record = new XenRecord(call, call.Second);
        ulong list = record.ReadWord();
        ulong count = record.ReadWord();
        uint order = record.Read32();
        _ = record.Read32();
        ushort own = record.Read16();
        if (record.IsFaulty)
        {
            return XenError.Fault;
        }

        if (!XenDomain.IsOwn(own))
        {
            return XenError.NoProcess;
        }

        ulong done = (uint)call.First >> CommandBits;
        if (order > LargestOrder || done > count)
        {
            return order > LargestOrder ? XenError.NotPermitted : XenError.Invalid;
        }

        count = Math.Min(count, done + MostExtents);
        while (done < count && call.TryReadWord(list, done, out ulong frame) && body(call, frame, 1ul << (int)order))
        {
            done++;
        }

        return (long)done;
    }

    private static bool IsRam(XenCall call, ulong frame, ulong count) =>
        frame <= LastFrame && call.Cpu.Memory.Allows(frame << FrameShift, count << FrameShift, PageAccess.Read | PageAccess.Write);

    /// <summary>3 and 4. A domain: its pages.</summary>
    private static long Reservation(in XenCall call)
    {
        var record = new XenRecord(call, call.Second);
        ushort own = record.Read16();
        if (record.IsFaulty)
        {
            return XenError.Fault;
        }

        return XenDomain.IsOwn(own) ? (long)(call.Cpu.Memory.RamSize >> FrameShift) : XenError.NoProcess;
    }

    /// <summary>7. Domain, a length that only ranges have, the space, an index in it, and the frame to be seen at.</summary>
    private static long AddToPhysmap(in XenCall call)
    {
        var record = new XenRecord(call, call.Second);
        ushort own = record.Read16();
        _ = record.Read16();
        uint space = record.Read32();
        ulong index = record.ReadWord();
        ulong frame = record.ReadWord();
        if (record.IsFaulty)
        {
            return XenError.Fault;
        }

        return XenDomain.IsOwn(own) ? Place(call, space, index, frame) : XenError.NoProcess;
    }

    /// <summary>23. Domain, space, how many; lists of indices, frames and, for the answers, errors.</summary>
    private static long AddBatch(in XenCall call)
    {
        var record = new XenRecord(call, call.Second);
        ushort own = record.Read16();
        uint space = record.Read16();
        uint count = record.Read16();
        _ = record.Read16();
        ulong indices = record.ReadWord();
        ulong frames = record.ReadWord();
        ulong errors = record.ReadWord();
        if (record.IsFaulty || !XenDomain.IsOwn(own))
        {
            return record.IsFaulty ? XenError.Fault : XenError.NoProcess;
        }

        for (uint i = 0; i < count; i++)
        {
            if (!call.TryReadWord(indices, i, out ulong index) || !call.TryReadWord(frames, i, out ulong frame))
            {
                return XenError.Fault;
            }

            var error = new XenRecord(call, errors + (i * sizeof(int)));
            error.Write32((uint)Place(call, space, index, frame));
            if (error.IsFaulty)
            {
                return XenError.Fault;
            }
        }

        return 0;
    }

    private static long Place(in XenCall call, uint space, ulong index, ulong frame)
    {
        bool isGrant = space == GrantTableSpace && (call.Domain.Features & XenFeatures.Grants) != 0;
        XenPage? page = space switch
        {
            SharedInfoSpace when index == 0 => call.Domain.Shared.Page,
            GrantTableSpace when isGrant && (index & StatusFrame) == 0 => call.Domain.Grants.FrameAt(index),
            _ => null,
        };
        if (page == null)
        {
            return space is SharedInfoSpace || isGrant ? XenError.Invalid : XenError.NotImplemented;
        }

        if (frame > LastFrame)
        {
            return XenError.Invalid;
        }

        return call.Domain.TryPlace(page, frame << FrameShift) ? 0 : XenError.NoMemory;
    }

    /// <summary>15. Domain and frame. Memory of the guest's own stays.</summary>
    private static long RemoveFromPhysmap(in XenCall call)
    {
        var record = new XenRecord(call, call.Second);
        ushort own = record.Read16();
        ulong frame = record.ReadWord();
        if (record.IsFaulty || !XenDomain.IsOwn(own))
        {
            return record.IsFaulty ? XenError.Fault : XenError.NoProcess;
        }

        return frame <= LastFrame && (call.Domain.TryRemove(frame << FrameShift) || IsRam(call, frame, 1)) ? 0 : XenError.NoEntry;
    }

    /// <summary>9. Room for how many entries, and where; entries are address, length and type, without padding.</summary>
    private static long WriteMap(in XenCall call)
    {
        const int EntryLength = 20;
        var record = new XenRecord(call, call.Second);
        uint room = record.Read32();
        ulong buffer = record.ReadWord();
        if (record.IsFaulty)
        {
            return XenError.Fault;
        }

        IReadOnlyList<(ulong Address, ulong Length, uint Type)> ranges = call.Cpu.Machine.MemoryRanges;
        uint count = Math.Min(room, (uint)ranges.Count);
        Span<byte> entry = stackalloc byte[EntryLength];
        for (int i = 0; i < (int)count; i++)
        {
            BitConverter.TryWriteBytes(entry, ranges[i].Address);
            BitConverter.TryWriteBytes(entry[sizeof(ulong)..], ranges[i].Length);
            BitConverter.TryWriteBytes(entry[(2 * sizeof(ulong))..], ranges[i].Type);
            if (!call.TryWrite(buffer + (ulong)(i * EntryLength), entry))
            {
                return XenError.Fault;
            }
        }

        var answer = new XenRecord(call, call.Second);
        answer.Write32(count);
        return answer.IsFaulty ? XenError.Fault : 0;
    }

    /// <summary>2 and 14. The last frame of RAM.</summary>
    private static ulong TopFrame(in XenCall call)
    {
        ulong top = 0;
        foreach ((ulong address, ulong length, uint type) in call.Cpu.Machine.MemoryRanges)
        {
            top = type == UsableRange ? Math.Max(top, address + length) : top;
        }

        return top == 0 ? 0 : (top - 1) >> FrameShift;
    }
}
