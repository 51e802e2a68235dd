using System.Globalization;
using Jitvmm.Runtime.Callouts;
using Jitvmm.Runtime.Cpu;
using Jitvmm.Runtime.Execution;
using Jitvmm.Runtime.Memory;
using Jitvmm.Tests.Runtime.Callouts;
using Xunit.Abstractions;

namespace Jitvmm.Tests.Runtime.Paging;

/// <summary>
/// The soft TLB while tables, identifiers and control registers change at random: an access sees the translation that the tables give now, or one they gave since that
/// page was last invalidated (SDM vol. 3A, 4.10), and nothing else.
/// </summary>
/// <remarks>Frames hold their own addresses, so that a read tells where it went, and a write is found where it may have gone.</remarks>
public sealed unsafe class CachedTranslationTests(ITestOutputHelper output) : IDisposable
{
    private const ulong Tables = 0x100000;
    private const ulong Frames = 0x200000;
    private const ulong FramesEnd = 0x400000;
    private const int Spaces = 3;
    private const ulong KeepEntries = 1ul << 63;
    private const uint GlobalSpace = uint.MaxValue;

    private static readonly int s_operations =
        8_000 * (int.TryParse(Environment.GetEnvironmentVariable("JITVMM_FUZZ"), NumberStyles.Integer, CultureInfo.InvariantCulture, out int factor) ? factor : 1);

    /// <summary>Pages that share indices in the TLB's tables, in both halves of the address space.</summary>
    private static readonly ulong[] s_pages =
    [
        .. from top in (ulong[])[0, 256]
           from pointer in (ulong[])[0, 1]
           from page in (ulong[])[0, 1, 5, 511]
           select (ulong)((long)((top << 39 | pointer << 30 | 1ul << 21 | page << 12) << 16) >> 16),
    ];

    private readonly TestMachine _machine = new();

    /// <summary>Physical pages that an access may be cached to go to: by identifier (or global), page, kind of access.</summary>
    private readonly Dictionary<(uint Space, ulong Page, int Kind), HashSet<(ulong Physical, ulong Size)>> _cached = [];
    private Random _random = new();

    /// <summary>The privilege of accesses; changes are made by the supervisor.</summary>
    private int _cpl;

    private CpuState* Cpu => _machine.Cpu;

    private bool HasContexts => (Cpu->System.Cr4 & Cr4.ProcessContext) != 0;

    private uint Space => HasContexts ? (uint)(Cpu->System.Cr3 & 0xfff) : 0;

    public void Dispose() => _machine.Dispose();

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    public void A_translation_is_stale_only_where_it_may_be(int seed)
    {
        output.WriteLine($"seed {seed}, {s_operations} operations");
        _random = new Random(seed);
        Prepare();
        int stale = 0;
        for (int i = 0; i < s_operations; i++)
        {
            string what = $"seed {seed}, operation {i}";
            if (_random.Next(2) == 0)
            {
                stale += Access(what) ? 1 : 0;
            }
            else
            {
                AsSupervisor(Change);
                Remember();
            }
        }

        // Otherwise nothing was cached, and nothing shown.
        Assert.True(stale > 0, $"{stale} stale translations");
    }

    private void Prepare()
    {
        _machine.EnterLongMode();
        for (ulong at = Frames; at < FramesEnd; at += 8)
        {
            _machine.Write(at, at);
        }

        for (int i = 0; i < 400; i++)
        {
            ChangeTables();
        }

        ControlRegisters.Write(Cpu, 3, Root(0), 0);
        ControlRegisters.Write(Cpu, 4, Cpu->System.Cr4 | Cr4.ProcessContext, 0);
        Remember();
    }

    /// <summary>Each space has eleven tables: one at the top, then two, four and four of the levels below.</summary>
    private static ulong Root(int space) => Tables + (ulong)space * 0x10000;

    private static ulong Table(int space, int level, int number) => Root(space) + 0x1000 * (ulong)(level switch { 3 => 1, 2 => 3, _ => 7 } + number);

