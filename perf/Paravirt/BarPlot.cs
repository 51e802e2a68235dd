using System.Globalization;
using System.Text;

namespace Jitvmm.Perf.Paravirt;

/// <summary>A plot of ratios as horizontal bars, some for each row, in one SVG file that needs nothing else.</summary>
internal static class BarPlot
{
    private const int LabelWidth = 170;
    private const int PlotWidth = 480;
    private const int NumberWidth = 60;
    private const int BarHeight = 12;
    private const int BarStep = 14;
    private const int RowGap = 12;
    private const int Top = 70;
    private const int Bottom = 34;
    private const int LegendStep = 130;

    /// <summary>Longer ones end at the border.</summary>
    private const double Longest = 2;

    private static readonly double[] s_marks = [0, 0.5, 1, 1.5, 2];

    /// <summary>What each row's bars are, in their order.</summary>
    private static readonly (string Name, string Colour)[] s_bars = [("time", "#2f6f9f"), ("instructions", "#7a9a3c"), ("callouts", "#d98c3a")];

    /// <param name="title">Above it.</param>
    /// <param name="rows">Each with its time, instructions and callouts against full virtualization; what is no number has no bar.</param>
    public static string Draw(string title, IReadOnlyList<(string Name, double[] Ratios)> rows)
    {
        int rowHeight = (s_bars.Length * BarStep) + RowGap;
        int end = Top + (rows.Count * rowHeight);
        var svg = new StringBuilder();
        Add(svg, $"<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{LabelWidth + PlotWidth + NumberWidth}\" height=\"{end + Bottom}\" font-family=\"sans-serif\" font-size=\"12\">");
        Add(svg, $"<rect width=\"100%\" height=\"100%\" fill=\"white\"/><text x=\"10\" y=\"22\" font-size=\"15\">{title}</text>");
        for (int i = 0; i < s_bars.Length; i++)
        {
            int x = LabelWidth + (i * LegendStep);
            Add(svg, $"<rect x=\"{x}\" y=\"36\" width=\"12\" height=\"12\" fill=\"{s_bars[i].Colour}\"/><text x=\"{x + 17}\" y=\"46\">{s_bars[i].Name}</text>");
        }

        AddScale(svg, end);
        for (int i = 0; i < rows.Count; i++)
        {
            int y = Top + (i * rowHeight) + (RowGap / 2);
            Add(svg, $"<text x=\"{LabelWidth - 8}\" y=\"{y + (s_bars.Length * BarStep / 2) + 3}\" text-anchor=\"end\">{rows[i].Name}</text>");
            for (int bar = 0; bar < s_bars.Length; bar++)
            {
                AddBar(svg, y + (bar * BarStep), rows[i].Ratios[bar], s_bars[bar].Colour);
            }
        }

        Add(svg, $"</svg>");
        return svg.ToString();
    }

    /// <summary>Marks from top to bottom, the one of equality stronger.</summary>
    private static void AddScale(StringBuilder svg, int end)
    {
        foreach (double mark in s_marks)
        {
            string stroke = mark == 1 ? "stroke=\"#444\" stroke-dasharray=\"4 3\"" : "stroke=\"#ddd\"";
            Add(svg, $"<line x1=\"{X(mark):F1}\" y1=\"{Top - 6}\" x2=\"{X(mark):F1}\" y2=\"{end}\" {stroke}/><text x=\"{X(mark):F1}\" y=\"{end + 18}\" text-anchor=\"middle\">{mark:F1}</text>");
        }
    }

    /// <summary>The number says how long it is, on a ground of its own, as marks are behind it.</summary>
    private static void AddBar(StringBuilder svg, int y, double ratio, string colour)
    {
        if (!double.IsFinite(ratio))
        {
            return;
        }

        double end = X(Math.Min(ratio, Longest));
        Add(svg, $"<rect x=\"{LabelWidth}\" y=\"{y}\" width=\"{end - LabelWidth:F1}\" height=\"{BarHeight}\" fill=\"{colour}\"/>");
        Add(svg, $"<rect x=\"{end + 2:F1}\" y=\"{y}\" width=\"32\" height=\"{BarHeight}\" fill=\"white\"/><text x=\"{end + 5:F1}\" y=\"{y + BarHeight - 2}\" font-size=\"11\">{ratio:F2}</text>");
    }

    private static double X(double ratio) => LabelWidth + (PlotWidth * ratio / Longest);

    private static void Add(StringBuilder svg, FormattableString text) => svg.Append(text.ToString(CultureInfo.InvariantCulture)).Append('\n');
}
