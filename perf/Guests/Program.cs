using System.Diagnostics;
using System.Globalization;

namespace Jitvmm.Perf.Guests;

/// <summary>
/// Measures whole programs natively, under qemu-x86_64 and under jitvmm, in interleaved rounds, and prints ratios of medians:
/// absolute times of a shared machine mean nothing the next day.
/// </summary>
internal static class Program
{
    private static int Main(string[] arguments)
    {
        int rounds = 5;
        string? filter = null;
        string tier = "auto";
        for (int i = 0; i < arguments.Length; i++)
        {
            switch (arguments[i])
            {
                case "--rounds" when i + 1 < arguments.Length:
                    rounds = int.Parse(arguments[++i], CultureInfo.InvariantCulture);
                    break;
                case "--tier" when i + 1 < arguments.Length:
                    tier = arguments[++i];
                    break;
                case var text when !text.StartsWith('-'):
                    filter = text;
                    break;
                default:
                    Console.Error.WriteLine("usage: [--rounds N] [--tier 0|1|auto] [part of a workload's name]");
                    return 2;
            }
        }

        string folder = WorkloadFiles.Create();
        try
        {
            if (filter == null)
            {
                Startup.Report(rounds * 2, folder);
                IntegerLoops.Report(rounds, folder);
            }

            ReportPrograms(folder, rounds, tier, filter);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }

        return 0;
    }

    private static void ReportPrograms(string folder, int rounds, string tier, string? filter)
    {
        string? qemu = File.Exists("/usr/bin/qemu-x86_64") ? "/usr/bin/qemu-x86_64" : null;
        Console.WriteLine($"| program (tier {tier}) | native ms | qemu / native | jitvmm / native | jitvmm / qemu | CPU, jitvmm / qemu |");
        Console.WriteLine("|---|--:|--:|--:|--:|--:|");
        foreach (Workload workload in Workload.All)
        {
            if ((filter != null && !workload.Name.Contains(filter, StringComparison.Ordinal)) || !File.Exists(workload.Arguments[0]))
            {
                continue;
            }

            var samples = new Samples[3];
            for (int round = 0; round < rounds; round++)
            {
                samples[0].Add(Measurement.Run(workload.Arguments, folder));
                if (qemu != null)
                {
                    samples[1].Add(Measurement.Run([qemu, .. workload.Arguments], folder));
                }

                samples[2].Add(Measurement.Run([Measurement.Vmm, "run", "--tier", tier, .. workload.Arguments], folder));
            }

            double native = samples[0].Median;
            double guest = samples[2].Median;
            string peer = qemu == null ? "n/a" : Ratio(samples[1], samples[1].Median / native);
            string against = qemu == null ? "n/a" : Ratio(samples[1], guest / samples[1].Median);
            string cpu = qemu == null ? "n/a" : Ratio(samples[1], samples[2].MedianCpu / samples[1].MedianCpu);
            Console.WriteLine(string.Create(
                CultureInfo.InvariantCulture, $"| {workload.Name} | {native:F0} | {peer} | {Ratio(samples[2], guest / native)} | {against} | {cpu} |"));
        }
    }

    private static string Ratio(Samples samples, double ratio) =>
        samples.Failed ? "failed" : ratio.ToString("F2", CultureInfo.InvariantCulture);
}