    private void Change()
    {
        switch (_random.Next(80))
        {
            case <= 59:
                ChangeTables();
                break;
            case <= 66:
                ulong page = Page();
                Invalidation.Page(Cpu, page + (ulong)_random.Next(4096), 0);
                Forget((space, at, size) => IsOnPage(at, page, size) && (space == Space || space == GlobalSpace));
                break;
            case <= 72:
                LoadSpace();
                break;
            case 73:
                InvalidateContext();
                break;
            case 74:
                // Switching global pages, SMEP or SMAP flushes everything here, more than the manual asks.
                ulong[] bits = [Cr4.PageGlobal, Cr4.SupervisorExecutionPrevention, Cr4.SupervisorAccessPrevention];
                ControlRegisters.Write(Cpu, 4, Cpu->System.Cr4 ^ bits[_random.Next(bits.Length)], 0);
                _cached.Clear();
                break;
            case 75:
                ControlRegisters.Write(Cpu, 0, Cpu->System.Cr0 ^ Cr0.WriteProtect, 0);
                _cached.Clear();
                break;
            default:
                _cpl = 3 * _random.Next(2);
                Cpu->FlagsSystem ^= (ulong)_random.Next(2) * SystemFlags.AlignmentCheck;
                break;
        }
    }

    private ulong Page() => s_pages[_random.Next(s_pages.Length)];

    private void LoadSpace()
    {
        int space = _random.Next(Spaces);
        bool keeps = HasContexts && _random.Next(2) == 0;
        ControlRegisters.Write(Cpu, 3, Root(space) | (HasContexts ? (ulong)space : 0) | (keeps ? KeepEntries : 0), 0);
        if (!keeps)
        {
            Forget((of, _, _) => of == Space);
        }
    }

    private void InvalidateContext()
    {
        ulong type = (ulong)_random.Next(4);
        uint context = (uint)_random.Next(Spaces);
        ulong page = Page();
        Invalidation.ProcessContext(Cpu, type, context, page, 0);
        Forget((space, at, size) => type switch
        {
            0 => space == context && IsOnPage(at, page, size),
            1 => space == context,
            2 => true,
            _ => space != GlobalSpace,
        });
    }

    private void AsSupervisor(Action action)
    {
        Cpu->System.Cpl = 0;
        CpuMode.Changed(Cpu);
        action();
        Cpu->System.Cpl = _cpl;
        CpuMode.Changed(Cpu);
    }

    /// <summary>One entry on the way to some page, at any level, in any space.</summary>
    private void ChangeTables()
    {
        int space = _random.Next(Spaces);
        ulong page = Page();
        int top = (int)(page >> 47 & 1);
        int pointer = (int)(page >> 30 & 1);
        ulong rights = (_random.Next(12) != 0 ? 1ul : 0) | (_random.Next(4) != 0 ? 2ul : 0) | (_random.Next(3) != 0 ? 4ul : 0)
            | (_random.Next(3) == 0 ? 0x100ul : 0) | (_random.Next(2) == 0 ? 0x60ul : 0);
        bool isLarge = _random.Next(8) == 0;
        switch (_random.Next(12))
        {
            case 0:
                _machine.Write(Root(space) + 8 * (ulong)(top * 256), Table(space, 3, top) | (rights & 7));
                break;
            case 1:
                _machine.Write(Table(space, 3, top) + 8 * (ulong)pointer, isLarge ? 0x80 | rights : Table(space, 2, 2 * top + pointer) | (rights & 7));
                break;
            case 2:
                _machine.Write(Table(space, 2, 2 * top + pointer) + 8, isLarge ? Frames | 0x80 | rights : Table(space, 1, 2 * top + pointer) | (rights & 7));
                break;
            default:
                ulong frame = Frames + 4096 * (ulong)_random.Next(512);
                _machine.Write(Table(space, 1, 2 * top + pointer) + 8 * (page >> 12 & 0x1ff), frame | rights);
                break;
        }
    }

    /// <summary>Notes what the processor may cache now: it may at any moment, for any page and access.</summary>
    private void Remember()
    {
        foreach (ulong page in s_pages)
        {
            for (int kind = 0; kind < 6; kind++)
            {
                Translation now = Walk(page, kind);
                if (!now.IsFault)
                {
                    SetOf(now.IsGlobal ? GlobalSpace : Space, page, kind).Add((now.Physical, now.Size));
                }
            }
        }
    }

