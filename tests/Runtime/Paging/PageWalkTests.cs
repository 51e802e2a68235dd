using System.Globalization;
using Jitvmm.Runtime.Cpu;
using Jitvmm.Runtime.Memory;
using Jitvmm.Tests.Runtime.Callouts;
using Xunit.Abstractions;

namespace Jitvmm.Tests.Runtime.Paging;

/// <summary>The page walker against <see cref="ReferenceWalker"/> on random tables: address, error code, accessed and dirty bits, and what the soft TLB is told.</summary>
public sealed unsafe class PageWalkTests(ITestOutputHelper output)
{
    private const ulong RamSize = 4 << 20;
    private const ulong Pool = 0x100000;
    private const int PoolPages = 12;
    private const int AccessesPerPool = 200;
    private const ulong AccessedBit = 0x20;
    private const ulong DirtyBit = 0x40;

    private static readonly int s_pools =
        20 * (int.TryParse(Environment.GetEnvironmentVariable("JITVMM_FUZZ"), NumberStyles.Integer, CultureInfo.InvariantCulture, out int factor) ? factor : 1);

    [Theory]
    [InlineData(PagingMode.Bits32, 1)]
    [InlineData(PagingMode.Bits32, 2)]
    [InlineData(PagingMode.Pae, 3)]
    [InlineData(PagingMode.Pae, 4)]
    [InlineData(PagingMode.FourLevel, 5)]
    [InlineData(PagingMode.FourLevel, 6)]
    public void Random_tables_are_walked_as_the_manual_says(PagingMode mode, int seed)
    {
        output.WriteLine($"seed {seed}, {s_pools} sets of tables, {AccessesPerPool} accesses each");
        using TestMachine machine = new();
        var random = new Random(seed);
        int faults = 0;
        for (int pool = 0; pool < s_pools; pool++)
        {
            FillPool(machine, random, mode);
            for (int i = 0; i < AccessesPerPool; i++)
            {
                faults += Compare(machine, random, mode, $"seed {seed}, tables {pool}, access {i}") ? 1 : 0;
            }
        }

        // Neither kind of outcome is rare.
        Assert.InRange(faults, s_pools * AccessesPerPool / 20, s_pools * AccessesPerPool * 19 / 20);
    }

    private static void FillPool(TestMachine machine, Random random, PagingMode mode)
    {
        int bytes = mode == PagingMode.Bits32 ? 4 : 8;
        for (ulong at = 0; at < PoolPages * 4096; at += (ulong)bytes)
        {
            machine.Write(Pool + at, Entry(random, mode), bytes);
        }
    }

    /// <summary>Mostly present, permissive and well-formed, so that walks come far; the address is a table of the pool's, or anything.</summary>
    private static ulong Entry(Random random, PagingMode mode)
    {
        ulong entry = Pool + 4096 * (ulong)random.Next(PoolPages);
        entry |= (ulong)random.Next(0x1000) & ~0x87ul;
        entry |= (random.Next(20) != 0 ? 1ul : 0) | (random.Next(6) != 0 ? 2ul : 0) | (random.Next(6) != 0 ? 4ul : 0);
        if (random.Next(4) == 0)
        {
            // A large page, aligned for some size or none.
            int align = random.Next(4) switch { 0 => 12, 1 => 21, 2 => 22, _ => 30 };
            entry = (entry & 0xfff) | 0x80 | ((ulong)random.NextInt64(1L << 40) & ~((1ul << align) - 1));
            entry |= random.Next(2) == 0 ? 0x1000ul : 0;
        }

        if (mode == PagingMode.Bits32)
        {
            return (uint)entry;
        }

        entry |= random.Next(8) == 0 ? 1ul << 63 : 0;
        return random.Next(30) == 0 ? entry | (1ul << random.Next(40, 63)) : entry;
    }

    /// <summary>One access both ways. Whether it faulted.</summary>
    private static bool Compare(TestMachine machine, Random random, PagingMode mode, string name)
    {
        PagingControls controls = Controls(random, mode);
        ulong linear = (ulong)random.NextInt64();
        linear = mode == PagingMode.FourLevel ? (ulong)((long)(linear << 16) >> 16) : linear;
        var access = new PagingAccess(linear, (AccessKind)random.Next(3), random.Next(2) == 0, random.Next(2) == 0);
        Apply(machine, controls);
        var reference = new ReferenceWalker((place, bytes) => place < RamSize ? machine.Read(place, bytes) : 0);
        Translation expected = reference.Walk(controls, access);
        int entryBytes = mode == PagingMode.Bits32 ? 4 : 8;
        ulong[] before = ReadAll();

        bool silent = random.Next(8) == 0;
        bool found = PageTableWalker.TryWalk(machine.Cpu, linear, Kind(access) | (silent ? PageWalk.Silent : 0), out PageMapping mapping);

        string what = $"{name}: {access}, {controls}, entries {string.Join(' ', before.Select(entry => entry.ToString("x", CultureInfo.InvariantCulture)))}";
        Assert.True(found != expected.IsFault, $"{what}: {(found ? "no " : "")}fault, error code {mapping.ErrorCode:x}");
        ulong[] after = ReadAll();
        if (!found)
        {
            Assert.True(mapping.ErrorCode == expected.ErrorCode, $"{what}: error code {mapping.ErrorCode:x}, not {expected.ErrorCode:x}");
            CheckFaulted(expected, before, after, what);
            return true;
        }

        Assert.True(mapping.Physical == expected.Physical, $"{what}: {mapping.Physical:x}, not {expected.Physical:x}");
        Assert.Equal((expected.Size, expected.IsGlobal), (mapping.Size, mapping.IsGlobal));
        CheckMarked(mode, access, silent, expected, before, after, what);
        bool isDirty = (after[^1] & DirtyBit) != 0;
        bool mayWrite = !reference.Walk(controls, access with { Kind = AccessKind.Write }).IsFault;
        Assert.True(mapping.IsWritableNow == (isDirty && mayWrite), $"{what}: writable now {mapping.IsWritableNow}");
        return false;

        ulong[] ReadAll() => [.. expected.Entries.Select(place => place < RamSize ? machine.Read(place, entryBytes) : 0)];
    }

