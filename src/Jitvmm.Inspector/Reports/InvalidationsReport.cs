using Jitvmm.Inspector.Files;
using Jitvmm.Runtime.CodeCache;

namespace Jitvmm.Inspector.Reports;

/// <summary><c>jitvmm cache invalidations</c>: what threw which translations away.</summary>
public static class InvalidationsReport
{
    /// <summary>Blocks and what killed them, most often first.</summary>
    /// <param name="view">The cache.</param>
    /// <param name="limit">Rows at most; 0 for all.</param>
    public static Report Make(CacheView view, int limit)
    {
        ArgumentNullException.ThrowIfNull(view);
        Report report = new("invalidations");
        InvalidationRecord[] sorted = view.File.Invalidations.ToArray();
        Array.Sort(sorted, static (a, b) => a.Count != b.Count ? b.Count.CompareTo(a.Count) : a.First.CompareTo(b.First));
        report.AddFact("invalidations", sorted.Sum(static each => (decimal)each.Count));
        ReportTable table = report.AddTable(
            "rows",
            new("count", ColumnKind.Number),
            new("block", ColumnKind.Address),
            new("block-symbol", ColumnKind.Text),
            new("cause", ColumnKind.Text),
            new("writer", ColumnKind.Address),
            new("writer-symbol", ColumnKind.Text),
            new("written", ColumnKind.Address),
            new("bytes", ColumnKind.Number),
            new("first-ms", ColumnKind.Number),
            new("last-ms", ColumnKind.Number));
        foreach (InvalidationRecord each in limit == 0 ? sorted : sorted.Take(limit))
        {
            ulong block = view.File.Blocks[(int)each.Block].Address;
            table.Add(
                each.Count,
                block,
                view.Symbols.Describe(block),
                NameOf((CodeChangeKind)each.Kind),
                each.Instruction == 0 ? null : each.Instruction,
                each.Instruction == 0 ? "" : view.Symbols.Describe(each.Instruction),
                each.Length == 0 ? null : each.Address,
                each.Length,
                each.First,
                each.Last);
        }

        return report;
    }

    /// <summary>The word for a cause.</summary>
    internal static string NameOf(CodeChangeKind kind) => kind switch
    {
        CodeChangeKind.Store => "store",
        CodeChangeKind.SystemCall => "system-call",
        CodeChangeKind.Callout => "callout",
        CodeChangeKind.Device => "device",
        CodeChangeKind.Remapped => "remapped",
        CodeChangeKind.FloatChecks => "float-checks",
        CodeChangeKind.Race => "race",
        _ => throw new ArgumentOutOfRangeException(nameof(kind)),
    };
}
