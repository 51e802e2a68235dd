using System.Globalization;
using Iced.Intel;
using Jitvmm.Inspector.Assemblies;
using Jitvmm.Inspector.Files;
using Jitvmm.Inspector.Translation;
using Jitvmm.Translator.Emit;
using Jitvmm.Translator.Ir;
using Jitvmm.Translator.Regions;

namespace Jitvmm.Inspector.Reports;

/// <summary><c>jitvmm cache show</c>: one block, in every form it has on its way to the host.</summary>
public static class ShowReport
{
    /// <summary>Shows the block at an address and, when it is part of a compiled region, what became of it there.</summary>
    public static Report Make(CacheView view, ulong address)
    {
        ArgumentNullException.ThrowIfNull(view);
        Report report = new("show");
        if (view.Index.Find(address) is not { } number)
        {
            report.AddFact("found", 0);
            report.AddFact("note", $"no block of the cache has {address:x} in it");
            return report;
        }

        BlockRecord block = view.File.Blocks[number];
        report.AddFact("found", 1);
        report.AddFact("block", $"0x{block.Address:x}");
        report.AddFact("symbol", view.Symbols.Describe(block.Address));
        report.AddFact("state", ListReport.NameOf(block.State));
        report.AddFact("executions", block.Executions);
        report.AddFact("interpreted", block.Interpreted);
        report.AddFact("compiled", block.Compiled);
        AddGuest(report, view, block);
        if (FindRegion(view, number) is not { } region)
        {
            report.AddFact("note", "it is not part of a compiled region: it has no IL and no host code; tier 0 runs records of its instructions");
            return report;
        }

        AddRegion(report, view, region, block);
        return report;
    }

    /// <summary>The region to show a block in: the last made that it is the head of, else the last made that has it.</summary>
    internal static int? FindRegion(CacheView view, int block)
    {
        int? found = null;
        bool isHead = false;
        ReadOnlySpan<RegionRecord> regions = view.File.Regions;
        for (int i = 0; i < regions.Length; i++)
        {
            foreach (RegionPartRecord part in view.File.PartsOf(regions[i]))
            {
                if (part.Block == (uint)block && part.Entry != RegionPartRecord.Dependency && (part.Entry == 0 || !isHead))
                {
                    found = i;
                    isHead |= part.Entry == 0;
                }
            }
        }

        return found;
    }

    private static void AddGuest(Report report, CacheView view, in BlockRecord block)
    {
        Formatter formatter = GuestCode.CreateFormatter(view.Symbols);
        ReportTable table = report.AddTable("guest", new("address", ColumnKind.Address), new("bytes", ColumnKind.Text), new("instruction", ColumnKind.Text));
        ReadOnlySpan<byte> code = view.File.CodeOf(block);
        foreach (Instruction instruction in GuestCode.Decode(view.File, block))
        {
            table.Add(instruction.IP, GuestCode.Hex(code.Slice((int)(instruction.IP - block.Address), instruction.Length)), GuestCode.Format(formatter, instruction));
        }
    }

    private static void AddRegion(Report report, CacheView view, int number, in BlockRecord block)
    {
        RegionRecord region = view.File.Regions[number];
        report.AddFact("region", number);
        report.AddFact("region-state", ListReport.NameOf(region.State));
        report.AddFact("region-instructions", region.Instructions);
        report.AddFact("compile-us", region.CompileTime);
        report.AddFact("host-bytes", region.HostLength);
        (RegionTranslation? translation, string? problem) = RegionTranslation.Make(view.File, region);
        if (translation == null)
        {
            report.AddFact("note", $"IR and IL are made again from the saved bytes, but {problem}");
        }
        else
        {
            AddIr(report, translation, block.Address);
            AddIl(report, translation, block.Address);
            HashSet<ulong> own = AddressesOf(translation, block.Address);
            AddSource(report, translation, view, block.Address, line => own.Contains(line.Guest));
        }

        AddHost(report, view, region);
    }

    /// <summary>Before the passes every operation counts; after them those that something uses.</summary>
    private static void AddIr(Report report, RegionTranslation translation, ulong address)
    {
        RegionBlock block = translation.Blocks.First(block => block.Address == address);
        ReportTable table = report.AddTable(
            "ir", new("address", ColumnKind.Address), new("operation", ColumnKind.Text), new("uses", ColumnKind.Number), new("after-passes", ColumnKind.Text));
        for (int i = 0; i < block.Code.Length; i++)
        {
            ref readonly IrInstruction op = ref block.Code[i];
            table.Add(block.Instructions[op.Guest].IP, IrText.Of(op, i), block.Used[i], block.Used[i] > 0 ? "kept" : "dead");
        }
    }

    /// <summary>What belongs to the block's instructions, its ways out included.</summary>
    private static void AddIl(Report report, RegionTranslation translation, ulong address)
    {
        (IlListing? listing, string? problem) = translation.ListIl();
        if (listing == null)
        {
            report.AddFact("note", $"IL is emitted again from the saved bytes, but {problem}");
            return;
        }

        HashSet<ulong> addresses = AddressesOf(translation, address);
        report.AddFact("il-bytes", listing.Lines.Count == 0 ? 0 : listing.Lines[^1].Offset + 1);
        ReportTable table = report.AddTable("il", new("address", ColumnKind.Address), new("offset", ColumnKind.Number), new("operation", ColumnKind.Text));
        foreach (IlLine line in listing.Lines.Where(line => addresses.Contains(line.Guest)))
        {
            table.Add(line.Guest, line.Offset, line.Text);
        }
    }

    private static HashSet<ulong> AddressesOf(RegionTranslation translation, ulong address) =>
        [.. translation.Blocks.First(block => block.Address == address).Instructions.Select(static instruction => instruction.IP)];

    /// <summary>A region's IL as C#: all of it, or some lines.</summary>
    internal static void AddSource(Report report, RegionTranslation translation, CacheView view, ulong head, Func<RegionSource.Line, bool> isWanted)
    {
        (IReadOnlyList<RegionSource.Line>? lines, string? problem) = RegionSource.Decompile(translation, head, view.Symbols.Describe(head));
        if (lines == null)
        {
            report.AddFact("note", $"there is no C#: {problem}");
            return;
        }

        ReportTable table = report.AddTable("cs", new("address", ColumnKind.Address), new("line", ColumnKind.Number), new("source", ColumnKind.Text));
        for (int i = 0; i < lines.Count; i++)
        {
            if (isWanted(lines[i]))
            {
                table.Add(lines[i].Guest, i + 1, lines[i].Text);
            }
        }
    }

    /// <summary>The host code of a region.</summary>
    internal static void AddHost(Report report, CacheView view, in RegionRecord region)
    {
        ReportTable table = report.AddTable("host", new("offset", ColumnKind.Number), new("bytes", ColumnKind.Text), new("instruction", ColumnKind.Text));
        byte[] code = view.File.HostCodeOf(region).ToArray();
        Formatter formatter = GuestCode.CreateHostFormatter();
        ulong start = region.HostAddress;
        foreach (Instruction instruction in GuestCode.Decode(code, start, 64))
        {
            int offset = (int)(instruction.IP - start);
            table.Add(offset, GuestCode.Hex(code.AsSpan(offset, instruction.Length)), GuestCode.Format(formatter, instruction));
        }
    }
}
