namespace Jitvmm.Perf.Measuring;

/// <summary>What repeated measurements of one thing say: their middle, and how far they lie around it.</summary>
/// <param name="Median">Of an even number, between the middle two.</param>
/// <param name="Deviation">The median distance from the median: one disturbed round does not move it.</param>
/// <param name="Count">How many there were.</param>
public readonly record struct Spread(double Median, double Deviation, int Count)
{
    /// <summary>What a normal distribution's standard deviation is, in median absolute deviations.</summary>
    private const double NormalDeviations = 1.4826;

    /// <summary>An estimate of the standard deviation of one measurement, as a part of the median.</summary>
    public double Noise => Deviation * NormalDeviations / Math.Abs(Median);

    public static Spread Of(IEnumerable<double> samples)
    {
        double[] values = [.. samples];
        double median = MedianOf(values);
        return new Spread(median, MedianOf([.. values.Select(value => Math.Abs(value - median))]), values.Length);
    }

    private static double MedianOf(double[] values)
    {
        if (values.Length == 0)
        {
            return double.NaN;
        }

        Array.Sort(values);
        int middle = values.Length / 2;
        return values.Length % 2 == 1 ? values[middle] : (values[middle - 1] + values[middle]) / 2;
    }
}
