using System.Globalization;

namespace Jitvmm.Perf.Measuring.Report;

/// <summary>Ratios along a line: twice as slow is as far from one as twice as fast.</summary>
internal readonly struct LogScale
{
    /// <summary>Between ticks, where there is room for a label each.</summary>
    private const double LabelRoom = 34;

    private readonly double _low;
    private readonly double _high;
    private readonly double _from;
    private readonly double _to;

    /// <param name="values">All of them, and one, lie inside.</param>
    /// <param name="from">Where the lowest is drawn.</param>
    /// <param name="to">Where the highest is.</param>
    public LogScale(IEnumerable<double> values, double from, double to)
    {
        double[] logs = [.. values.Where(static value => double.IsFinite(value) && value > 0).Append(1).Select(Math.Log2)];
        _low = Math.Floor(logs.Min() * 2) / 2;
        _high = Math.Max(_low + 1, Math.Ceiling(logs.Max() * 2) / 2);
        _from = from;
        _to = to;
    }

    /// <summary>Powers of two, as many as there is room for.</summary>
    public IEnumerable<(double At, string Label)> Ticks
    {
        get
        {
            int step = Math.Max(1, (int)Math.Ceiling(LabelRoom * (_high - _low) / Math.Abs(_to - _from)));
            for (int power = (int)Math.Ceiling(_low); power <= _high; power++)
            {
                if (power % step == 0)
                {
                    double value = Math.Pow(2, power);
                    yield return (At(value), value.ToString("0.###", CultureInfo.InvariantCulture));
                }
            }
        }
    }

    public double At(double value) => _from + ((Math.Log2(value) - _low) / (_high - _low) * (_to - _from));
}
