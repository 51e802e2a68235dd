using System.Globalization;
using System.Text;
using System.Text.Json;

namespace Jitvmm.Perf.Paravirt;

/// <summary>What one interface's guest took in all rounds, beside a fully virtualized one: medians, as a Markdown table, JSON and a plot.</summary>
/// <param name="name">Of the interface.</param>
/// <param name="parts">All rounds of each part, by name.</param>
/// <param name="others">The same of the fully virtualized guest.</param>
/// <param name="instructions">What one processor executed for a part, of those that were counted.</param>
/// <param name="othersInstructions">The same of the fully virtualized guest.</param>
internal sealed class InterfaceReport(
    string name,
    IReadOnlyDictionary<string, List<Part>> parts,
    IReadOnlyDictionary<string, List<Part>> others,
    IReadOnlyDictionary<string, long> instructions,
    IReadOnlyDictionary<string, long> othersInstructions)
{
    /// <summary>What fully virtualized guests have in place of a disk of the interface's own.</summary>
    private const string HardwareDisk = "disk, NVMe";

    private const string None = "–";

    private static readonly (string Title, string Counter)[] s_columns =
    [
        ("ports", "port accesses"),
        ("device memory", "device memory accesses"),
        ("registers", "register accesses"),
        ("CPUID", "identity queries"),
        ("hypercalls", "hypercalls"),
        ("compiled", "of these compiled"),
        ("interrupts", "interrupts"),
        ("halts", "waits"),
        ("EOIs", "ends of interrupt"),
        ("elided", "of these in memory"),
        ("bytes translated", "bytes translated"),
    ];

    private static readonly JsonSerializerOptions s_indented = new() { WriteIndented = true };

    public string Markdown()
    {
        var text = new StringBuilder();
        text.Append(CultureInfo.InvariantCulture, $"| {name} | ms | / none | CPU ms | / none | instructions | / none | callouts | / none |{string.Concat(s_columns.Select(static column => $" {column.Title} |"))}\n|---|");
        text.Insert(text.Length, "--:|", s_columns.Length + 8).Append('\n');
        foreach ((string part, List<Part> rounds) in parts)
        {
            double time = Median(rounds, static taken => taken.Ms);
            double cpu = Median(rounds, static taken => taken.CpuMs);
            string executed = instructions.TryGetValue(part, out long count) ? count.ToString("N0", CultureInfo.InvariantCulture) : None;
            text.Append(CultureInfo.InvariantCulture, $"| {part} | {time:N1} | {Text(Ratio(part, static taken => taken.Ms))} | {cpu:N0} | {Text(Ratio(part, static taken => taken.CpuMs))} ");
            text.Append(CultureInfo.InvariantCulture, $"| {executed} | {Text(InstructionRatio(part))} | {Median(rounds, Callouts):N0} | {Text(Ratio(part, Callouts))} |");
            foreach ((_, string counter) in s_columns)
            {
                text.Append(CultureInfo.InvariantCulture, $" {Median(rounds, taken => taken.Counters[counter]):N0} |");
            }

            text.Append('\n');
        }

        return text.ToString();
    }

    public string Json() => JsonSerializer.Serialize(
        new
        {
            hypervisor = name,
            parts = parts.Select(part => new
            {
                name = part.Key,
                ms = part.Value.Select(static taken => taken.Ms),
                cpuMs = part.Value.Select(static taken => taken.CpuMs),
                instructions = instructions.TryGetValue(part.Key, out long count) ? (long?)count : null,
                timeAgainstNone = Finite(Ratio(part.Key, static taken => taken.Ms)),
                calloutsAgainstNone = Finite(Ratio(part.Key, Callouts)),
                counters = part.Value.Select(static taken => taken.Counters.All),
            }),
        },
        s_indented);

    public string Plot() => BarPlot.Draw(
        $"Linux under --hypervisor {name}, against none",
        [.. parts.Keys.Select(part => (part, (double[])[Ratio(part, static taken => taken.Ms), InstructionRatio(part), Ratio(part, Callouts)]))]);

    private static double Callouts(Part taken) => taken.Counters.TotalCallouts;

    private static string InOthers<T>(string part, IReadOnlyDictionary<string, T> taken) => taken.ContainsKey(part) ? part : HardwareDisk;

    private static double Median(IEnumerable<Part> rounds, Func<Part, double> value) => Medians.Of(rounds.Select(value));

    /// <summary>Nothing against nothing is no number.</summary>
    private static string Text(double ratio) => double.IsFinite(ratio) ? ratio.ToString("F2", CultureInfo.InvariantCulture) : None;

    /// <summary>JSON has no other numbers.</summary>
    private static double? Finite(double ratio) => double.IsFinite(ratio) ? ratio : null;

    private double Ratio(string part, Func<Part, double> value) => Median(parts[part], value) / Median(others[InOthers(part, others)], value);

    private double InstructionRatio(string part) =>
        instructions.TryGetValue(part, out long executed) && othersInstructions.TryGetValue(InOthers(part, othersInstructions), out long other) ? (double)executed / other : double.NaN;
}
