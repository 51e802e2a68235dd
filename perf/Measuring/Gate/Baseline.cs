using System.Text.Json;
using Jitvmm.Perf.Measuring.Results;

namespace Jitvmm.Perf.Measuring.Gate;

/// <summary>The ratios of one table that later ones must not be worse than, and why they were accepted.</summary>
public sealed class Baseline
{
    public int Schema { get; init; } = ResultFile.CurrentSchema;

    public required string Table { get; init; }

    /// <summary>Of the source tree that was measured.</summary>
    public required string Commit { get; init; }

    public required DateTimeOffset Taken { get; init; }

    public required string Processor { get; init; }

    /// <summary>Why these ratios were accepted instead of the ones before.</summary>
    public required string Reason { get; init; }

    /// <summary>By <see cref="Ratio.Key"/>.</summary>
    public required SortedDictionary<string, BaselineEntry> Ratios { get; init; }

    public static Baseline From(ResultFile results, ResultTable table, string reason) => new()
    {
        Table = table.Name,
        Commit = results.Commit,
        Taken = results.Taken,
        Processor = results.Host.Processor,
        Reason = reason,
        Ratios = new(
            Gated(table).ToDictionary(static ratio => ratio.Key, static ratio => new BaselineEntry(Rounded(ratio.Value), Rounded(ratio.Noise), ratio.Rounds)),
            StringComparer.Ordinal),
    };

    /// <summary>Peers may become slower or faster.</summary>
    public static IEnumerable<Ratio> Gated(ResultTable table) =>
        Ratio.Of(table).Where(ratio => table.Subjects.Contains(ratio.Runner) && (table.SubjectRows.Count == 0 || table.SubjectRows.Contains(ratio.Row)));

    public static string PathFor(string folder, string table) => Path.Combine(folder, $"{table}.json");

    /// <summary>Null if none has been accepted.</summary>
    public static Baseline? Read(string folder, string table)
    {
        string path = PathFor(folder, table);
        if (!File.Exists(path))
        {
            return null;
        }

        Baseline baseline = JsonSerializer.Deserialize<Baseline>(File.ReadAllText(path), ResultFile.s_json) ?? throw new InvalidDataException($"{path} holds nothing");
        return baseline.Schema == ResultFile.CurrentSchema ? baseline : throw new InvalidDataException($"{path} has schema {baseline.Schema}, this reads {ResultFile.CurrentSchema}");
    }

    public void Write(string folder)
    {
        Directory.CreateDirectory(folder);
        File.WriteAllText(PathFor(folder, Table), JsonSerializer.Serialize(this, ResultFile.s_json) + "\n");
    }

    private static double Rounded(double value) => Math.Round(value, 4);
}
