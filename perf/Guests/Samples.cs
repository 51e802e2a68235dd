namespace Jitvmm.Perf.Guests;

/// <summary>Wall times of one program under one runner, in milliseconds.</summary>
internal struct Samples
{
    private List<double>? _values;

    public bool Failed { get; private set; }

    public readonly double Median
    {
        get
        {
            if (_values is not { Count: > 0 })
            {
                return double.NaN;
            }

            _values.Sort();
            return _values[_values.Count / 2];
        }
    }

    public void Add(Measurement measurement)
    {
        (_values ??= []).Add(measurement.WallMs);
        Failed |= measurement.Status != 0;
    }
}
