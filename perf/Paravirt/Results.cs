using System.Globalization;

namespace Jitvmm.Perf.Paravirt;

/// <summary>What all parts took under each setting, and what was promised of them.</summary>
internal sealed class Results
{
    private readonly Dictionary<HypervisorKind, Dictionary<string, List<Part>>> _parts = Setting.All.ToDictionary(static kind => kind, static _ => new Dictionary<string, List<Part>>());
    private readonly Dictionary<HypervisorKind, Dictionary<string, long>> _instructions = Setting.All.ToDictionary(static kind => kind, static _ => new Dictionary<string, long>());
    private readonly List<(string What, double Value, double Limit, bool IsAtLeast)> _promises = [];

    /// <summary>One round of a part.</summary>
    public void Add(HypervisorKind kind, string name, Part part)
    {
        if (!_parts[kind].TryGetValue(name, out List<Part>? rounds))
        {
            _parts[kind][name] = rounds = [];
        }

        rounds.Add(part);
    }

    /// <summary>What one processor executed for a part in counted time, where all runs execute the same.</summary>
    public void AddInstructions(HypervisorKind kind, string name, long executed) => _instructions[kind][name] = executed;

    public double Median(HypervisorKind kind, string name, Func<Part, double> value) => Medians.Of(_parts[kind][name].Select(value));

    /// <summary>Notes that a value is at most its limit, or at least.</summary>
    public void Promise(string what, double value, double limit, bool isAtLeast = false) => _promises.Add((what, value, limit, isAtLeast));

    /// <summary>Prints a table for each setting that has been measured and one of the promises, and writes them to files with a plot and all rounds.</summary>
    public void Write(string folder)
    {
        foreach (HypervisorKind kind in Setting.All.Where(kind => _parts[kind].Count > 0))
        {
            string name = Setting.NameOf(kind);
            var report = new InterfaceReport(name, _parts[kind], _parts[HypervisorKind.None], _instructions[kind], _instructions[HypervisorKind.None]);
            Console.WriteLine(report.Markdown());
            File.WriteAllText(Path.Combine(folder, $"{name}.md"), report.Markdown());
            File.WriteAllText(Path.Combine(folder, $"{name}.json"), report.Json());
            if (kind != HypervisorKind.None)
            {
                File.WriteAllText(Path.Combine(folder, $"{name}.svg"), report.Plot());
            }
        }

        if (_promises.Count > 0)
        {
            string table = "| promised | limit | latest | met |\n|---|--:|--:|---|\n" + string.Concat(_promises.Select(static promise => string.Create(
                CultureInfo.InvariantCulture,
                $"| {promise.What} | {(promise.IsAtLeast ? "≥" : "≤")} {promise.Limit} | {promise.Value:F2} | {((promise.IsAtLeast ? promise.Value >= promise.Limit : promise.Value <= promise.Limit) ? "yes" : "no")} |\n")));
            Console.WriteLine(table);
            File.WriteAllText(Path.Combine(folder, "promises.md"), table);
        }
    }
}
