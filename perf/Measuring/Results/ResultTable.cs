namespace Jitvmm.Perf.Measuring.Results;

/// <summary>Rows that were measured in the same way.</summary>
public sealed class ResultTable
{
    public required string Name { get; init; }

    /// <summary>For readers.</summary>
    public required string Title { get; init; }

    /// <summary>The runner the others are divided by.</summary>
    public required string Reference { get; init; }

    /// <summary>Runners that are this project's: what the gate looks at.</summary>
    public required IReadOnlyList<string> Subjects { get; init; }

    /// <summary>Rows the gate looks at, if not at all; such a table's rows are not of a kind, and have no mean.</summary>
    public IReadOnlyList<string> SubjectRows { get; init; } = [];

    /// <summary>Metrics whose ratios count.</summary>
    public required IReadOnlyList<string> Metrics { get; init; }

    public List<ResultRow> Rows { get; init; } = [];
}
