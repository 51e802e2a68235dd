using Jitvmm.Inspector.Files;

namespace Jitvmm.Inspector.Reports;

/// <summary><c>jitvmm cache diff</c>: two runs, or two builds.</summary>
public static class DiffReport
{
    /// <summary>What is compared of all blocks at one place.</summary>
    private record struct Sums(ulong Executions, ulong Interpreted, ulong CodeBytes, ulong HostBytes, ulong CompileTime, ulong Exits, ulong Invalidations);

    /// <summary>Compares, the largest change of executions first. Places are the same by symbol and distance, where both have symbols, else by address.</summary>
    /// <param name="before">One cache.</param>
    /// <param name="after">The other.</param>
    /// <param name="limit">Rows at most; 0 for all.</param>
    public static Report Make(CacheView before, CacheView after, int limit)
    {
        ArgumentNullException.ThrowIfNull(before);
        ArgumentNullException.ThrowIfNull(after);
        bool byName = before.Symbols.Count > 0 && after.Symbols.Count > 0;
        Dictionary<string, Sums> left = Collect(before, byName);
        Dictionary<string, Sums> right = Collect(after, byName);
        Report report = new("diff");
        AddTotals(report, left, right);
        ReportTable table = report.AddTable(
            "rows",
            new("place", ColumnKind.Text),
            new("executions-a", ColumnKind.Number),
            new("executions-b", ColumnKind.Number),
            new("host-bytes-a", ColumnKind.Number),
            new("host-bytes-b", ColumnKind.Number),
            new("compile-us-a", ColumnKind.Number),
            new("compile-us-b", ColumnKind.Number),
            new("exits-a", ColumnKind.Number),
            new("exits-b", ColumnKind.Number),
            new("change", ColumnKind.Text));
        var rows = left.Keys.Union(right.Keys).Select(place => (Place: place, Before: left.GetValueOrDefault(place), After: right.GetValueOrDefault(place)))
            .Where(static row => row.Before != row.After)
            .OrderByDescending(static row => Distance(row.Before.Executions, row.After.Executions))
            .ThenByDescending(static row => Distance(row.Before.HostBytes, row.After.HostBytes))
            .ThenBy(static row => row.Place, StringComparer.Ordinal);
        foreach ((string place, Sums a, Sums b) in limit == 0 ? rows : rows.Take(limit))
        {
            string change = !left.ContainsKey(place) ? "new" : !right.ContainsKey(place) ? "gone" : Describe(a, b);
            table.Add(place, a.Executions, b.Executions, a.HostBytes, b.HostBytes, a.CompileTime, b.CompileTime, a.Exits, b.Exits, change);
        }

        return report;
    }

    private static void AddTotals(Report report, Dictionary<string, Sums> left, Dictionary<string, Sums> right)
    {
        ReportTable table = report.AddTable("totals", new("what", ColumnKind.Text), new("a", ColumnKind.Number), new("b", ColumnKind.Number));
        void Total(string what, Func<Sums, ulong> pick) => table.Add(what, Sum(left.Values, pick), Sum(right.Values, pick));
        table.Add("places", left.Count, right.Count);
        Total("executions", static sums => sums.Executions);
        Total("interpreted", static sums => sums.Interpreted);
        Total("code-bytes", static sums => sums.CodeBytes);
        Total("host-bytes", static sums => sums.HostBytes);
        Total("compile-us", static sums => sums.CompileTime);
        Total("exits", static sums => sums.Exits);
        Total("invalidations", static sums => sums.Invalidations);
    }

    private static ulong Sum(IEnumerable<Sums> all, Func<Sums, ulong> pick) => all.Aggregate(0ul, (sum, each) => unchecked(sum + pick(each)));

    private static ulong Distance(ulong a, ulong b) => a > b ? a - b : b - a;

    private static string Describe(in Sums a, in Sums b)
    {
        var words = new List<string>();
        Add("hotter", "colder", a.Executions, b.Executions);
        Add("larger", "smaller", a.HostBytes, b.HostBytes);
        Add("slower to compile", "faster to compile", a.CompileTime, b.CompileTime);
        Add("left more often", "left less often", a.Exits, b.Exits);
        return string.Join(", ", words);

        void Add(string more, string less, ulong before, ulong after)
        {
            if (before != after)
            {
                words.Add(after > before ? more : less);
            }
        }
    }

    private static Dictionary<string, Sums> Collect(CacheView view, bool byName)
    {
        Dictionary<string, Sums> places = new(StringComparer.Ordinal);
        ReadOnlySpan<BlockRecord> blocks = view.File.Blocks;
        for (int i = 0; i < blocks.Length; i++)
        {
            ref readonly BlockRecord block = ref blocks[i];
            string place = PlaceOf(view, block.Address, byName);
            Sums sums = places.GetValueOrDefault(place);
            places[place] = sums with
            {
                Executions = sums.Executions + block.Executions,
                Interpreted = sums.Interpreted + block.Interpreted,
                CodeBytes = sums.CodeBytes + block.CodeLength,
                Exits = sums.Exits + view.ExitsOfBlock[i],
                Invalidations = sums.Invalidations + block.Invalidations,
            };
        }

        foreach (ref readonly RegionRecord region in view.File.Regions)
        {
            string place = PlaceOf(view, blocks[(int)region.Head].Address, byName);
            Sums sums = places.GetValueOrDefault(place);
            places[place] = sums with { HostBytes = sums.HostBytes + region.HostLength, CompileTime = sums.CompileTime + region.CompileTime };
        }

        return places;
    }

    private static string PlaceOf(CacheView view, ulong address, bool byName) =>
        byName && view.Symbols.Describe(address) is { Length: > 0 } name ? name : $"0x{address:x}";
}
