namespace Jitvmm.Perf.Measuring.Results;

/// <summary>A runner against the reference, for one row or for the geometric mean of several.</summary>
/// <param name="Table">Its name.</param>
/// <param name="Row">A row's name, or one of the means'.</param>
/// <param name="Runner">What is compared.</param>
/// <param name="Metric">In what.</param>
/// <param name="Value">The median of the rounds' ratios; below one is better than the reference.</param>
/// <param name="Noise">An estimate of one round's standard deviation, as a part of <paramref name="Value"/>.</param>
/// <param name="Rounds">How many there were.</param>
public readonly record struct Ratio(string Table, string Row, string Runner, string Metric, double Value, double Noise, int Rounds)
{
    /// <summary>The row that is the mean of all others.</summary>
    public const string Mean = "geomean";

    /// <summary>What a baseline calls it.</summary>
    public string Key => $"{Row} / {Runner} / {Metric}";

    public bool IsMean => Row.StartsWith(Mean, StringComparison.Ordinal);

    /// <summary>Rows first, then the means: of all rows, and of each group if there are several.</summary>
    public static IEnumerable<Ratio> Of(ResultTable table) => Of(table, table.Reference);

    /// <param name="table">Its metrics' ratios.</param>
    /// <param name="reference">The runner to divide by, if it is not the table's own.</param>
    public static IEnumerable<Ratio> Of(ResultTable table, string reference)
    {
        foreach (string metric in table.Metrics)
        {
            foreach (string runner in table.Rows.SelectMany(static row => row.Runners.Keys).Distinct().Where(name => name != reference))
            {
                (ResultRow Row, double[] Ratios)[] rows = [.. table.Rows.Select(row => (row, Paired(row, runner, reference, metric))).Where(static pair => pair.Item2.Length > 0)];
                foreach ((ResultRow row, double[] ratios) in rows)
                {
                    yield return Make(table, row.Name, runner, metric, ratios);
                }

                string[] groups = [.. rows.Select(static row => row.Row.Group).Distinct()];
                if (rows.Length > 1 && table.SubjectRows.Count == 0)
                {
                    yield return Make(table, Mean, runner, metric, RoundMeans(rows));
                }

                foreach (string group in groups.Length > 1 ? groups : [])
                {
                    yield return Make(table, $"{Mean}, {group}", runner, metric, RoundMeans([.. rows.Where(row => row.Row.Group == group)]));
                }
            }
        }
    }

    /// <summary>Of a round each: what disturbs the machine for longer than that disturbs both.</summary>
    private static double[] Paired(ResultRow row, string runner, string reference, string metric)
    {
        if (row.NotRun.ContainsKey(runner) || row.NotRun.ContainsKey(reference))
        {
            return [];
        }

        IReadOnlyList<double> ours = row.Samples(runner, metric);
        IReadOnlyList<double> theirs = row.Samples(reference, metric);
        return ours.Count == theirs.Count ? [.. ours.Zip(theirs, static (a, b) => a / b).Where(double.IsFinite)] : [];
    }

    private static double[] RoundMeans((ResultRow Row, double[] Ratios)[] rows)
    {
        int rounds = rows.Min(static row => row.Ratios.Length);
        return [.. Enumerable.Range(0, rounds).Select(round => Math.Exp(rows.Average(row => Math.Log(row.Ratios[round]))))];
    }

    private static Ratio Make(ResultTable table, string row, string runner, string metric, double[] ratios)
    {
        var spread = Spread.Of(ratios);
        return new Ratio(table.Name, row, runner, metric, spread.Median, spread.Noise, spread.Count);
    }
}
