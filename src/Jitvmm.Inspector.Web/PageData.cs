using Jitvmm.Inspector.Reports;

namespace Jitvmm.Inspector.Web;

/// <summary>What the page asks for, by name: the same from a server and inside a saved page.</summary>
internal static class PageData
{
    /// <summary>Rows of a list at most.</summary>
    public const int MostRows = 500;

    /// <summary>Blocks that a search finds, the hottest first: by address, or by part of a symbol's name.</summary>
    public static Report Search(CacheView view, string text)
    {
        ListFilter filter = new() { Limit = MostRows };
        if (text.Length == 0)
        {
            return ListReport.Make(view, filter);
        }

        // Names first: "add" is a name and a hexadecimal number.
        Report byName = ListReport.Make(view, filter with { Symbol = text });
        return byName.HasRows || view.ParseAddress(text) is not { } address || view.Index.Find(address) is not { } block
            ? byName
            : ListReport.Make(view, filter with { From = view.File.Blocks[block].Address, To = view.File.Blocks[block].Address });
    }

    /// <summary>The region at an address; null when that is none.</summary>
    public static Report? Region(CacheView view, string text) => view.ParseAddress(text) is { } address ? RegionReport.Make(view, address) : null;

    /// <summary>What threw translations away.</summary>
    public static Report Invalidations(CacheView view) => InvalidationsReport.Make(view, MostRows);

    /// <summary>Why generated code was left.</summary>
    public static Report Exits(CacheView view) => ExitsReport.Make(view, MostRows, null);
}
