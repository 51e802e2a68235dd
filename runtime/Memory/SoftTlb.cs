using System.Runtime.InteropServices;
using Jitvmm.Runtime.Callouts;
using Jitvmm.Runtime.CodeCache;
using Jitvmm.Runtime.Cpu;
using Jitvmm.Runtime.Execution;

namespace Jitvmm.Runtime.Memory;

/// <summary>One cached translation: matches when the page of the access's last byte is <see cref="Tag"/>; the byte is then at <see cref="Addend"/> + linear address.</summary>
[StructLayout(LayoutKind.Sequential)]
public struct TlbEntry
{
    public ulong Tag;
    public ulong Addend;
}

/// <summary>
/// The translations a vCPU has at hand, in tables that generated code probes with one compare.
/// </summary>
/// <remarks>
/// <code>
///   TlbTables ─► supervisor           read[512] write[512]
///                supervisor, AC set   read[512] write[512]
///                user, context 0      read[512] write[512]
///                … context 7          read[512] write[512]      then one byte per entry: 1 = global
/// </code>
/// The index comes from the page of the first byte and the tag from that of the last, so an access that crosses into the next
/// page never matches. Reads and writes have tables of their own: an instruction that reads one page and writes another with the same index
/// needs both at once. A page that holds translations, or is not dirty yet, is never in a write table.
/// Owned by the vCPU's thread; <see cref="DropWrites"/> alone may be called by others.
/// </remarks>
public static unsafe partial class SoftTlb
{
    public const int EntriesPerTable = 512;
    public const int TableBytes = EntriesPerTable * 16;

    /// <summary>Distance from a read table to its write table.</summary>
    public const int WriteTable = TableBytes;

    /// <summary>Cuts a linear address shifted right by <see cref="IndexShift"/> to the byte offset of its entry.</summary>
    public const ulong IndexMask = (EntriesPerTable - 1) << 4;

    public const int IndexShift = GuestPages.PageShift - 4;

    public const ulong PageMask = ~(GuestPages.PageSize - 1);

    private const int Sets = UserSet + TlbContexts.Count;
    private const int SetBytes = 2 * TableBytes;
    private const int EntriesPerSet = 2 * EntriesPerTable;
    private const int AllTables = Sets * SetBytes;
    private const int UserSet = 2;

    /// <summary>In what a jump cache is filled for: modes are below.</summary>
    private const int CodeBaseShift = 16;

    /// <summary>A tag no page has.</summary>
    private const ulong NoTag = ulong.MaxValue;

    private static int JumpCacheBytes => Dispatch.JumpCacheSize * sizeof(JumpCacheEntry);

    private static readonly nint s_emptyJumpCache = (nint)NativeMemory.AllocZeroed((nuint)(Dispatch.JumpCacheSize * sizeof(JumpCacheEntry)));

    /// <summary>Allocates the tables of a machine guest's CPU and empties them.</summary>
    public static void Create(CpuState* cpu, PhysicalMemory memory)
    {
        cpu->System.TlbTables = (nint)NativeMemory.AlignedAlloc(AllTables + (Sets * EntriesPerSet), 64);
        cpu->System.PhysicalBase = memory.HostBase;
        cpu->System.SupervisorJumpCache = NewJumpCaches(1);
        cpu->System.UserJumpCaches = NewJumpCaches(TlbContexts.Count);
        cpu->System.Contexts = (nint)NativeMemory.AllocZeroed((nuint)sizeof(TlbContexts));
        cpu->System.Fetches = (nint)NativeMemory.AllocZeroed(FetchEntries, (nuint)sizeof(FetchEntry));
        cpu->System.IsMachine = 1;
        UseContext(cpu, 0);
        ModeChanged(cpu);
        FlushAll(cpu);
    }

    public static void Free(CpuState* cpu)
    {
        NativeMemory.AlignedFree((void*)cpu->System.TlbTables);
        NativeMemory.AlignedFree((void*)cpu->System.SupervisorJumpCache);
        NativeMemory.AlignedFree((void*)cpu->System.UserJumpCaches);
        NativeMemory.Free((void*)cpu->System.Contexts);
        NativeMemory.Free((void*)cpu->System.Fetches);
    }

