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

    /// <summary>Powers of two, as many as there is room for; and quarters or the half between them, where there is much.</summary>
    public IEnumerable<(double At, string Label)> Ticks
    {
        get
        {
            double room = Math.Abs(_to - _from) / (_high - _low) / LabelRoom;
            int step = Math.Max(1, (int)Math.Ceiling(1 / room));
            double[] parts = room >= 6 ? [1, 1.25, 1.5, 1.75] : room >= 3 ? [1, 1.5] : [1];
            for (int power = (int)Math.Floor(_low); power <= _high; power++)
            {
                foreach (double part in power % step == 0 ? parts : [])
                {
                    double value = Math.Pow(2, power) * part;
                    if (Math.Log2(value) >= _low && Math.Log2(value) <= _high)
                    {
                        yield return (At(value), value.ToString("0.###", CultureInfo.InvariantCulture));
                    }
                }
            }
        }
    }

    public double At(double value) => _from + ((Math.Log2(value) - _low) / (_high - _low) * (_to - _from));
}
