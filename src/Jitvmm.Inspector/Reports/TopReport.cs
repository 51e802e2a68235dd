using Jitvmm.Inspector.Files;

namespace Jitvmm.Inspector.Reports;

/// <summary><c>jitvmm cache top</c>: what a guest does now.</summary>
public static class TopReport
{
    /// <summary>One refresh.</summary>
    /// <param name="view">The guest now.</param>
    /// <param name="rates">What happened since the last refresh.</param>
    /// <param name="limit">Blocks at most; 0 for all that ran.</param>
    public static Report Make(CacheView view, CacheRates rates, int limit)
    {
        ArgumentNullException.ThrowIfNull(view);
        ArgumentNullException.ThrowIfNull(rates);
        Report report = new("top");
        AddFacts(report, view, rates);
        ReportTable exits = report.AddTable("exits", new("kind", ColumnKind.Text), new("per-second", ColumnKind.Number));
        foreach ((ExitKind kind, ulong count) in rates.Exits)
        {
            exits.Add(ExitKinds.NameOf(kind), Rounded(rates.PerSecond(count)));
        }

        ReportTable table = report.AddTable(
            "rows",
            new("instructions-per-second", ColumnKind.Number),
            new("percent", ColumnKind.Number),
            new("executions-per-second", ColumnKind.Number),
            new("tier", ColumnKind.Number),
            new("region", ColumnKind.Number),
            new("address", ColumnKind.Address),
            new("symbol", ColumnKind.Text));
        int[] regions = RegionsOf(view.File);
        double all = Math.Max(1, rates.Interpreted + rates.Compiled);
        foreach (int number in Hottest(view.File, rates, limit))
        {
            ref readonly BlockRecord block = ref view.File.Blocks[number];
            double instructions = (double)rates.Executions[number] * block.Instructions;
            table.Add(
                Rounded(rates.PerSecond(instructions)),
                Math.Round(instructions / all * 100, 1),
                Rounded(rates.PerSecond(rates.Executions[number])),
                regions[number] >= 0 ? 1 : 0,
                regions[number] >= 0 ? regions[number] : null,
                block.Address,
                view.Symbols.Describe(block.Address));
        }

        return report;
    }

    /// <summary>A rate as a whole number: more digits than that mean nothing.</summary>
    private static ulong Rounded(double rate) => (ulong)Math.Round(rate);

    private static void AddFacts(Report report, CacheView view, CacheRates rates)
    {
        report.AddFact("program", view.File.Fact("program"));
        report.AddFact("recorded-ms", rates.RecordedMs);
        report.AddFact("interval-ms", rates.ElapsedMs);
        report.AddFact("instructions-per-second", Rounded(rates.PerSecond(rates.Interpreted + rates.Compiled)));
        report.AddFact("interpreted-per-second", Rounded(rates.PerSecond(rates.Interpreted)));
        report.AddFact("compiled-per-second", Rounded(rates.PerSecond(rates.Compiled)));
        report.AddFact("exits-per-second", Rounded(rates.PerSecond(rates.Exits.Values.Aggregate(0.0, static (sum, count) => sum + count))));
        report.AddFact("translations-per-second", Rounded(rates.PerSecond(rates.Translations)));
        report.AddFact("invalidations-per-second", Rounded(rates.PerSecond(rates.Invalidations)));
        report.AddFact("regions-compiled", rates.Compilations);
        report.AddFact("compile-us", rates.CompileTime);
        report.AddFact("blocks", rates.LiveBlocks);
        report.AddFact("regions", rates.LiveRegions);
        report.AddFact("cache-bytes", rates.CacheBytes);
    }

    /// <summary>Blocks by instructions executed, most first; none that did not run.</summary>
    private static IEnumerable<int> Hottest(CacheFile file, CacheRates rates, int limit)
    {
        ulong[] keys = new ulong[file.Blocks.Length];
        int[] numbers = new int[keys.Length];
        int count = 0;
        for (int i = 0; i < keys.Length; i++)
        {
            if (rates.Executions[i] > 0)
            {
                keys[count] = ~(rates.Executions[i] * file.Blocks[i].Instructions);
                numbers[count++] = i;
            }
        }

        Array.Sort(keys, numbers, 0, count);
        return numbers.Take(limit == 0 ? count : Math.Min(limit, count));
    }

    /// <summary>For each block, the live region that has it, the last made of several; −1 for none.</summary>
    private static int[] RegionsOf(CacheFile file)
    {
        int[] found = new int[file.Blocks.Length];
        Array.Fill(found, -1);
        for (int i = 0; i < file.Regions.Length; i++)
        {
            if (file.Regions[i].State != TranslationState.Live)
            {
                continue;
            }

            foreach (RegionPartRecord part in file.PartsOf(file.Regions[i]))
            {
                if (part.Entry != RegionPartRecord.Dependency)
                {
                    found[part.Block] = i;
                }
            }
        }

        return found;
    }
}