    private HashSet<(ulong Physical, ulong Size)> SetOf(uint space, ulong page, int kind)
    {
        if (!_cached.TryGetValue((space, page, kind), out HashSet<(ulong, ulong)>? set))
        {
            _cached.Add((space, page, kind), set = []);
        }

        return set;
    }

    /// <param name="applies">Whether it goes: by identifier, page, and size of the page that the translation was of.</param>
    private void Forget(Func<uint, ulong, ulong, bool> applies)
    {
        foreach (((uint Space, ulong Page, int _) key, HashSet<(ulong Physical, ulong Size)> set) in _cached)
        {
            set.RemoveWhere(translation => applies(key.Space, key.Page, translation.Size));
        }
    }

    /// <summary>Invalidating one address of a large page invalidates all of it (4.10.4.1).</summary>
    private static bool IsOnPage(ulong at, ulong page, ulong size) => ((at ^ page) & ~(size - 1)) == 0;

    /// <summary>Kinds: read and write, as user, as supervisor, as supervisor with AC.</summary>
    private Translation Walk(ulong page, int kind)
    {
        ulong cr4 = Cpu->System.Cr4;
        var controls = new PagingControls(PagingMode.FourLevel, Cpu->System.Cr3)
        {
            GlobalPages = (cr4 & Cr4.PageGlobal) != 0,
            NoExecute = true,
            WriteProtect = (Cpu->System.Cr0 & Cr0.WriteProtect) != 0,
            NoSupervisorFetch = (cr4 & Cr4.SupervisorExecutionPrevention) != 0,
            NoSupervisorData = (cr4 & Cr4.SupervisorAccessPrevention) != 0,
        };
        var access = new PagingAccess(page, (kind & 1) != 0 ? AccessKind.Write : AccessKind.Read, kind < 2, kind >= 4);
        return new ReferenceWalker((place, bytes) => _machine.Read(place, bytes)).Walk(controls, access);
    }

    /// <summary>An access as the running privilege. Whether it used a translation that the tables no longer give.</summary>
    private bool Access(string what)
    {
        ulong page = Page();
        bool writes = _random.Next(2) == 0;
        bool hasAlignmentCheck = (Cpu->FlagsSystem & SystemFlags.AlignmentCheck) != 0;
        int kind = (Cpu->System.Cpl == 3 ? 0 : hasAlignmentCheck ? 4 : 2) + (writes ? 1 : 0);
        Translation now = Walk(page, kind);
        HashSet<ulong> allowed = [.. SetOf(Space, page, kind).Concat(SetOf(GlobalSpace, page, kind)).Select(translation => translation.Physical)];
        what = $"{what}: {(writes ? "write" : "read")} of {page:x} at CPL {Cpu->System.Cpl}, now {now}, cached {string.Join(' ', allowed.Select(at => at.ToString("x", CultureInfo.InvariantCulture)))}";
        ulong offset = 8 * (ulong)_random.Next(512);
        try
        {
            ulong found = writes ? Write(page + offset, allowed) : PagedMemory.Read(Cpu, page + offset, 8, false) - offset;
            Assert.True(allowed.Contains(found), $"{what}: went to {found:x}");
            return now.IsFault || found != now.Physical;
        }
        catch (GuestFaultException fault)
        {
            Assert.True(now.IsFault && fault.Fault.ErrorCode == now.ErrorCode, $"{what}: fault {fault.Fault.ErrorCode:x}");
            return false;
        }
    }

    /// <summary>Writes, and finds where: in one of the pages that were allowed.</summary>
    private ulong Write(ulong linear, HashSet<ulong> allowed)
    {
        const ulong Token = 0x1234_5678_9abc_def0;
        ulong offset = linear & 0xfff;
        PagedMemory.Write(Cpu, linear, 8, Token, false);
        foreach (ulong page in allowed)
        {
            if (_machine.Read(page + offset) == Token)
            {
                _machine.Write(page + offset, page + offset);
                return page;
            }
        }

        return 0;
    }
}