    /// <summary>Selects the tables and the jump cache after CPL, AC, or the paging bits of CR0, CR4 or EFER changed.</summary>
    public static void ModeChanged(CpuState* cpu)
    {
        int set = cpu->System.Cpl == 3 ? UserSet : OverridesSmap(cpu) ? 1 : 0;
        cpu->MemoryBase = set == UserSet ? (byte*)cpu->System.UserTables : (byte*)cpu->System.TlbTables + (set * SetBytes);
        cpu->JumpCache = set == UserSet ? cpu->System.UserJumpCache : cpu->System.SupervisorJumpCache;
        FollowEpoch(cpu);
        FollowCodeMode(cpu, set == UserSet ? 1 : 0);
    }

    /// <summary>AC changed at CPL 0: the other supervisor's tables, and nothing else.</summary>
    internal static void AccessOverrideChanged(CpuState* cpu) =>
        cpu->MemoryBase = (byte*)cpu->System.TlbTables + (OverridesSmap(cpu) ? SetBytes : 0);

    /// <summary>Linear address of an offset in CS.</summary>
    internal static ulong LinearCode(CpuState* cpu, ulong rip) =>
        (cpu->System.CodeMode & (int)CodeMode.Long) != 0 ? rip : (uint)(rip + cpu->System.Bases[(int)SegmentIndex.Cs]);

    /// <summary>For one instruction no computed jump finds its target; <see cref="ModeChanged"/> ends it.</summary>
    public static void HideJumpCache(CpuState* cpu) => cpu->JumpCache = s_emptyJumpCache;

    internal static bool IsJumpCacheHidden(CpuState* cpu) => cpu->JumpCache == s_emptyJumpCache;

    /// <summary>
    /// How code is decoded now; <paramref name="cache"/> is 1 for user code. A jump cache is keyed by RIP alone, so it is emptied when the same privilege goes on in another mode or with another CS base.
    /// </summary>
    private static void FollowCodeMode(CpuState* cpu, int cache)
    {
        CodeMode mode;
        ulong codeBase = 0;
        if (CpuMode.Is64Bit(cpu))
        {
            mode = CodeMode.Long;
        }
        else
        {
            mode = (cpu->System.Attributes[(int)SegmentIndex.Cs] & SegmentAttributes.Big) != 0 ? CodeMode.Bits32 : CodeMode.Bits16;
            mode |= (cpu->System.Attributes[(int)SegmentIndex.Ss] & SegmentAttributes.Big) != 0 ? CodeMode.WideStack : 0;
            mode |= CpuMode.HasFlatSegments(cpu) ? 0 : CodeMode.CheckedSegments;
            codeBase = cpu->System.Bases[(int)SegmentIndex.Cs];
        }

        mode |= (CodeMode)cpu->System.CodeChecks;
        if (cache != 0 && (cpu->FlagsSystem & SystemFlags.AlignmentCheck) != 0 && (cpu->System.Cr0 & Cr0.AlignmentMask) != 0)
        {
            mode |= CodeMode.CheckedAlignment;
        }

        cpu->System.CodeMode = (int)mode;
        cpu->System.HasUnalignedCode = (codeBase & ~PageMask) != 0 ? 1 : 0;
        ulong key = (codeBase << CodeBaseShift) | (ulong)mode;
        if (cpu->System.JumpCacheKeys[cache] != key)
        {
            cpu->System.JumpCacheKeys[cache] = key;
            ClearJumpCache(cpu->JumpCache);
        }
    }

    /// <summary>How the running code's accesses look to the page tables.</summary>
    public static PageWalk Privilege(CpuState* cpu) =>
        cpu->System.Cpl == 3 ? PageWalk.User : OverridesSmap(cpu) ? PageWalk.OverridesSmap : PageWalk.Read;

