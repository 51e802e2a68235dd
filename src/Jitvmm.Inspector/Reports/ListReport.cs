using Jitvmm.Inspector.Files;

namespace Jitvmm.Inspector.Reports;

/// <summary>What a list of blocks is sorted by, largest first; addresses, smallest first.</summary>
public enum ListOrder
{
    Executions,
    Address,
    Size,
    Exits,
    Age,
    Translations,
    Invalidations,
}

/// <summary>Which blocks are listed.</summary>
public sealed record ListFilter
{
    public ListOrder Order { get; init; } = ListOrder.Executions;

    /// <summary>Rows at most; 0 for all.</summary>
    public int Limit { get; init; } = 40;

    /// <summary>Only blocks of symbols with this in their names.</summary>
    public string? Symbol { get; init; }

    /// <summary>Only blocks that start here or behind.</summary>
    public ulong From { get; init; }

    /// <summary>Only blocks that start here or before.</summary>
    public ulong To { get; init; } = ulong.MaxValue;

    /// <summary>Only blocks that compiled code ran (1), or did not (0); null for both.</summary>
    public int? Tier { get; init; }

    /// <summary>Only blocks that ran so often.</summary>
    public ulong MinExecutions { get; init; }

    /// <summary>Only blocks in this state; null for all.</summary>
    public TranslationState? State { get; init; }
}

/// <summary><c>jitvmm cache list</c>.</summary>
public static class ListReport
{
    /// <summary>Lists blocks.</summary>
    public static Report Make(CacheView view, ListFilter filter)
    {
        ArgumentNullException.ThrowIfNull(view);
        ArgumentNullException.ThrowIfNull(filter);
        ReadOnlySpan<BlockRecord> blocks = view.File.Blocks;
        ulong[] keys = new ulong[blocks.Length];
        int[] numbers = new int[blocks.Length];
        int count = 0;
        ulong executions = 0;
        for (int i = 0; i < blocks.Length; i++)
        {
            if (Passes(view, blocks[i], filter))
            {
                keys[count] = KeyOf(view, blocks[i], i, filter.Order);
                numbers[count++] = i;
                executions += blocks[i].Executions;
            }
        }

        Array.Sort(keys, numbers, 0, count);
        Report report = new("list");
        report.AddFact("blocks", count);
        report.AddFact("executions", executions);
        ReportTable table = report.AddTable(
            "rows",
            new("address", ColumnKind.Address),
            new("executions", ColumnKind.Number),
            new("interpreted", ColumnKind.Number),
            new("compiled", ColumnKind.Number),
            new("instructions", ColumnKind.Number),
            new("bytes", ColumnKind.Number),
            new("tier", ColumnKind.Number),
            new("regions", ColumnKind.Number),
            new("exits", ColumnKind.Number),
            new("translations", ColumnKind.Number),
            new("invalidations", ColumnKind.Number),
            new("made-ms", ColumnKind.Number),
            new("state", ColumnKind.Text),
            new("symbol", ColumnKind.Text));
        int rows = filter.Limit == 0 ? count : Math.Min(filter.Limit, count);
        for (int i = 0; i < rows; i++)
        {
            AddRow(table, view, numbers[i]);
        }

        return report;
    }

    /// <summary>The word for a state.</summary>
    internal static string NameOf(TranslationState state) => state switch
    {
        TranslationState.Live => "live",
        TranslationState.Invalidated => "invalidated",
        TranslationState.Flushed => "flushed",
        _ => throw new ArgumentOutOfRangeException(nameof(state)),
    };

    private static void AddRow(ReportTable table, CacheView view, int number)
    {
        ref readonly BlockRecord block = ref view.File.Blocks[number];
        table.Add(
            block.Address,
            block.Executions,
            block.Interpreted,
            block.Compiled,
            block.Instructions,
            block.CodeLength,
            TierOf(block),
            block.Regions,
            view.ExitsOfBlock[number],
            block.Translations,
            block.Invalidations,
            block.Made,
            NameOf(block.State),
            view.Symbols.Describe(block.Address));
    }

    private static int TierOf(in BlockRecord block) => block.Regions > 0 ? 1 : 0;

    private static bool Passes(CacheView view, in BlockRecord block, ListFilter filter) =>
        block.Address >= filter.From && block.Address <= filter.To && block.Executions >= filter.MinExecutions
        && (filter.Tier == null || TierOf(block) == filter.Tier) && (filter.State == null || block.State == filter.State)
        && (filter.Symbol == null || view.Symbols.Find(block.Address)?.Name.Contains(filter.Symbol, StringComparison.Ordinal) == true);

    /// <summary>Sorted upwards, the first is what is to be listed first.</summary>
    private static ulong KeyOf(CacheView view, in BlockRecord block, int number, ListOrder order) => order switch
    {
        ListOrder.Address => block.Address,
        ListOrder.Executions => ~block.Executions,
        ListOrder.Size => ~(ulong)block.CodeLength,
        ListOrder.Exits => ~view.ExitsOfBlock[number],
        ListOrder.Age => block.Made,
        ListOrder.Translations => ~(ulong)block.Translations,
        ListOrder.Invalidations => ~(ulong)block.Invalidations,
        _ => throw new ArgumentOutOfRangeException(nameof(order)),
    };
}
