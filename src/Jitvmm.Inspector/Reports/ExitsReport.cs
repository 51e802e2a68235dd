using Jitvmm.Inspector.Files;

namespace Jitvmm.Inspector.Reports;

/// <summary><c>jitvmm cache exits</c>: why generated code was left.</summary>
public static class ExitsReport
{
    /// <summary>Sums by kind, and the places that left most often.</summary>
    /// <param name="view">The cache.</param>
    /// <param name="limit">Places at most; 0 for all.</param>
    /// <param name="kind">Only exits of this kind, by its name; null for all.</param>
    public static Report Make(CacheView view, int limit, string? kind)
    {
        ArgumentNullException.ThrowIfNull(view);
        Report report = new("exits");
        var sums = new SortedDictionary<ExitKind, (ulong Count, int Places)>();
        var chosen = new List<ExitRecord>();
        foreach (ref readonly ExitRecord exit in view.File.Exits)
        {
            if (kind == null || ExitKinds.NameOf(exit.Kind) == kind)
            {
                (ulong count, int places) = sums.GetValueOrDefault(exit.Kind);
                sums[exit.Kind] = (count + exit.Count, places + 1);
                chosen.Add(exit);
            }
        }

        ReportTable kinds = report.AddTable("kinds", new("kind", ColumnKind.Text), new("count", ColumnKind.Number), new("places", ColumnKind.Number));
        foreach ((ExitKind each, (ulong count, int places)) in sums)
        {
            kinds.Add(ExitKinds.NameOf(each), count, places);
        }

        ReportTable table = report.AddTable(
            "rows",
            new("count", ColumnKind.Number),
            new("kind", ColumnKind.Text),
            new("address", ColumnKind.Address),
            new("block", ColumnKind.Address),
            new("region", ColumnKind.Number),
            new("symbol", ColumnKind.Text));
        chosen.Sort(static (a, b) => b.Count.CompareTo(a.Count));
        foreach (ExitRecord exit in limit == 0 ? chosen : chosen.Take(limit))
        {
            table.Add(
                exit.Count,
                ExitKinds.NameOf(exit.Kind),
                exit.Address,
                view.BlockOf(exit) is { } block ? view.File.Blocks[block].Address : null,
                exit.Region == ExitRecord.None ? null : exit.Region,
                view.Symbols.Describe(exit.Address));
        }

        return report;
    }
}
