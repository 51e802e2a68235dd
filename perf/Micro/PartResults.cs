using System.Globalization;
using BenchmarkDotNet.Reports;

namespace Jitvmm.Perf.Micro;

/// <summary>What was measured, for <c>perf/run</c>: a line for each benchmark with its name, the bytes it allocates and each iteration's nanoseconds, between tabs.</summary>
internal static class PartResults
{
    /// <returns>Whether all benchmarks ran.</returns>
    public static bool Write(string path, IEnumerable<Summary> summaries)
    {
        BenchmarkReport[] reports = [.. summaries.SelectMany(static summary => summary.Reports)];
        File.WriteAllLines(path, reports.Where(static report => report.ResultStatistics != null).Select(Line));
        return reports.Length > 0 && Array.TrueForAll(reports, static report => report.ResultStatistics != null);
    }

    private static string Line(BenchmarkReport report)
    {
        string parameters = string.Concat(report.BenchmarkCase.Parameters.Items.Select(static item => $", {item.Value}"));
        string name = $"{report.BenchmarkCase.Descriptor.Type.Name.Replace("Benchmarks", "", StringComparison.Ordinal)}.{report.BenchmarkCase.Descriptor.WorkloadMethod.Name}{parameters}";
        IEnumerable<string> numbers = [.. Bytes(report), .. report.ResultStatistics!.OriginalValues.Select(static value => value.ToString("R", CultureInfo.InvariantCulture))];
        return string.Join('\t', numbers.Prepend(name));
    }

    private static IEnumerable<string> Bytes(BenchmarkReport report) => [(report.GcStats.GetBytesAllocatedPerOperation(report.BenchmarkCase) ?? 0).ToString(CultureInfo.InvariantCulture)];
}
