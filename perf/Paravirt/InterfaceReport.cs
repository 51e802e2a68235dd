using System.Globalization;
using System.Text;
using System.Text.Json;

namespace Jitvmm.Perf.Paravirt;

/// <summary>What one interface's guest took in all rounds, beside a fully virtualized one: medians, as a Markdown table, JSON and a plot.</summary>
/// <param name="name">Of the interface.</param>
/// <param name="rounds">Parts by name, a dictionary each round.</param>
/// <param name="others">The same of the fully virtualized guest.</param>
internal sealed class InterfaceReport(string name, IReadOnlyList<Dictionary<string, Part>> rounds, IReadOnlyList<Dictionary<string, Part>> others)
{
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

    private IEnumerable<string> Names => rounds[0].Keys;

    public string Markdown()
    {
        var text = new StringBuilder();
        text.Append(CultureInfo.InvariantCulture, $"| {name} | ms | / none | CPU ms | / none | callouts | / none |{string.Concat(s_columns.Select(static column => $" {column.Title} |"))}\n|---|");
        text.Insert(text.Length, "--:|", s_columns.Length + 6).Append('\n');
        foreach (string part in Names)
        {
            double time = Median(rounds, part, static taken => taken.Ms);
            double cpu = Median(rounds, part, static taken => taken.CpuMs);
            double callouts = Median(rounds, part, Callouts);
            text.Append(CultureInfo.InvariantCulture, $"| {part} | {time:N1} | {TimeRatio(part):F2} | {cpu:N0} | {cpu / Median(others, part, static taken => taken.CpuMs):F2} | {callouts:N0} | {CalloutRatio(part):F2} |");
            foreach ((_, string counter) in s_columns)
            {
                text.Append(CultureInfo.InvariantCulture, $" {Median(rounds, part, taken => taken.Counters[counter]):N0} |");
            }

            text.Append('\n');
        }

        return text.ToString();
    }

    public string Json() => JsonSerializer.Serialize(
        new
        {
            hypervisor = name,
            rounds = rounds.Count,
            parts = Names.Select(part => new
            {
                name = part,
                ms = rounds.Select(round => round[part].Ms),
                cpuMs = rounds.Select(round => round[part].CpuMs),
                timeAgainstNone = Finite(TimeRatio(part)),
                calloutsAgainstNone = Finite(CalloutRatio(part)),
                counters = rounds.Select(round => round[part].Counters.All),
            }),
        },
        s_indented);

    public string Plot() => BarPlot.Draw($"Linux under --hypervisor {name}", [.. Names.Select(part => (part, TimeRatio(part), CalloutRatio(part)))]);

    private static double Callouts(Part taken) => taken.Counters.TotalCallouts;

    private double TimeRatio(string part) => Median(rounds, part, static taken => taken.Ms) / Median(others, part, static taken => taken.Ms);

    private double CalloutRatio(string part) => Median(rounds, part, Callouts) / Median(others, part, Callouts);

    /// <summary>JSON has no other numbers.</summary>
    private static double? Finite(double ratio) => double.IsFinite(ratio) ? ratio : null;

    private static double Median(IReadOnlyList<Dictionary<string, Part>> rounds, string part, Func<Part, double> value)
    {
        double[] sorted = [.. rounds.Select(round => value(round[part])).Order()];
        return sorted[sorted.Length / 2];
    }
}
