using System.Globalization;
using System.Text;
using Jitvmm.Perf.Measuring.Results;

namespace Jitvmm.Perf.Measuring.Report;

/// <summary>For each row a small picture of who executed its instructions over time: the interpreter above, compiled code below.</summary>
internal static class TierPlot
{
    private const int Width = 200;
    private const int Height = 96;
    private const int Left = 48;
    private const int Right = 8;
    private const int Top = 8;
    private const int Bottom = 20;

    public static void Add(Markup html, ResultFile results)
    {
        ResultTable[] tables = [.. results.Tables.Where(static table => table.Rows.Any(static row => row.Tiers.Count > 0))];
        if (tables.Length == 0)
        {
            return;
        }

        html.Add($"<h2>Tiers over time</h2><p class=\"muted\">Which part of the instructions executed at a time was executed in compiled code, and which in the interpreter, in one run each in which both count: so it took a little longer than those that were measured. Beside the name: compiled code's part of all.</p>");
        html.Add($"<div class=\"card\"><div class=\"key\"><span><i class=\"s0\"></i>compiled</span><span><i class=\"s1\"></i>interpreted</span></div>");
        foreach (ResultTable table in tables)
        {
            html.Add($"<h3>{Markup.Escape(table.Name)}</h3><div class=\"small\">");
            foreach (ResultRow row in table.Rows)
            {
                foreach ((string runner, TierShares shares) in row.Tiers)
                {
                    html.Add($"<div>{Markup.Escape(runner == "jitvmm" ? row.Name : $"{row.Name}, {runner}")} <span class=\"muted\">{100 * shares.Total:F1} %</span>");
                    Draw(html, shares);
                    html.Add($"</div>");
                }
            }

            html.Add($"</div>");
        }

        html.Add($"</div>");
    }

    private static void Draw(Markup html, TierShares shares)
    {
        double end = shares.Milliseconds[^1];
        const int Floor = Height - Bottom;
        double X(double time) => Left + (time / end * (Width - Left - Right));
        static double Y(double share) => Floor - (share * (Floor - Top));
        var compiled = new StringBuilder(string.Create(CultureInfo.InvariantCulture, $"{X(0):F1},{Floor}"));
        double from = 0;
        for (int i = 0; i < shares.Milliseconds.Count; i++)
        {
            double y = Y(shares.Compiled[i]);
            double to = shares.Milliseconds[i];
            _ = compiled.Append(CultureInfo.InvariantCulture, $" {X(from):F1},{y:F1} {X(to):F1},{y:F1}");
            from = to;
        }

        _ = compiled.Append(CultureInfo.InvariantCulture, $" {X(end):F1},{Floor}");
        string label = string.Create(CultureInfo.InvariantCulture, $"{100 * shares.Total:F1} % of all instructions in compiled code");
        html.Add($"<svg viewBox=\"0 0 {Width} {Height}\" shape-rendering=\"crispEdges\" role=\"img\" aria-label=\"{label}\"><title>{label}</title>");
        html.Add($"<rect class=\"s1\" x=\"{Left}\" y=\"{Top}\" width=\"{Width - Left - Right}\" height=\"{Floor - Top}\" style=\"stroke: none\"/><polygon class=\"s0\" points=\"{compiled}\" style=\"stroke: none\"/>");
        foreach ((double share, string text) in (ReadOnlySpan<(double, string)>)[(0, "0"), (0.5, "50 %"), (1, "100 %")])
        {
            html.Add($"<text class=\"tick\" x=\"{Left - 4}\" y=\"{Y(share) + 4:F1}\" text-anchor=\"end\">{text}</text>");
        }

        string time = end < 10_000 ? string.Create(CultureInfo.InvariantCulture, $"{end:F0} ms") : string.Create(CultureInfo.InvariantCulture, $"{end / 1000:F1} s");
        html.Add($"<text class=\"tick\" x=\"{Left}\" y=\"{Height - 5}\">0</text><text class=\"tick\" x=\"{Width - Right}\" y=\"{Height - 5}\" text-anchor=\"end\">{time}</text></svg>");
    }
}
