namespace Jitvmm.Perf.Paravirt;

/// <summary>The middle of several rounds.</summary>
internal static class Medians
{
    /// <summary>Not a number, when there are none.</summary>
    public static double Of(IEnumerable<double> values)
    {
        double[] sorted = [.. values.Order()];
        return sorted.Length == 0 ? double.NaN : sorted[sorted.Length / 2];
    }
}