    /// <summary>
    /// Enters a translation that was just walked where it was missed; for the other kind of access too, as far as it may, when nothing is in the way.
    /// </summary>
    /// <remarks>
    /// An instruction that reads one page and writes another with the same index is run again after each miss: if the miss of one threw out
    /// the entry of the other, it would never end.
    /// </remarks>
    internal static void Fill(CpuState* cpu, ulong linear, in PageMapping mapping, bool isWrite)
    {
        if (Breakpoints.WatchesPage(cpu, linear))
        {
            return;
        }

        ulong page = linear & PageMask;
        ulong addend = (ulong)(cpu->System.PhysicalBase + (mapping.Physical & PageMask)) - page;
        nint offset = (nint)((linear >> IndexShift) & IndexMask);
        TlbEntry* read = (TlbEntry*)(cpu->MemoryBase + offset);
        TlbEntry* write = (TlbEntry*)(cpu->MemoryBase + WriteTable + offset);
        if (!isWrite || read->Tag == NoTag)
        {
            Enter(cpu, read, page, addend, mapping.IsGlobal);
        }

        NoteSize(cpu, linear, mapping.Size);
        byte* access = cpu->Pages + (mapping.Physical >> GuestPages.PageShift);
        if (!mapping.IsWritableNow || !IsPlainWritable(*access) || (!isWrite && write->Tag != NoTag))
        {
            return;
        }

        Enter(cpu, write, page, addend, mapping.IsGlobal);

        // Another vCPU may be translating from the page: either it sees this entry or this sees its mark.
        Interlocked.MemoryBarrier();
        if (!IsPlainWritable(Volatile.Read(ref *access)))
        {
            write->Tag = NoTag;
        }
    }

    /// <summary>The page with this host address got translations: stores to it must be seen. Any thread, after the page was marked.</summary>
    internal static void DropWrites(CpuState* cpu, byte* hostPage)
    {
        for (int set = 0; set < Sets; set++)
        {
            TlbEntry* entries = (TlbEntry*)((byte*)cpu->System.TlbTables + (set * SetBytes) + WriteTable);
            for (int i = 0; i < EntriesPerTable; i++)
            {
                ulong tag = Volatile.Read(ref entries[i].Tag);
                if (tag != NoTag && entries[i].Addend + tag == (ulong)hostPage)
                {
                    Volatile.Write(ref entries[i].Tag, NoTag);
                }
            }
        }
    }

    /// <summary>Plants an entry for one instruction that matches exactly its access.</summary>
    internal static TlbEntry* Plant(CpuState* cpu, ulong linear, int bytes, bool write, byte* host)
    {
        TlbEntry* entry = (TlbEntry*)(cpu->MemoryBase + (write ? WriteTable : 0) + (nint)((linear >> IndexShift) & IndexMask));
        entry->Addend = (ulong)host - linear;
        entry->Tag = (linear + (uint)bytes - 1) & PageMask;
        return entry;
    }

    internal static void Uproot(TlbEntry* entry) => entry->Tag = NoTag;

    private static void Enter(CpuState* cpu, TlbEntry* entry, ulong page, ulong addend, bool isGlobal)
    {
        entry->Addend = addend;
        entry->Tag = page;
        if (!isGlobal && entry < (TlbEntry*)cpu->System.TlbTables + (UserSet * EntriesPerSet))
        {
            cpu->System.HasPrivateSupervisorEntries = 1;
        }

        ((byte*)cpu->System.TlbTables)[AllTables + (int)(entry - (TlbEntry*)cpu->System.TlbTables)] = isGlobal ? (byte)1 : (byte)0;
    }

    private static void NoteSize(CpuState* cpu, ulong linear, ulong size)
    {
        if (size > GuestPages.PageSize)
        {
            ulong from = linear & ~(size - 1);
            cpu->System.LargePagesFrom = Math.Min(cpu->System.LargePagesFrom, from);
            cpu->System.LargePagesTo = Math.Max(cpu->System.LargePagesTo, from + size - 1);
        }
    }

    private static bool IsPlainWritable(byte access) => (access & (byte)PageAccess.PlainWrite) != 0;

    private static bool OverridesSmap(CpuState* cpu) =>
        (cpu->System.Cr4 & Cr4.SupervisorAccessPrevention) == 0 || (cpu->FlagsSystem & SystemFlags.AlignmentCheck) != 0;

    private static nint NewJumpCaches(int count) => (nint)NativeMemory.AlignedAlloc((nuint)(count * JumpCacheBytes), 64);

    private static void ClearJumpCache(nint cache) => NativeMemory.Clear((void*)cache, (nuint)JumpCacheBytes);
}
