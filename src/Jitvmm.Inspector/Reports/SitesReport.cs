using Iced.Intel;
using Jitvmm.Inspector.Files;
using Jitvmm.Runtime.Paravirt;

namespace Jitvmm.Inspector.Reports;

/// <summary><c>jitvmm cache sites</c>: where the guest calls its hypervisor, or does what only a kernel may.</summary>
public static class SitesReport
{
    /// <summary>Hypercall sites, then privileged instructions, each most often first.</summary>
    /// <param name="view">The cache.</param>
    /// <param name="limit">Rows at most; 0 for all.</param>
    public static Report Make(CacheView view, int limit)
    {
        ArgumentNullException.ThrowIfNull(view);
        var rows = new List<(ulong Count, ulong Address, string Kind, string Instruction, ulong? Number, string Found)>();
        foreach (SiteRecord site in view.File.Sites)
        {
            rows.Add((site.Count, site.Address, "hypercall", NameOf((HypercallInstruction)site.Instruction), site.HasNumber == 0 ? null : site.Number, NameOf(site)));
        }

        rows.AddRange(Privileged(view));
        rows.Sort(static (a, b) => a.Kind != b.Kind ? string.CompareOrdinal(a.Kind, b.Kind) : a.Count != b.Count ? b.Count.CompareTo(a.Count) : a.Address.CompareTo(b.Address));
        Report report = new("sites");
        report.AddFact("sites", rows.Count);
        ReportTable table = report.AddTable(
            "rows",
            new("kind", ColumnKind.Text),
            new("count", ColumnKind.Number),
            new("address", ColumnKind.Address),
            new("instruction", ColumnKind.Text),
            new("number", ColumnKind.Number),
            new("found", ColumnKind.Text),
            new("symbol", ColumnKind.Text));
        foreach ((ulong count, ulong address, string kind, string instruction, ulong? number, string found) in limit == 0 ? rows : rows.Take(limit))
        {
            table.Add(kind, count, address, instruction, number, found, view.Symbols.Describe(address));
        }

        return report;
    }

    /// <summary>
    /// Privileged instructions, and SYSCALL and CPUID, which leave the guest too. Counts are those of the blocks they are in, each place once for all blocks that have it.
    /// </summary>
    private static List<(ulong Count, ulong Address, string Kind, string Instruction, ulong? Number, string Found)> Privileged(CacheView view)
    {
        var counts = new Dictionary<(ulong Address, Code Code), ulong>();
        ReadOnlySpan<BlockRecord> blocks = view.File.Blocks;
        for (int i = 0; i < blocks.Length; i++)
        {
            foreach (Instruction instruction in GuestCode.Decode(view.File, blocks[i]))
            {
                if (instruction.IsPrivileged || instruction.Mnemonic is Mnemonic.Cpuid or Mnemonic.Syscall)
                {
                    (ulong, Code) key = (instruction.IP, instruction.Code);
                    counts[key] = counts.GetValueOrDefault(key) + blocks[i].Executions;
                }
            }
        }

        return
        [
            .. counts.Select(static pair => (
                pair.Value, pair.Key.Address, pair.Key.Code.Mnemonic() is Mnemonic.Cpuid or Mnemonic.Syscall ? "system" : "privileged", pair.Key.Code.Mnemonic().ToString().ToLowerInvariant(), (ulong?)null, "")),
        ];
    }

    private static string NameOf(HypercallInstruction instruction) => instruction switch
    {
        HypercallInstruction.Vmcall => "vmcall",
        HypercallInstruction.Vmmcall => "vmmcall",
        HypercallInstruction.Call => "call",
        _ => throw new ArgumentOutOfRangeException(nameof(instruction)),
    };

    private static string NameOf(in SiteRecord site)
    {
        string kind = (HypercallSiteKind)site.Kind switch
        {
            HypercallSiteKind.Instruction => "instruction",
            HypercallSiteKind.Rewritten => "rewritten",
            HypercallSiteKind.Page => "page",
            _ => throw new ArgumentOutOfRangeException(nameof(site)),
        };
        return site.IsReplaced != 0 ? $"{kind}, replaced" : kind;
    }
}
