using Jitvmm.Runtime.Memory;

namespace Jitvmm.Runtime.Paravirt.Xen;

/// <summary>HYPERVISOR_grant_table_op (xen/include/public/grant_table.h), version 1. Domain 0 grants nothing, so that there is nothing to map.</summary>
internal static class XenGrantCalls
{
    // GNTST.
    private const int Okay = 0;
    private const int GeneralError = -1;
    private const int BadDomain = -2;
    private const int BadReference = -3;
    private const int BadPage = -9;
    private const int BadCopyArgument = -10;

    private const uint Version = 1;

    // GNTCOPY.
    private const ushort SourceIsReference = 1;
    private const ushort TargetIsReference = 2;

    /// <summary>Structures in one call.</summary>
    private const ulong MostAtOnce = 65536;

    private static readonly Row[] s_rows =
    [
        new(2, 24, 16, SetUpTable),
        new(5, 40, 24, Copy),
        new(6, 16, 16, QuerySize),
        new(8, 4, 4, SetVersion),
        new(10, 8, 8, GetVersion),
    ];

    /// <summary>A result other than 0 ends the call.</summary>
    private delegate long Body(in XenCall call, ref XenRecord record);

    /// <summary>The command, an array of structures, and how many.</summary>
    public static long Perform(in XenCall call)
    {
        uint number = (uint)call.First;
        Row? row = Array.Find(s_rows, row => row.Number == number);
        ulong count = (uint)call.Third;
        if (row == null || count > MostAtOnce)
        {
            return row == null ? XenError.NotImplemented : XenError.TooBig;
        }

        ulong length = (ulong)(call.Is64Bit ? row.Length64 : row.Length32);
        for (ulong i = 0; i < count; i++)
        {
            var record = new XenRecord(call, call.Second + (i * length));
            long result = row.Body(call, ref record);
            if (result != 0 || record.IsFaulty)
            {
                return result != 0 ? result : XenError.Fault;
            }
        }

        return 0;
    }

    /// <summary>2. Domain, pages the table is to have, status; a list for their frames.</summary>
    private static long SetUpTable(in XenCall call, ref XenRecord record)
    {
        ushort own = record.Read16();
        uint count = record.Read32();
        XenRecord status = record;
        _ = record.Read16();
        ulong list = record.ReadWord();
        if (record.IsFaulty)
        {
            return XenError.Fault;
        }

        bool fits = XenDomain.IsOwn(own) && call.Domain.Grants.TryGrow(count);
        var frames = new XenRecord(call, list);
        for (ulong i = 0; fits && i < count; i++)
        {
            // A page that is nowhere has no frame's number (INVALID_GFN).
            frames.WriteWord(call.Domain.Grants.FrameAt(i)?.Address is { } address ? address >> GuestPages.PageShift : ulong.MaxValue);
        }

        status.Write16(fits && !frames.IsFaulty ? Okay : XenDomain.IsOwn(own) ? GeneralError : BadDomain);
        return status.IsFaulty ? XenError.Fault : 0;
    }

    /// <summary>6. Domain; pages the table has, and can have; status.</summary>
    private static long QuerySize(in XenCall call, ref XenRecord record)
    {
        bool isOwn = XenDomain.IsOwn(record.Read16());
        record.Write32(isOwn ? (uint)call.Domain.Grants.Count : 0);
        record.Write32(isOwn ? (uint)XenGrantTable.MaximumFrames : 0);
        record.Write16(isOwn ? Okay : BadDomain);
        return 0;
    }

    /// <summary>8. The version.</summary>
    private static long SetVersion(in XenCall call, ref XenRecord record)
    {
        uint version = record.Read32();
        if (record.IsFaulty || version == Version)
        {
            return 0;
        }

        return version == Version + 1 ? XenError.NotImplemented : XenError.Invalid;
    }

    /// <summary>10. Domain; the version.</summary>
    private static long GetVersion(in XenCall call, ref XenRecord record)
    {
        if (!XenDomain.IsOwn(record.Read16()))
        {
            return record.IsFaulty ? 0 : XenError.NoProcess;
        }

        _ = record.Read16();
        record.Write32(Version);
        return 0;
    }

    /// <summary>5. From where and to where, each a reference or a frame, a domain and an offset; length, flags, status.</summary>
    private static long Copy(in XenCall call, ref XenRecord record)
    {
        var source = new Place(ref record);
        var target = new Place(ref record);
        int length = record.Read16();
        ushort flags = record.Read16();
        if (record.IsFaulty)
        {
            return XenError.Fault;
        }

        int status = source.Offset + length > (int)GuestPages.PageSize || target.Offset + length > (int)GuestPages.PageSize
            ? BadCopyArgument
            : Copy(call, source, (flags & SourceIsReference) != 0, target, (flags & TargetIsReference) != 0, length);
        record.Write16(status);
        return 0;
    }

    private static int Copy(in XenCall call, in Place source, bool isSourceReference, in Place target, bool isTargetReference, int length)
    {
        int status = source.Take(call, isSourceReference, false, out ulong from);
        if (status != Okay)
        {
            return status;
        }

        status = target.Take(call, isTargetReference, true, out ulong to);
        if (status == Okay)
        {
            Span<byte> bytes = stackalloc byte[(int)GuestPages.PageSize];
            PhysicalMemory memory = call.Cpu.Memory;
            bool isCopied = memory.Read(from + source.Offset, bytes[..length]) && memory.Write(to + target.Offset, bytes[..length]);
            status = isCopied ? Okay : BadPage;
            target.Return(call, isTargetReference, true);
        }

        source.Return(call, isSourceReference, false);
        return status;
    }

    /// <summary>One end of a copy: a structure in the structure.</summary>
    private readonly struct Place
    {
        private readonly ulong _frame;
        private readonly ushort _domain;

        public Place(ref XenRecord record)
        {
            _frame = record.ReadWord();
            _domain = record.Read16();
            Offset = record.Read16();
            record.EndInner();
        }

        public ushort Offset { get; }

        public int Take(in XenCall call, bool isReference, bool forWriting, out ulong physical)
        {
            physical = 0;
            if (!XenDomain.IsOwn(_domain))
            {
                return _domain == XenDomain.BackEndId ? BadReference : BadDomain;
            }

            if (isReference)
            {
                return call.Domain.Grants.TryMap((uint)_frame, XenDomain.Id, forWriting, out physical) ? Okay : BadReference;
            }

            bool isFrame = _frame <= XenMemoryCalls.LastFrame;
            physical = isFrame ? _frame << GuestPages.PageShift : 0;
            return isFrame ? Okay : BadPage;
        }

        public void Return(in XenCall call, bool isReference, bool wasWriting)
        {
            if (isReference)
            {
                call.Domain.Grants.End((uint)_frame, wasWriting);
            }
        }
    }

    private sealed record Row(uint Number, int Length64, int Length32, Body Body);
}
