using System.Globalization;
using Jitvmm.Inspector.Files;
using Jitvmm.Inspector.Translation;
using Jitvmm.Translator.Regions;

namespace Jitvmm.Inspector.Reports;

/// <summary><c>jitvmm cache graph</c>: how control goes in a region.</summary>
/// <remarks>Blocks are counted, edges are not: an edge's count is given where the counts of blocks leave only one.</remarks>
public static class GraphReport
{
    /// <summary>Blocks and edges of the region that has an address in it.</summary>
    /// <param name="view">The cache.</param>
    /// <param name="address">The address.</param>
    /// <param name="dot">In the language of Graphviz.</param>
    public static Report Make(CacheView view, ulong address, bool dot)
    {
        ArgumentNullException.ThrowIfNull(view);
        Report report = new("graph") { IsBare = dot };
        int? region = view.Index.Find(address) is { } number ? ShowReport.FindRegion(view, number) : null;
        report.AddFact("found", region.HasValue ? 1 : 0);
        if (region is not { } index)
        {
            report.AddFact("note", $"no compiled region has {address:x} in it");
            return report;
        }

        RegionRecord record = view.File.Regions[index];
        (RegionTranslation? translation, string? problem) = RegionTranslation.Make(view.File, record);
        report.AddFact("region", index);
        if (translation == null)
        {
            report.AddFact("note", $"how control goes is found from the saved bytes, but {problem}");
            return report;
        }

        Dictionary<ulong, (ulong Executions, int Entry)> blocks = BlocksOf(view, view.File.PartsOf(record).ToArray());
        EdgeCounts edges = new(translation.Blocks, blocks);
        if (dot)
        {
            report.AddLines("dot", Dot(view, translation.Blocks, blocks, edges));
        }
        else
        {
            AddTables(report, view, translation.Blocks, blocks, edges);
        }

        return report;
    }

    /// <summary>Only the edges, for a report that has the blocks already.</summary>
    internal static void AddEdges(Report report, CacheView view, RegionTranslation translation, IReadOnlyList<RegionPartRecord> parts)
    {
        Dictionary<ulong, (ulong Executions, int Entry)> blocks = BlocksOf(view, parts);
        AddEdges(report, blocks, new EdgeCounts(translation.Blocks, blocks));
    }

    private static Dictionary<ulong, (ulong Executions, int Entry)> BlocksOf(CacheView view, IReadOnlyList<RegionPartRecord> parts)
    {
        Dictionary<ulong, (ulong Executions, int Entry)> blocks = [];
        foreach (RegionPartRecord part in parts)
        {
            if (part.Entry != RegionPartRecord.Dependency)
            {
                blocks[view.File.Blocks[(int)part.Block].Address] = (part.Executions, part.Entry);
            }
        }

        return blocks;
    }

    private static void AddTables(Report report, CacheView view, IReadOnlyList<RegionBlock> blocks, Dictionary<ulong, (ulong Executions, int Entry)> counts, EdgeCounts edges)
    {
        ReportTable nodes = report.AddTable(
            "blocks", new("address", ColumnKind.Address), new("executions", ColumnKind.Number), new("entry", ColumnKind.Number), new("loop", ColumnKind.Text), new("symbol", ColumnKind.Text));
        foreach (RegionBlock block in blocks)
        {
            (ulong executions, int entry) = counts[block.Address];
            nodes.Add(block.Address, executions, entry < 0 ? null : entry, block.IsLoopHead ? "head" : "", view.Symbols.Describe(block.Address));
        }

        AddEdges(report, counts, edges);
    }

    private static void AddEdges(Report report, Dictionary<ulong, (ulong Executions, int Entry)> counts, EdgeCounts edges)
    {
        ReportTable table = report.AddTable("edges", new("from", ColumnKind.Address), new("to", ColumnKind.Address), new("count", ColumnKind.Number), new("leaves", ColumnKind.Text));
        foreach ((ulong from, ulong to) in edges.All)
        {
            table.Add(from, to, edges.CountOf(from, to), counts.ContainsKey(to) ? "" : "leaves");
        }
    }

    private static List<string> Dot(CacheView view, IReadOnlyList<RegionBlock> blocks, Dictionary<ulong, (ulong Executions, int Entry)> counts, EdgeCounts edges)
    {
        List<string> lines = ["digraph region {", "  node [shape=box, fontname=monospace];"];
        foreach (RegionBlock block in blocks)
        {
            (ulong executions, int entry) = counts[block.Address];
            string name = view.Symbols.Describe(block.Address).Replace("\\", "\\\\", StringComparison.Ordinal).Replace("\"", "\\\"", StringComparison.Ordinal);
            lines.Add(string.Create(CultureInfo.InvariantCulture, $"  b{block.Address:x} [label=\"{block.Address:x} {name}\\n{executions}\"{(entry >= 0 ? ", peripheries=2" : "")}];"));
        }

        foreach ((ulong from, ulong to) in edges.All)
        {
            lines.Add(string.Create(CultureInfo.InvariantCulture, $"  b{from:x} -> b{to:x}{(edges.CountOf(from, to) is { } count ? $" [label=\"{count}\"]" : "")};"));
        }

        lines.Add("}");
        return lines;
    }

    /// <summary>Finds edges' counts from those of blocks, as far as they follow.</summary>
    private sealed class EdgeCounts
    {
        private readonly Dictionary<(ulong From, ulong To), ulong?> _counts = [];
        private readonly List<(ulong From, ulong To)> _all = [];

        public EdgeCounts(IReadOnlyList<RegionBlock> blocks, Dictionary<ulong, (ulong Executions, int Entry)> counts)
        {
            foreach (RegionBlock block in blocks)
            {
                foreach (ulong successor in block.Successors.Where(successor => successor != block.ReturnSite).Distinct())
                {
                    _all.Add((block.Address, successor));
                    _counts[(block.Address, successor)] = null;
                }
            }

            Solve(blocks, counts);
        }

        public IReadOnlyList<(ulong From, ulong To)> All => _all;

        public ulong? CountOf(ulong from, ulong to) => _counts[(from, to)];

        /// <summary>
        /// What flows into a block that is no entry and no return site came over its edges. What flows out need not all arrive: a block may be left in its middle. So only edges into
        /// blocks are solved.
        /// </summary>
        private void Solve(IReadOnlyList<RegionBlock> blocks, Dictionary<ulong, (ulong Executions, int Entry)> counts)
        {
            HashSet<ulong> returned = [.. blocks.Select(static block => block.ReturnSite)];
            foreach (RegionBlock block in blocks)
            {
                (ulong From, ulong To)[] into = [.. _all.Where(edge => edge.To == block.Address)];
                if (into.Length == 1 && counts[block.Address].Entry < 0 && !returned.Contains(block.Address))
                {
                    _counts[into[0]] = counts[block.Address].Executions;
                }
            }
        }
    }
}
