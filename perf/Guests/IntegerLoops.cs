using System.Globalization;

namespace Jitvmm.Perf.Guests;

/// <summary>Guest instructions per second of the interpreter alone: the program counts and times its own loops.</summary>
internal static class IntegerLoops
{
    public static void Report(int rounds, string folder)
    {
        string program = Path.Combine(Measurement.Root(), "perf/Guests/programs/integer-loops");
        var best = new SortedDictionary<string, List<double>>(StringComparer.Ordinal);
        for (int round = 0; round < rounds; round++)
        {
            Measurement run = Measurement.Run([Measurement.Vmm, "run", "--tier", "0", program], folder);
            foreach (string line in run.Output.Split('\n', StringSplitOptions.RemoveEmptyEntries))
            {
                string[] words = line.Split(' ');
                if (!best.TryGetValue(words[0], out List<double>? values))
                {
                    best[words[0]] = values = [];
                }

                values.Add(double.Parse(words[1], CultureInfo.InvariantCulture));
            }
        }

        Console.WriteLine("| integer loop, tier 0 | guest MIPS |");
        Console.WriteLine("|---|--:|");
        foreach ((string name, List<double> values) in best)
        {
            values.Sort();
            Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"| {name} | {values[values.Count / 2]:F0} |"));
        }

        Console.WriteLine();
    }
}