    private static PagingControls Controls(Random random, PagingMode mode) => new(mode, RandomRoot(random, mode))
    {
        LargePages32 = random.Next(4) != 0,
        GlobalPages = random.Next(2) == 0,
        NoExecute = random.Next(4) != 0,
        WriteProtect = random.Next(2) == 0,
        NoSupervisorFetch = random.Next(2) == 0,
        NoSupervisorData = random.Next(2) == 0,
    };

    private static ulong RandomRoot(Random random, PagingMode mode)
    {
        // With PWT and PCD, or a process-context identifier, below the address.
        ulong page = Pool + 4096 * (ulong)random.Next(PoolPages);
        return mode == PagingMode.Pae ? page + 32 * (ulong)random.Next(128) : page + (ulong)random.Next(0x1000);
    }

    private static void Apply(TestMachine machine, PagingControls controls)
    {
        CpuState* cpu = machine.Cpu;
        bool isLong = controls.Mode == PagingMode.FourLevel;
        cpu->System.Cr0 = Cr0.ProtectionEnable | Cr0.Paging | (controls.WriteProtect ? Cr0.WriteProtect : 0);
        cpu->System.Cr3 = controls.Root;
        cpu->System.Cr4 = (controls.Mode == PagingMode.Bits32 ? 0 : Cr4.PhysicalAddressExtension)
            | (controls.LargePages32 ? Cr4.PageSizeExtensions : 0)
            | (controls.GlobalPages ? Cr4.PageGlobal : 0)
            | (controls.NoSupervisorFetch ? Cr4.SupervisorExecutionPrevention : 0)
            | (controls.NoSupervisorData ? Cr4.SupervisorAccessPrevention : 0);
        for (uint i = 0; i < 4 && controls.Mode == PagingMode.Pae; i++)
        {
            cpu->System.PagePointers[i] = machine.Read((controls.Root & 0xffffffe0) + (8 * i));
        }

        cpu->System.Efer = (isLong ? Efer.LongModeEnable | Efer.LongModeActive : 0) | (controls.NoExecute ? Efer.NoExecuteEnable : 0);
    }

    private static PageWalk Kind(PagingAccess access) =>
        (access.IsUser ? PageWalk.User : access.HasAlignmentCheck ? PageWalk.OverridesSmap : PageWalk.Read)
        | access.Kind switch
        {
            AccessKind.Read => PageWalk.Read,
            AccessKind.Write => PageWalk.Write,
            _ => PageWalk.Fetch,
        };

    /// <summary>An access that faults does not mark its page; whether it marks the tables above is the processor's choice (4.8).</summary>
    private static void CheckFaulted(Translation walked, ulong[] before, ulong[] after, string what)
    {
        for (int i = 0; i < before.Length; i++)
        {
            bool isTable = walked.Entries.Take(before.Length - 1).Contains(walked.Entries[i]);
            ulong marked = isTable ? before[i] | AccessedBit : before[i];
            Assert.True(after[i] == before[i] || after[i] == marked, $"{what}: entry {i} became {after[i]:x} though the access faulted");
        }
    }

    /// <summary>4.8: accessed in every entry that was used, but for PAE's pointers; dirty in the last one of a write.</summary>
    private static void CheckMarked(PagingMode mode, PagingAccess access, bool silent, Translation walked, ulong[] before, ulong[] after, string what)
    {
        // One place may serve two levels: what is marked is the sum.
        var expected = new Dictionary<ulong, ulong>();
        for (int i = 0; i < before.Length; i++)
        {
            bool isPointer = mode == PagingMode.Pae && i == 0;
            ulong marks = silent || isPointer ? 0 : AccessedBit;
            marks |= !silent && i == before.Length - 1 && access.Kind == AccessKind.Write ? DirtyBit : 0;
            expected[walked.Entries[i]] = expected.GetValueOrDefault(walked.Entries[i], before[i]) | marks;
        }

        for (int i = 0; i < before.Length; i++)
        {
            Assert.True(after[i] == expected[walked.Entries[i]], $"{what}: entry {i} became {after[i]:x}");
        }
    }
}
