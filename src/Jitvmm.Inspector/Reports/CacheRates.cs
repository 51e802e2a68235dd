using System.Globalization;
using Jitvmm.Inspector.Files;

namespace Jitvmm.Inspector.Reports;

/// <summary>What happened in a guest between two looks at it.</summary>
public sealed class CacheRates
{
    private readonly SortedDictionary<ExitKind, ulong> _exits = [];
    private readonly ulong[] _executions;

    /// <summary>Compares two looks at one guest.</summary>
    /// <param name="before">The earlier; null when the later is the first, which then tells of all the time until it.</param>
    /// <param name="now">The later.</param>
    public CacheRates(CacheFile? before, CacheFile now)
    {
        ArgumentNullException.ThrowIfNull(now);
        if (before != null && before.Fact("programs") != now.Fact("programs"))
        {
            // Exec, or a machine that was reset: blocks begin anew, time does not.
            ElapsedMs = Math.Max(0, Number(now, "recorded-ms") - Number(before, "recorded-ms"));
            before = null;
        }
        else
        {
            ElapsedMs = Math.Max(0, Number(now, "recorded-ms") - (before == null ? 0 : Number(before, "recorded-ms")));
        }

        RecordedMs = Number(now, "recorded-ms");
        CacheBytes = Number(now, "cache-bytes");
        _executions = new ulong[now.Blocks.Length];
        CountBlocks(before == null ? [] : before.Blocks, now.Blocks);
        CountRegions(before == null ? 0 : before.Regions.Length, now.Regions);
        CountExits(before, now);
    }

    /// <summary>Time between the two.</summary>
    public long ElapsedMs { get; }

    /// <summary>Time from the guest's start to the later one.</summary>
    public long RecordedMs { get; }

    /// <summary>Guest instructions that tier 0 executed.</summary>
    public ulong Interpreted { get; private set; }

    /// <summary>Guest instructions that compiled code executed.</summary>
    public ulong Compiled { get; private set; }

    /// <summary>Blocks translated.</summary>
    public long Translations { get; private set; }

    /// <summary>Blocks thrown away because their code changed.</summary>
    public long Invalidations { get; private set; }

    /// <summary>Regions compiled.</summary>
    public int Compilations { get; private set; }

    /// <summary>What compiling took, in microseconds.</summary>
    public long CompileTime { get; private set; }

    /// <summary>Blocks that are there now.</summary>
    public int LiveBlocks { get; private set; }

    /// <summary>Regions that are.</summary>
    public int LiveRegions { get; private set; }

    /// <summary>What translations take of the limit that --code-cache sets.</summary>
    public long CacheBytes { get; }

    /// <summary>Exits by kind.</summary>
    public IReadOnlyDictionary<ExitKind, ulong> Exits => _exits;

    /// <summary>Executions of each of the later look's blocks.</summary>
    public ReadOnlySpan<ulong> Executions => _executions;

    /// <summary>A count as one per second.</summary>
    public double PerSecond(double count) => ElapsedMs == 0 ? 0 : count * 1000 / ElapsedMs;

    internal static long Number(CacheFile file, string fact) => long.TryParse(file.Fact(fact), NumberStyles.None, CultureInfo.InvariantCulture, out long number) ? number : 0;

    /// <summary>A guest's blocks keep their numbers. Vcpus that run one block at once lose counts, so that a count can go back a little.</summary>
    private static ulong Since(ulong before, ulong now) => now > before ? now - before : 0;

    private void CountBlocks(ReadOnlySpan<BlockRecord> before, ReadOnlySpan<BlockRecord> now)
    {
        for (int i = 0; i < now.Length; i++)
        {
            ref readonly BlockRecord block = ref now[i];
            BlockRecord earlier = i < before.Length && before[i].Address == block.Address ? before[i] : default;
            ulong interpreted = Since(earlier.Interpreted, block.Interpreted);
            ulong compiled = Since(earlier.Compiled, block.Compiled);
            _executions[i] = interpreted + compiled;
            Interpreted += interpreted * block.Instructions;
            Compiled += compiled * block.Instructions;
            Translations += Math.Max(0, (long)block.Translations - earlier.Translations);
            Invalidations += Math.Max(0, (long)block.Invalidations - earlier.Invalidations);
            LiveBlocks += block.State == TranslationState.Live ? 1 : 0;
        }
    }

    private void CountRegions(int before, ReadOnlySpan<RegionRecord> now)
    {
        Compilations = Math.Max(0, now.Length - before);
        for (int i = 0; i < now.Length; i++)
        {
            CompileTime += i >= before ? now[i].CompileTime : 0;
            LiveRegions += now[i].State == TranslationState.Live ? 1 : 0;
        }
    }

    private void CountExits(CacheFile? before, CacheFile now)
    {
        SortedDictionary<ExitKind, ulong> earlier = before == null ? [] : Sum(before);
        foreach ((ExitKind kind, ulong count) in Sum(now))
        {
            _exits[kind] = Since(earlier.GetValueOrDefault(kind), count);
        }
    }

    private static SortedDictionary<ExitKind, ulong> Sum(CacheFile file)
    {
        var sums = new SortedDictionary<ExitKind, ulong>();
        foreach (ref readonly ExitRecord exit in file.Exits)
        {
            sums[exit.Kind] = sums.GetValueOrDefault(exit.Kind) + exit.Count;
        }

        return sums;
    }
}
