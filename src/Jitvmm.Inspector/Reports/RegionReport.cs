using Iced.Intel;
using Jitvmm.Inspector.Files;
using Jitvmm.Inspector.Translation;
using Jitvmm.Translator.Emit;
using Jitvmm.Translator.Ir;
using Jitvmm.Translator.Regions;

namespace Jitvmm.Inspector.Reports;

/// <summary>All of a region at once, for a page that shows its columns side by side.</summary>
public static class RegionReport
{
    /// <summary>The region that has an address in it; where there is none, the block.</summary>
    public static Report Make(CacheView view, ulong address)
    {
        ArgumentNullException.ThrowIfNull(view);
        Report report = new("region");
        int? block = view.Index.Find(address);
        report.AddFact("found", block == null ? 0 : 1);
        if (block is not { } number)
        {
            report.AddFact("note", $"no block of the cache has {address:x} in it");
            return report;
        }

        report.AddFact("address", $"0x{view.File.Blocks[number].Address:x}");
        report.AddFact("symbol", view.Symbols.Describe(view.File.Blocks[number].Address));
        if (ShowReport.FindRegion(view, number) is { } region)
        {
            AddRegion(report, view, region);
        }
        else
        {
            report.AddFact("note", "it is not part of a compiled region: it has no IL and no host code; tier 0 runs records of its instructions");
            ReportTable table = AddInstructions(report);
            ReportTable blocks = AddBlocks(report);
            AddBlock(table, blocks, view, view.File.Blocks[number], view.File.Blocks[number].Executions, null, GuestCode.CreateFormatter(view.Symbols));
        }

        return report;
    }

    private static void AddRegion(Report report, CacheView view, int number)
    {
        RegionRecord region = view.File.Regions[number];
        report.AddFact("region", number);
        report.AddFact("state", ListReport.NameOf(region.State));
        report.AddFact("instructions-in-region", region.Instructions);
        report.AddFact("compile-us", region.CompileTime);
        report.AddFact("host-bytes", region.HostLength);
        ReportTable table = AddInstructions(report);
        ReportTable blocks = AddBlocks(report);
        Formatter formatter = GuestCode.CreateFormatter(view.Symbols);
        var parts = new List<RegionPartRecord>();
        foreach (RegionPartRecord part in view.File.PartsOf(region))
        {
            if (part.Entry != RegionPartRecord.Dependency)
            {
                parts.Add(part);
            }
        }

        foreach (RegionPartRecord part in parts.OrderBy(part => view.File.Blocks[(int)part.Block].Address))
        {
            AddBlock(table, blocks, view, view.File.Blocks[(int)part.Block], part.Executions, part.Entry < 0 ? null : part.Entry, formatter);
        }

        (RegionTranslation? translation, string? problem) = RegionTranslation.Make(view.File, region);
        if (translation == null)
        {
            report.AddFact("note", $"IR and IL are made again from the saved bytes, but {problem}");
        }
        else
        {
            AddTranslation(report, view, translation, parts);
        }

        ShowReport.AddHost(report, view, region);
    }

    private static ReportTable AddInstructions(Report report) => report.AddTable(
        "instructions",
        new("address", ColumnKind.Address),
        new("block", ColumnKind.Address),
        new("bytes", ColumnKind.Text),
        new("instruction", ColumnKind.Text),
        new("executions", ColumnKind.Number));

    private static ReportTable AddBlocks(Report report) => report.AddTable(
        "blocks", new("address", ColumnKind.Address), new("executions", ColumnKind.Number), new("entry", ColumnKind.Number), new("symbol", ColumnKind.Text));

    private static void AddBlock(ReportTable instructions, ReportTable blocks, CacheView view, in BlockRecord block, ulong executions, int? entry, Formatter formatter)
    {
        blocks.Add(block.Address, executions, entry, view.Symbols.Describe(block.Address));
        ReadOnlySpan<byte> code = view.File.CodeOf(block);
        foreach (Instruction instruction in GuestCode.Decode(view.File, block))
        {
            instructions.Add(
                instruction.IP, block.Address, GuestCode.Hex(code.Slice((int)(instruction.IP - block.Address), instruction.Length)), GuestCode.Format(formatter, instruction), executions);
        }
    }

    private static void AddTranslation(Report report, CacheView view, RegionTranslation translation, List<RegionPartRecord> parts)
    {
        ReportTable ir = report.AddTable("ir", new("address", ColumnKind.Address), new("operation", ColumnKind.Text), new("after-passes", ColumnKind.Text));
        foreach (RegionBlock block in translation.Blocks)
        {
            for (int i = 0; i < block.Code.Length; i++)
            {
                ref readonly IrInstruction op = ref block.Code[i];
                ir.Add(block.Instructions[op.Guest].IP, IrText.Of(op, i), block.Used[i] > 0 ? "kept" : "dead");
            }
        }

        (IlListing? listing, string? problem) = translation.ListIl();
        if (listing == null)
        {
            report.AddFact("note", $"IL is emitted again from the saved bytes, but {problem}");
        }
        else
        {
            ReportTable il = report.AddTable("il", new("address", ColumnKind.Address), new("offset", ColumnKind.Number), new("operation", ColumnKind.Text));
            foreach (IlLine line in listing.Lines)
            {
                il.Add(line.Guest, line.Offset, line.Text);
            }
        }

        ShowReport.AddSource(report, translation, view, translation.Blocks.First(static block => block.Entry == 0).Address, static _ => true);
        GraphReport.AddEdges(report, view, translation, parts);
    }
}
