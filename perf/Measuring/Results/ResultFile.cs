using System.Text.Json;

namespace Jitvmm.Perf.Measuring.Results;

/// <summary>Everything one run of the suite measured, as samples: what is made of them can be made again. See <c>src/docs/decisions/0400-performance-suite.md</c>.</summary>
public sealed class ResultFile
{
    public const int CurrentSchema = 1;

    internal static readonly JsonSerializerOptions s_json = new() { WriteIndented = true, PropertyNamingPolicy = JsonNamingPolicy.CamelCase };

    public int Schema { get; init; } = CurrentSchema;

    /// <summary>Of the source tree; followed by a plus sign where it was changed since.</summary>
    public required string Commit { get; init; }

    public required DateTimeOffset Taken { get; init; }

    public required HostFacts Host { get; init; }

    /// <summary>How it was asked for: two runs compare if these agree.</summary>
    public required string Options { get; init; }

    public required int Rounds { get; init; }

    /// <summary>Versions of what Jitvmm was compared with.</summary>
    public required IReadOnlyDictionary<string, string> Peers { get; init; }

    public List<ResultTable> Tables { get; init; } = [];

    /// <summary>What did not give the right output, or could not be measured although it should: a run with any of these has failed.</summary>
    public List<string> Failures { get; init; } = [];

    /// <summary>What was left out, and why.</summary>
    public List<string> LeftOut { get; init; } = [];

    public static ResultFile Read(string path)
    {
        ResultFile file = JsonSerializer.Deserialize<ResultFile>(File.ReadAllText(path), s_json) ?? throw new InvalidDataException($"{path} holds nothing");
        return file.Schema == CurrentSchema ? file : throw new InvalidDataException($"{path} has schema {file.Schema}, this reads {CurrentSchema}");
    }

    public void Write(string path) => File.WriteAllText(path, JsonSerializer.Serialize(this, s_json) + "\n");
}
