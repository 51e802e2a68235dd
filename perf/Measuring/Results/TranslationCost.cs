namespace Jitvmm.Perf.Measuring.Results;

/// <summary>What compiling cost in all rows of some tables: of the sums, not the mean of rows, as a row that compiles little measures little.</summary>
/// <param name="MicrosecondsPerInstruction">Of compiling, for each guest instruction compiled; NaN if nothing was.</param>
/// <param name="HostBytesPerGuestByte">Of compiled code; NaN if none was measured.</param>
public readonly record struct TranslationCost(double MicrosecondsPerInstruction, double HostBytesPerGuestByte)
{
    /// <summary>Of one runner's rows in one table.</summary>
    public static TranslationCost Of(ResultTable table, string runner) => Of([table], runner);

    /// <param name="tables">Whose rows.</param>
    /// <param name="runner">Whose samples.</param>
    public static TranslationCost Of(IEnumerable<ResultTable> tables, string runner)
    {
        ResultRow[] rows = [.. tables.SelectMany(static table => table.Rows)];
        return new TranslationCost(Quotient(rows, runner, Metric.Compile, Metric.Compiled), Quotient(rows, runner, Metric.HostBytes, Metric.GuestBytes));
    }

    /// <summary>Of one row.</summary>
    public static TranslationCost Of(ResultRow row, string runner) => new(Quotient([row], runner, Metric.Compile, Metric.Compiled), Quotient([row], runner, Metric.HostBytes, Metric.GuestBytes));

    private static double Quotient(ResultRow[] rows, string runner, string over, string under)
    {
        ResultRow[] measured = [.. rows.Where(row => row.Samples(runner, over).Count > 0 && row.Samples(runner, under).Count > 0)];
        double divisor = measured.Sum(row => Spread.Of(row.Samples(runner, under)).Median);
        return divisor > 0 ? measured.Sum(row => Spread.Of(row.Samples(runner, over)).Median) / divisor : double.NaN;
    }
}
