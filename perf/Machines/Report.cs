using System.Globalization;

namespace Jitvmm.Perf.Machines;

/// <summary>The table.</summary>
internal static class Report
{
    private static readonly string[] s_compute = ["sieve", "quicksort", "crc", "recursion", "matrix", "table", "compress", "interpreter"];

    public static void Print(List<Boot> ours, List<Boot>? peers, string tier)
    {
        Console.WriteLine($"| machine (tier {tier}) | jitvmm, CPU ms | CPU, jitvmm / peer | wall, jitvmm / peer | guest time, jitvmm / peer | guest / host time |");
        Console.WriteLine("|---|--:|--:|--:|--:|--:|");
        PrintPart(Boot.BootName, ours, peers);
        foreach (string name in s_compute)
        {
            PrintPart(name, ours, peers);
        }

        if (peers != null)
        {
            string cpu = Text(GeometricMean(ours, peers, static part => part.CpuMs));
            string wall = Text(GeometricMean(ours, peers, static part => part.WallMs));
            string guest = Text(GeometricMean(ours, peers, static part => part.GuestMs));
            Console.WriteLine($"| **compute, geometric mean** | | {cpu} | {wall} | {guest} | |");
        }

        foreach (string name in ours[0].Parts.Keys.Where(static name => name != Boot.BootName && !s_compute.Contains(name)))
        {
            PrintPart(name, ours, peers);
        }

        Console.WriteLine();
        string other = peers == null ? "" : string.Create(CultureInfo.InvariantCulture, $" (peer {Median(peers.Select(static boot => boot.OverheadMb)):F0} MB)");
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"resident beyond guest RAM: {Median(ours.Select(static boot => boot.OverheadMb)):F0} MB{other}"));
    }

    private static void PrintPart(string name, List<Boot> ours, List<Boot>? peers)
    {
        string[] ratios = ["n/a", "n/a", "n/a"];
        if (peers != null)
        {
            ratios = [Text(Ratio(name, ours, peers, static part => part.CpuMs)), Text(Ratio(name, ours, peers, static part => part.WallMs)), Text(Ratio(name, ours, peers, static part => part.GuestMs))];
        }

        double clocks = Median(ours.Select(boot => boot.Parts[name].GuestMs / boot.Parts[name].WallMs));
        Console.WriteLine(string.Create(
            CultureInfo.InvariantCulture, $"| {name} | {Median(ours.Select(boot => boot.Parts[name].CpuMs)):F0} | {ratios[0]} | {ratios[1]} | {ratios[2]} | {clocks:F3} |"));
    }

    private static double Ratio(string name, List<Boot> ours, List<Boot> peers, Func<Part, double> value) =>
        Median(ours.Select(boot => value(boot.Parts[name]))) / Median(peers.Select(boot => value(boot.Parts[name])));

    private static double GeometricMean(List<Boot> ours, List<Boot> peers, Func<Part, double> value) =>
        Math.Exp(s_compute.Average(name => Math.Log(Ratio(name, ours, peers, value))));

    private static double Median(IEnumerable<double> values)
    {
        double[] sorted = [.. values.Order()];
        return sorted[sorted.Length / 2];
    }

    private static string Text(double ratio) => ratio.ToString("F2", CultureInfo.InvariantCulture);
}
