using System.Globalization;
using System.Text;

namespace Jitvmm.Perf.Paravirt;

/// <summary>A plot of ratios as horizontal bars, two for each row, in one SVG file that needs nothing else.</summary>
internal static class BarPlot
{
    private const int LabelWidth = 150;
    private const int PlotWidth = 480;
    private const int RowHeight = 40;
    private const int BarHeight = 14;
    private const int Top = 60;
    private const double Longest = 2;
    private const string TimeColour = "#2f6f9f";
    private const string CalloutColour = "#d98c3a";

    /// <param name="title">Above it.</param>
    /// <param name="rows">Each with its time and its callouts, both against full virtualization.</param>
    public static string Draw(string title, IReadOnlyList<(string Name, double Time, double Callouts)> rows)
    {
        int height = Top + (rows.Count * RowHeight) + 30;
        var svg = new StringBuilder();
        Add(svg, $"<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{LabelWidth + PlotWidth + 80}\" height=\"{height}\" font-family=\"sans-serif\" font-size=\"12\">");
        Add(svg, $"<rect width=\"100%\" height=\"100%\" fill=\"white\"/><text x=\"10\" y=\"20\" font-size=\"15\">{title}</text>");
        Add(svg, $"<rect x=\"10\" y=\"32\" width=\"12\" height=\"12\" fill=\"{TimeColour}\"/><text x=\"27\" y=\"42\">time</text>");
        Add(svg, $"<rect x=\"80\" y=\"32\" width=\"12\" height=\"12\" fill=\"{CalloutColour}\"/><text x=\"97\" y=\"42\">callouts; both against --hypervisor none</text>");
        for (int i = 0; i < rows.Count; i++)
        {
            int y = Top + (i * RowHeight);
            Add(svg, $"<text x=\"{LabelWidth - 8}\" y=\"{y + BarHeight + 4}\" text-anchor=\"end\">{rows[i].Name}</text>");
            AddBar(svg, y, rows[i].Time, TimeColour);
            AddBar(svg, y + BarHeight + 2, rows[i].Callouts, CalloutColour);
        }

        double one = X(1);
        Add(svg, $"<line x1=\"{one:F1}\" y1=\"{Top - 8}\" x2=\"{one:F1}\" y2=\"{height - 25}\" stroke=\"#444\" stroke-dasharray=\"4 3\"/><text x=\"{one:F1}\" y=\"{height - 10}\" text-anchor=\"middle\">1.0</text>");
        Add(svg, $"</svg>");
        return svg.ToString();
    }

    /// <summary>Longer ones end at the border; the number says how long they are.</summary>
    private static void AddBar(StringBuilder svg, int y, double ratio, string colour)
    {
        if (!double.IsFinite(ratio))
        {
            return;
        }

        double end = X(Math.Min(ratio, Longest));
        Add(svg, $"<rect x=\"{LabelWidth}\" y=\"{y}\" width=\"{end - LabelWidth:F1}\" height=\"{BarHeight}\" fill=\"{colour}\"/><text x=\"{end + 5:F1}\" y=\"{y + BarHeight - 3}\">{ratio:F2}</text>");
    }

    private static double X(double ratio) => LabelWidth + (PlotWidth * ratio / Longest);

    private static void Add(StringBuilder svg, FormattableString text) => svg.Append(text.ToString(CultureInfo.InvariantCulture)).Append('\n');
}
