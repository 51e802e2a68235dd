namespace Jitvmm.Perf.Measuring.Report;

/// <summary>Ratios one after the other as lines: of rounds, or of commits.</summary>
internal static class LinePlot
{
    private const int Left = 36;
    private const int Right = 10;
    private const int Top = 10;
    private const int Bottom = 22;
    private const double Radius = 2.5;

    /// <param name="html">Where it goes.</param>
    /// <param name="lines">By runner; NaN where one has no value.</param>
    /// <param name="labels">What stands below the first and the last value.</param>
    /// <param name="width">Of the picture.</param>
    /// <param name="height">Of the picture.</param>
    public static void Draw(Markup html, IReadOnlyDictionary<string, IReadOnlyList<double>> lines, (string First, string Last) labels, int width, int height)
    {
        int count = lines.Values.Max(static values => values.Count);
        var scale = new LogScale(lines.Values.SelectMany(static values => values), height - Bottom, Top);
        html.Add($"<svg viewBox=\"0 0 {width} {height}\">");
        foreach ((double at, string label) in scale.Ticks)
        {
            html.Add($"<line class=\"{(label == "1" ? "one" : "grid")}\" x1=\"{Left}\" x2=\"{width - Right}\" y1=\"{at:F1}\" y2=\"{at:F1}\"/><text class=\"tick\" x=\"{Left - 6}\" y=\"{at + 4:F1}\" text-anchor=\"end\">{label}</text>");
        }

        foreach ((string runner, IReadOnlyList<double> values) in lines)
        {
            (double X, double Y)[] points = [.. values.Select((value, i) => (X(i, count, width), scale.At(value))).Where(static point => double.IsFinite(point.Item2))];
            html.Add($"<g class=\"{Style.ClassOf(runner)}\"><title>{Markup.Escape(runner)}</title><polyline points=\"{string.Join(' ', points.Select(static point => FormattableString.Invariant($"{point.X:F1},{point.Y:F1}")))}\"/>");
            foreach ((double x, double y) in points)
            {
                html.Add($"<circle cx=\"{x:F1}\" cy=\"{y:F1}\" r=\"{Radius}\"/>");
            }

            html.Add($"</g>");
        }

        html.Add($"<text class=\"tick\" x=\"{Left}\" y=\"{height - 5}\">{Markup.Escape(labels.First)}</text><text class=\"tick\" x=\"{width - Right}\" y=\"{height - 5}\" text-anchor=\"end\">{Markup.Escape(labels.Last)}</text></svg>");
    }

    private static double X(int index, int count, int width) => count < 2 ? (Left + width - Right) / 2.0 : Left + 8 + (index * (width - Left - Right - 16.0) / (count - 1));
}
