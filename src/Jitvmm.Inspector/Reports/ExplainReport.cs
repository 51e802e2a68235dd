using System.Globalization;
using Iced.Intel;
using Jitvmm.Inspector.Files;
using Jitvmm.Runtime.CodeCache;
using Jitvmm.Translator.Lift;

namespace Jitvmm.Inspector.Reports;

/// <summary><c>jitvmm cache explain</c>: why code is compiled, or is not, or is not any more.</summary>
public static class ExplainReport
{
    /// <summary>Explains every block that has an address in it.</summary>
    public static Report Make(CacheView view, ulong address)
    {
        ArgumentNullException.ThrowIfNull(view);
        Report report = new("explain");
        IReadOnlyList<int> numbers = view.Index.All(address);
        report.AddFact("blocks", numbers.Count);
        if (numbers.Count == 0)
        {
            report.AddFact("note", NeverTranslated(address));
        }

        ReportTable table = report.AddTable("rows", new("address", ColumnKind.Address), new("symbol", ColumnKind.Text), new("verdict", ColumnKind.Text), new("reason", ColumnKind.Text));
        foreach (int number in numbers)
        {
            BlockRecord block = view.File.Blocks[number];
            string verdict = block.State != TranslationState.Live ? ListReport.NameOf(block.State) : block.IsEntry != 0 ? "compiled" : block.Compiled > 0 ? "compiled inside" : "interpreted";
            foreach (string reason in Reasons(view, number, block))
            {
                table.Add(block.Address, view.Symbols.Describe(block.Address), verdict, reason);
            }
        }

        return report;
    }

    /// <summary>Why there is no region with an address in it.</summary>
    internal static string WhyNotCompiled(CacheView view, ulong address)
    {
        IReadOnlyList<int> numbers = view.Index.All(address);
        return numbers.Count == 0 ? NeverTranslated(address) : WhyNot(view, view.File.Blocks[numbers[^1]]);
    }

    private static string NeverTranslated(ulong address) => $"{address:x} was never translated: the guest did not go there, or nobody recorded it";

    private static List<string> Reasons(CacheView view, int number, in BlockRecord block)
    {
        var reasons = new List<string>();
        reasons.AddRange(Invalidations(view, number));
        if (block.State == TranslationState.Flushed)
        {
            reasons.Add(Text($"all translations were thrown away at {block.Gone} ms: the cache was full, or another program began"));
        }

        reasons.AddRange(Regions(view, number));
        if (block.Regions == 0)
        {
            reasons.Add(WhyNot(view, block));
        }

        Instruction? left = FirstOfTierZero(view.File, block);
        if (left is { } instruction)
        {
            reasons.Add(Text($"compiled code leaves {instruction.Mnemonic.ToString().ToLowerInvariant()} at {instruction.IP:x} to tier 0, and what follows in the block with it"));
        }

        return reasons;
    }

    private static string WhyNot(CacheView view, in BlockRecord block)
    {
        var mode = (CodeMode)block.Mode;
        if (view.File.Fact("tier") == "0" || block.Threshold == 0)
        {
            return "nothing is compiled: the run was interpreted (--tier 0)";
        }

        if ((mode & CodeMode.Long) == 0)
        {
            return "16- and 32-bit code is interpreted";
        }

        if ((mode & ~(CodeMode.Long | CodeMode.CheckedUnits | CodeMode.CheckedAvx)) != 0)
        {
            return $"code of its mode is interpreted: {mode}";
        }

        if (block.Interpreted < block.Threshold)
        {
            return Text($"it ran {block.Interpreted} times, and is compiled when it ran {block.Threshold} times");
        }

        return Text($"it ran {block.Interpreted} times of {block.Threshold}, and no region was made of it before it went or the run ended: it waited, or its first instruction cannot be compiled");
    }

    private static List<string> Invalidations(CacheView view, int number)
    {
        var reasons = new List<string>();
        foreach (InvalidationRecord each in view.File.Invalidations)
        {
            if (each.Block == (uint)number)
            {
                string writer = each.Instruction == 0 ? "" : $" by {each.Instruction:x} {view.Symbols.Describe(each.Instruction)}".TrimEnd();
                reasons.Add(Text($"thrown away {each.Count} times, the last at {each.Last} ms: {InvalidationsReport.NameOf((CodeChangeKind)each.Kind)}{writer}"));
            }
        }

        return reasons;
    }

    private static List<string> Regions(CacheView view, int number)
    {
        var reasons = new List<string>();
        ReadOnlySpan<RegionRecord> regions = view.File.Regions;
        for (int i = 0; i < regions.Length; i++)
        {
            foreach (RegionPartRecord part in view.File.PartsOf(regions[i]))
            {
                if (part.Block != (uint)number || part.Entry == RegionPartRecord.Dependency)
                {
                    continue;
                }

                string role = part.Entry == 0 ? "its head" : part.Entry > 0 ? "an entry" : "inside";
                string end = regions[i].State == TranslationState.Live ? "" : Text($"; that was {ListReport.NameOf(regions[i].State)} at {regions[i].Gone} ms");
                reasons.Add(Text($"part of region {i} since {regions[i].Made} ms, {role}, run there {part.Executions} times{end}"));
            }
        }

        return reasons;
    }

    private static Instruction? FirstOfTierZero(CacheFile file, in BlockRecord block)
    {
        foreach (Instruction instruction in GuestCode.Decode(file, block))
        {
            if (Lifter.LeavesCompiledCode(instruction))
            {
                return instruction;
            }
        }

        return null;
    }

    private static string Text(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
