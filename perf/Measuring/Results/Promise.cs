using System.Globalization;

namespace Jitvmm.Perf.Measuring.Results;

/// <summary>A speed the project says it has, of one table's ratios.</summary>
/// <param name="Text">For readers.</param>
/// <param name="Table">Where it shows.</param>
/// <param name="Runner">Whose it is.</param>
/// <param name="Measure">In what.</param>
/// <param name="Against">The runner it is compared with: the table's reference, or a peer. Of a cost, its unit.</param>
/// <param name="Row">A row's name, a mean's, or <see cref="Worst"/>.</param>
/// <param name="Limit">The ratio, or the cost, is at most this.</param>
public sealed record Promise(string Text, string Table, string Runner, string Measure, string Against, string Row, double Limit)
{
    /// <summary>In place of a row: the largest ratio of any.</summary>
    public const string Worst = "worst";

    /// <summary>In place of a metric: what compiling an instruction takes, in microseconds.</summary>
    public const string CompileCost = "compiling";

    /// <summary>In place of a metric: bytes of compiled code for a byte of the guest's.</summary>
    public const string CodeSize = "size of code";

    private const string Native = "native";
    private const string Jitvmm = "jitvmm";
    private const string Checked = "jitvmm-checked";
    private const string QemuUser = "qemu-x86_64";
    private const string QemuSystem = "qemu-system-x86_64";
    private const string Vectors = $"{Ratio.Mean}, float and SIMD";

    public static IReadOnlyList<Promise> All { get; } =
    [
        new("Kernels run at 1.25 of native time", "kernels", Jitvmm, Metric.Warm, Native, Ratio.Mean, 1.25),
        new("none of them takes twice as long", "kernels", Jitvmm, Metric.Warm, Native, Worst, 2),
        new("they are 4 times as fast as under qemu-x86_64", "kernels", Jitvmm, Metric.Warm, QemuUser, Ratio.Mean, 0.25),
        new("and each of them is faster", "kernels", Jitvmm, Metric.Warm, QemuUser, Worst, 1),
        new("Floating point and SIMD run at 1.15 of native time", "kernels", Jitvmm, Metric.Warm, Native, Vectors, 1.15),
        new("and are 10 times as fast as under qemu-x86_64", "kernels", Jitvmm, Metric.Warm, QemuUser, Vectors, 0.1),
        new("Kernels with checked memory run at 1.6 of native time", "kernels", Checked, Metric.Warm, Native, Ratio.Mean, 1.6),
        new("Kernels in a Linux machine guest run at 2.0 of native time", "machine", Jitvmm, Metric.Warm, Native, Ratio.Mean, 2),
        new("and are twice as fast as under qemu-system-x86_64", "machine", Jitvmm, Metric.Warm, QemuSystem, Ratio.Mean, 0.5),
        new("and 5 times as fast in floating point and SIMD", "machine", Jitvmm, Metric.Warm, QemuSystem, Vectors, 0.2),
        new("Programs with seconds of work take 2.0 of native time, start included", "programs", Jitvmm, Metric.Wall, Native, Ratio.Mean, 2),
        new("none of them takes four times as long", "programs", Jitvmm, Metric.Wall, Native, Worst, 4),
        new("and each is faster than under qemu-x86_64", "programs", Jitvmm, Metric.Wall, QemuUser, Worst, 1),
        new("Short runs are no slower than under qemu-x86_64", "short", Jitvmm, Metric.Wall, QemuUser, Ratio.Mean, 1),
        new("Two threads do 1.85 times the work of one", "threads", "two", Metric.Warm, "one", Jitvmm, 2 / 1.85),
        new("and so do two processors of a machine", "processors", "two", Metric.Warm, "one", Jitvmm, 2 / 1.85),
        new("run /bin/true takes twice a .NET hello world", "start", Jitvmm, Metric.Wall, "dotnet-hello", "/bin/true", 2),
        new("Compiling takes 25 µs for a guest instruction, in kernels", "kernels", Jitvmm, CompileCost, "µs", "all", 25),
        new("and in programs", "programs", Jitvmm, CompileCost, "µs", "all", 25),
        new("and while a machine boots", "boot", Jitvmm, CompileCost, "µs", "all", 25),
        new("and while a machine runs kernels", "machine", Jitvmm, CompileCost, "µs", "all", 25),
        new("A guest byte is compiled to 60 host bytes, in kernels", "kernels", Jitvmm, CodeSize, "bytes", "all", 60),
        new("and in programs", "programs", Jitvmm, CodeSize, "bytes", "all", 60),
        new("and while a machine boots", "boot", Jitvmm, CodeSize, "bytes", "all", 60),
        new("and while a machine runs kernels", "machine", Jitvmm, CodeSize, "bytes", "all", 60),
        new("The cloud kernel boots as fast as under qemu-system-x86_64", "boot", Jitvmm, Metric.Wall, QemuSystem, "cloud kernel", 1),
    ];

    /// <summary>What the limit is a multiple of: a peer's time, or a unit.</summary>
    public string LimitText => IsCost
        ? string.Create(CultureInfo.InvariantCulture, $"{Limit:0.##} {Against}")
        : string.Create(CultureInfo.InvariantCulture, $"{Limit:0.00} of {Against}");

    /// <summary>Whether it is about what compiling costs, not about a ratio.</summary>
    private bool IsCost => Measure is CompileCost or CodeSize;

    /// <summary>Rows that it is about and that cannot be compared, because a runner cannot run them.</summary>
    public IReadOnlyList<string> NotCompared(ResultFile results)
    {
        IEnumerable<ResultRow> rows = IsCost ? [] : results.Tables.Where(table => table.Name == Table).SelectMany(static table => table.Rows);
        return [.. rows.Where(row => IsAbout(row) && (row.NotRun.ContainsKey(Runner) || row.NotRun.ContainsKey(Against))).Select(static row => row.Name)];
    }

    /// <summary>Whether a value meets it. A promise of every row is not shown where one of them cannot be compared; a mean is that of the others.</summary>
    /// <returns>Yes, no, or null for not shown; and that in words.</returns>
    public (bool? IsMet, string Text) Judge(ResultFile results, double value)
    {
        string rows = string.Join(", ", NotCompared(results));
        return value > Limit ? (false, rows.Length == 0 ? "no" : $"no; {rows} cannot be compared")
            : rows.Length == 0 ? (true, "yes")
            : Row == Worst ? (null, $"not shown: {rows} cannot be compared")
            : (true, $"yes, without {rows}");
    }

    private bool IsAbout(ResultRow row) => Row is Worst or Ratio.Mean || Row == row.Name || Row == $"{Ratio.Mean}, {row.Group}";

    /// <summary>Today's ratio, or cost; NaN if it was not measured.</summary>
    public double Value(ResultFile results)
    {
        ResultTable? table = results.Tables.FirstOrDefault(table => table.Name == Table);
        if (table == null)
        {
            return double.NaN;
        }

        if (IsCost)
        {
            var cost = TranslationCost.Of(table, Runner);
            return Measure == CompileCost ? cost.MicrosecondsPerInstruction : cost.HostBytesPerGuestByte;
        }

        Ratio[] ratios = [.. Ratio.Of(table, Against).Where(ratio => ratio.Runner == Runner && ratio.Metric == Measure)];
        return Row == Worst
            ? ratios.Where(static ratio => !ratio.IsMean).Select(static ratio => ratio.Value).DefaultIfEmpty(double.NaN).Max()
            : ratios.Where(ratio => ratio.Row == Row).Select(static ratio => ratio.Value).DefaultIfEmpty(double.NaN).First();
    }
}
