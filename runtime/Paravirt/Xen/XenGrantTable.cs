using Jitvmm.Runtime.Memory;

namespace Jitvmm.Runtime.Paravirt.Xen;

/// <summary>
/// Frames that the guest grants others, version 1 (xen/include/public/grant_table.h): entries of flags, domain and frame in pages that the guest places. Any thread; the domain's lock
/// is taken here. The guest may change an entry at any time; Xen says in it what is in use.
/// </summary>
internal sealed unsafe class XenGrantTable
{
    /// <summary>Pages of the table at most.</summary>
    public const int MaximumFrames = 32;

    /// <summary>Words of saved state.</summary>
    public const int StateLength = 1 + (MaximumFrames * (1 + XenPage.Words));

    private const int EntryLength = 8;
    private const uint EntriesInFrame = (uint)GuestPages.PageSize / EntryLength;

    private const uint TypeMask = 3;
    private const uint PermitAccess = 1;
    private const uint ReadOnly = 1 << 2;
    private const uint Reading = 1 << 3;
    private const uint Writing = 1 << 4;
    private const int DomainShift = 16;

    private readonly XenDomain _domain;
    private readonly XenPage[] _frames = new XenPage[MaximumFrames];
    private readonly Dictionary<uint, (int Readers, int Writers)> _inUse = [];

    public XenGrantTable(XenDomain domain)
    {
        _domain = domain;
        for (int i = 0; i < MaximumFrames; i++)
        {
            _frames[i] = new XenPage(domain.Memory);
        }
    }

    /// <summary>Pages the table has. It starts with one.</summary>
    public int Count { get; private set; } = 1;

    /// <summary>Makes it that long, or leaves it longer. False: too long.</summary>
    public bool TryGrow(uint count)
    {
        lock (_domain.Gate)
        {
            bool fits = count <= MaximumFrames;
            Count = fits ? Math.Max(Count, (int)count) : Count;
            return fits;
        }
    }

    /// <summary>A page of the table; null when it cannot be that long.</summary>
    public XenPage? FrameAt(ulong index) => index < MaximumFrames && TryGrow((uint)index + 1) ? _frames[index] : null;

    /// <summary>The page that is at an address.</summary>
    public XenPage? FindPlaced(ulong address) => Array.Find(_frames, frame => frame.Address == address);

    /// <summary>Takes a frame that is granted to a domain, and marks it in use. False: it is not, or it is no RAM.</summary>
    public bool TryMap(uint reference, ushort domain, bool forWriting, out ulong physical)
    {
        physical = 0;
        lock (_domain.Gate)
        {
            if (!TryFindEntry(reference, out uint* entry) || !TryMark(entry, domain, forWriting))
            {
                return false;
            }

            (int readers, int writers) = _inUse.GetValueOrDefault(reference);
            _inUse[reference] = forWriting ? (readers, writers + 1) : (readers + 1, writers);
            physical = (ulong)entry[1] << GuestPages.PageShift;
            if (_domain.Memory.Allows(physical, GuestPages.PageSize, PageAccess.Read | PageAccess.Write))
            {
                return true;
            }

            End(reference, forWriting);
            return false;
        }
    }

    /// <summary>Gives a frame back.</summary>
    public void End(uint reference, bool wasWriting)
    {
        lock (_domain.Gate)
        {
            if (!_inUse.TryGetValue(reference, out (int Readers, int Writers) users) || !TryFindEntry(reference, out uint* entry))
            {
                return;
            }

            users = wasWriting ? (users.Readers, Math.Max(users.Writers - 1, 0)) : (Math.Max(users.Readers - 1, 0), users.Writers);
            _inUse[reference] = users;
            uint ended = users.Writers == 0 ? Writing : 0;
            if (users is (0, 0))
            {
                ended |= Reading;
                _ = _inUse.Remove(reference);
            }

            _ = Interlocked.And(ref *entry, ~ended);
            _frames[reference / EntriesInFrame].Written();
        }
    }

    public void Save(Span<ulong> words)
    {
        words[0] = (ulong)Count;
        for (int i = 0; i < MaximumFrames; i++)
        {
            _frames[i].Save(words[(1 + (i * (1 + XenPage.Words)))..]);
        }
    }

    /// <summary>False: it is no table of this machine's. What back ends use they are to take anew.</summary>
    public bool TryRestore(ReadOnlySpan<ulong> words, XenExtraPages extra)
    {
        bool isRestored = words[0] is >= 1 and <= MaximumFrames;
        Count = isRestored ? (int)words[0] : 1;
        _inUse.Clear();
        for (int i = 0; isRestored && i < MaximumFrames; i++)
        {
            isRestored = _frames[i].TryRestore(words[(1 + (i * (1 + XenPage.Words)))..], extra);
        }

        return isRestored;
    }

    private bool TryFindEntry(uint reference, out uint* entry)
    {
        uint frame = reference / EntriesInFrame;
        bool isInTable = frame < (uint)Count;
        entry = isInTable ? (uint*)(_frames[frame].Bytes + (reference % EntriesInFrame * EntryLength)) : null;
        return isInTable;
    }

    private static bool TryMark(uint* entry, ushort domain, bool forWriting)
    {
        uint marks = Reading | (forWriting ? Writing : 0);
        while (true)
        {
            uint before = Volatile.Read(ref *entry);
            bool isGranted = (before & TypeMask) == PermitAccess && before >> DomainShift == domain && !(forWriting && (before & ReadOnly) != 0);
            if (!isGranted)
            {
                return false;
            }

            if (Interlocked.CompareExchange(ref *entry, before | marks, before) == before)
            {
                return true;
            }
        }
    }
}
