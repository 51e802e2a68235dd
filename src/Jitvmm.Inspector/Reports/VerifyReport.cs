using Iced.Intel;
using Jitvmm.Inspector.Files;
using Jitvmm.Inspector.Translation;
using Jitvmm.Translator.Passes;

namespace Jitvmm.Inspector.Reports;

/// <summary><c>jitvmm cache verify</c>: makes everything again from the guest's bytes and compares.</summary>
/// <remarks>
/// Blocks: as many instructions, as long. Regions: lifted, emitted and compiled again, their IR must be valid behind each pass and what these found out must hold together, and RyuJIT must make the same instructions of them as it did in the run; what they hold of addresses, of
/// registers and of constants is not compared. It follows that the IL is valid: RyuJIT took it twice.
/// </remarks>
public static class VerifyReport
{
    /// <summary>Verifies all blocks and regions.</summary>
    /// <param name="view">The cache.</param>
    /// <param name="limit">Differences shown at most; 0 for all.</param>
    public static Report Make(CacheView view, int limit)
    {
        ArgumentNullException.ThrowIfNull(view);
        var problems = new List<(string What, ulong Address, string Problem)>();
        ReadOnlySpan<BlockRecord> blocks = view.File.Blocks;
        for (int i = 0; i < blocks.Length; i++)
        {
            if (Check(view.File, blocks[i]) is { } problem)
            {
                problems.Add(("block", blocks[i].Address, problem));
            }
        }

        int compared = 0;
        int skipped = 0;
        foreach (RegionRecord region in view.File.Regions)
        {
            string? invalid = null;
            (RegionTranslation? translation, string? reason) = RegionTranslation.Make(view.File, region, (made, pass) =>
                invalid ??= IrVerifier.FirstProblem(made.Blocks) is { } found ? $"behind {pass}, {found}" : null);
            if (translation == null || region.HostLength == 0)
            {
                skipped++;
                problems.Add(("not compared", view.File.Blocks[(int)region.Head].Address, reason ?? "its host code was not read"));
                continue;
            }

            compared++;
            if ((invalid ?? translation.FlowProblem ?? Check(view.File, region, translation)) is { } problem)
            {
                problems.Add(("region", view.File.Blocks[(int)region.Head].Address, problem));
            }
        }

        Report report = new("verify") { Failed = problems.Exists(static problem => problem.What != "not compared") };
        report.AddFact("blocks", blocks.Length);
        report.AddFact("regions-compared", compared);
        report.AddFact("regions-not-compared", skipped);
        report.AddFact("differences", problems.Count - skipped);
        ReportTable table = report.AddTable("rows", new("what", ColumnKind.Text), new("address", ColumnKind.Address), new("problem", ColumnKind.Text));
        foreach ((string what, ulong address, string problem) in limit == 0 ? problems : problems.Take(limit))
        {
            table.Add(what, address, problem);
        }

        return report;
    }

    private static string? Check(CacheFile file, in BlockRecord block)
    {
        Instruction[] instructions = GuestCode.Decode(file, block);
        if (instructions.Length != block.Instructions)
        {
            return $"{instructions.Length} instructions are in its bytes, not {block.Instructions}";
        }

        ulong end = instructions.Length == 0 ? block.Address : instructions[^1].NextIP;

        // An undefined opcode behind the last instruction counts with its first byte.
        return end == block.End || end + 1 == block.End ? null : $"its instructions end at {end:x}, not at {block.End:x}";
    }

    private static string? Check(CacheFile file, in RegionRecord region, RegionTranslation translation)
    {
        int instructions = translation.Blocks.Sum(static block => block.Instructions.Length);
        if (instructions != region.Instructions)
        {
            return $"{instructions} guest instructions, not {region.Instructions}";
        }

        (byte[]? host, string? problem) = translation.Compile();
        if (host == null)
        {
            return problem;
        }

        Instruction[] now = GuestCode.Decode(host, 0, 64);
        Instruction[] then = GuestCode.Decode(file.HostCodeOf(region).ToArray(), 0, 64);
        for (int i = 0; i < Math.Min(now.Length, then.Length); i++)
        {
            if (now[i].Mnemonic != then[i].Mnemonic)
            {
                return $"host instruction {i} is {now[i].Mnemonic}, not {then[i].Mnemonic}";
            }
        }

        return now.Length == then.Length ? null : $"{now.Length} host instructions, not {then.Length}";
    }
}
