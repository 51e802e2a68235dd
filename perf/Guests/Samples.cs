namespace Jitvmm.Perf.Guests;

/// <summary>Times of one program under one runner, in milliseconds.</summary>
internal struct Samples
{
    private List<double>? _values;
    private List<double>? _cpu;

    public bool Failed { get; private set; }

    /// <summary>Of the wall times.</summary>
    public readonly double Median => MedianOf(_values);

    public readonly double MedianCpu => MedianOf(_cpu);

    public void Add(Measurement measurement)
    {
        (_values ??= []).Add(measurement.WallMs);
        (_cpu ??= []).Add(measurement.CpuMs);
        Failed |= measurement.Status != 0;
    }

    private static double MedianOf(List<double>? values)
    {
        if (values is not { Count: > 0 })
        {
            return double.NaN;
        }

        values.Sort();
        return values[values.Count / 2];
    }
}
