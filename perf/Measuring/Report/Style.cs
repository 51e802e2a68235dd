namespace Jitvmm.Perf.Measuring.Report;

/// <summary>How the report looks, by day and by night. Nothing is fetched.</summary>
internal static class Style
{
    public const string Sheet = """
        :root { color-scheme: light dark; --page: #fbfbfa; --card: #fff; --text: #1d2125; --muted: #666c73; --line: #e1e3e6; --grid: #eceef0; --good: #1a7f4b; --bad: #c2372b;
          --c0: #0b6bcb; --c1: #d97706; --c2: #0f8a6d; --c3: #a3389f; --c4: #7a6a00; --one: #9aa0a6; }
        @media (prefers-color-scheme: dark) { :root { --page: #15181b; --card: #1c2024; --text: #e6e8ea; --muted: #9aa3ab; --line: #31373d; --grid: #282d32; --good: #52c98a; --bad: #ff7b6e;
          --c0: #6cb2ff; --c1: #f5b04d; --c2: #4fd0ad; --c3: #e58be0; --c4: #d8c65a; --one: #7b838b; } }
        body { margin: 0 auto; max-width: 1080px; padding: 24px 20px 60px; background: var(--page); color: var(--text); font: 15px/1.5 system-ui, sans-serif; }
        h1 { font-size: 24px; margin: 0 0 4px; } h2 { font-size: 18px; margin: 36px 0 8px; } h3 { font-size: 14px; margin: 16px 0 4px; color: var(--muted); font-weight: 600; }
        p { margin: 6px 0; max-width: 76ch; } .muted { color: var(--muted); } .good { color: var(--good); } .bad { color: var(--bad); font-weight: 600; }
        .card { background: var(--card); border: 1px solid var(--line); border-radius: 8px; padding: 14px 16px; margin-bottom: 10px; overflow-x: auto; }
        table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; font-size: 14px; } th, td { padding: 4px 10px; border-bottom: 1px solid var(--line); text-align: right; }
        th:first-child, td:first-child { text-align: left; } th { color: var(--muted); font-weight: 600; } tr:last-child td { border-bottom: 0; } tr.mean td { font-weight: 600; }
        details { margin-top: 8px; } summary { cursor: pointer; color: var(--muted); }
        svg { display: block; width: 100%; height: auto; } .card > svg { min-width: 640px; } svg text { fill: var(--text); font: 12px system-ui, sans-serif; } svg .tick { fill: var(--muted); } svg .mean { font-weight: 600; }
        svg .grid { stroke: var(--grid); } svg .one { stroke: var(--one); stroke-width: 1.5; } .small { display: grid; grid-template-columns: repeat(auto-fill, minmax(190px, 1fr)); gap: 10px; font-size: 13px; } .wide { font-size: 12px; white-space: nowrap; }
        .key { display: flex; gap: 16px; flex-wrap: wrap; margin: 0 0 8px; font-size: 13px; } .key i { display: inline-block; width: 11px; height: 11px; border-radius: 50%; margin-right: 6px; }
        .s0 { fill: var(--c0); stroke: var(--c0); background: var(--c0); } .s1 { fill: var(--c1); stroke: var(--c1); background: var(--c1); } .s2 { fill: var(--c2); stroke: var(--c2); background: var(--c2); }
        .s3 { fill: var(--c3); stroke: var(--c3); background: var(--c3); } .s4 { fill: var(--c4); stroke: var(--c4); background: var(--c4); } polyline { fill: none !important; stroke-width: 2; }
        """;

    private static readonly string[] s_order = ["jitvmm", "qemu-x86_64", "jitvmm-checked", "v86"];

    /// <summary>A runner has the same colour in each plot.</summary>
    public static string ClassOf(string runner)
    {
        int index = Array.IndexOf(s_order, runner is "qemu-system-x86_64" ? "qemu-x86_64" : runner is "two" ? "jitvmm" : runner);
        return $"s{(index < 0 ? s_order.Length : index)}";
    }

    public static string KeyOf(IEnumerable<string> runners) =>
        $"<div class=\"key\">{string.Concat(runners.Select(static runner => $"<span><i class=\"{ClassOf(runner)}\"></i>{Markup.Escape(runner)}</span>"))}</div>";
}
