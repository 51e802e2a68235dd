using Jitvmm.Perf.Measuring.Results;

namespace Jitvmm.Perf.Measuring.Report;

/// <summary>A row each, with a dot for each runner at its ratio and a line through it as long as its noise.</summary>
internal static class RatioPlot
{
    private const int Width = 1000;
    private const int Left = 190;
    private const int Right = 24;
    private const int RowHeight = 20;
    private const int Top = 24;
    private const double Radius = 4.5;

    public static void Draw(Markup html, ResultTable table, IReadOnlyList<Ratio> ratios)
    {
        string[] rows = [.. ratios.Select(static ratio => ratio.Row).Distinct()];
        int height = Top + (rows.Length * RowHeight) + 8;
        var scale = new LogScale(ratios.SelectMany(static ratio => (double[])[Low(ratio), ratio.Value, High(ratio)]), Left, Width - Right);
        html.AddVerbatim(Style.KeyOf(ratios.Select(static ratio => ratio.Runner).Distinct()));
        html.Add($"<svg viewBox=\"0 0 {Width} {height}\" role=\"img\" aria-label=\"{Markup.Escape(table.Title)}\">");
        foreach ((double at, string label) in scale.Ticks)
        {
            html.Add($"<line class=\"{(label == "1" ? "one" : "grid")}\" x1=\"{at:F1}\" x2=\"{at:F1}\" y1=\"{Top - 6}\" y2=\"{height - 4}\"/><text class=\"tick\" x=\"{at:F1}\" y=\"12\" text-anchor=\"middle\">{label}</text>");
        }

        for (int i = 0; i < rows.Length; i++)
        {
            double y = Top + (i * RowHeight) + (RowHeight / 2.0);
            string weight = rows[i].StartsWith(Ratio.Mean, StringComparison.Ordinal) ? " class=\"mean\"" : "";
            html.Add($"<line class=\"grid\" x1=\"{Left}\" x2=\"{Width - Right}\" y1=\"{y:F1}\" y2=\"{y:F1}\"/><text{weight} x=\"{Left - 12}\" y=\"{y + 4:F1}\" text-anchor=\"end\">{Markup.Escape(rows[i])}</text>");

            // The first runner's dots lie on top.
            foreach (Ratio ratio in ratios.Where(ratio => ratio.Row == rows[i]).Reverse())
            {
                string colour = Style.ClassOf(ratio.Runner);
                double low = scale.At(Low(ratio));
                double high = scale.At(High(ratio));
                html.Add($"<g class=\"{colour}\"><title>{Markup.Escape($"{ratio.Row}, {ratio.Runner}: {TextReport.Format(ratio)}")}</title><line x1=\"{low:F1}\" x2=\"{high:F1}\" y1=\"{y:F1}\" y2=\"{y:F1}\" stroke-width=\"2\"/><circle cx=\"{scale.At(ratio.Value):F1}\" cy=\"{y:F1}\" r=\"{Radius}\"/></g>");
            }
        }

        html.Add($"</svg>");
    }

    private static double Low(Ratio ratio) => ratio.Value / (1 + ratio.Noise);

    private static double High(Ratio ratio) => ratio.Value * (1 + ratio.Noise);
}
