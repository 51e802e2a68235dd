using System.Globalization;

namespace Jitvmm.Perf.Paravirt;

/// <summary>
/// What a guest gains that knows it is virtualized: the same guest under each setting of <c>--hypervisor</c>, in interleaved rounds. Ratios of medians: absolute times of a shared
/// machine mean nothing the next day.
/// </summary>
internal static class Program
{
    private const string Usage = "usage: [--rounds N] [--output FOLDER] [--only calls|clocks|boot|work|peer]";

    private static int Main(string[] arguments)
    {
        int rounds = 3;
        string folder = ".";
        string only = "";
        for (int i = 0; i < arguments.Length; i += 2)
        {
            string value = i + 1 < arguments.Length ? arguments[i + 1] : "";
            switch (arguments[i])
            {
                case "--rounds" when int.TryParse(value, CultureInfo.InvariantCulture, out int number) && number > 0:
                    rounds = number;
                    break;
                case "--output" when value.Length > 0:
                    folder = Directory.CreateDirectory(value).FullName;
                    break;
                case "--only" when value is "calls" or "clocks" or "boot" or "work" or "peer":
                    only = value;
                    break;
                default:
                    Console.Error.WriteLine(Usage);
                    return 2;
            }
        }

        var results = new Results();
        (string Part, Action Measure)[] parts =
        [
            ("calls", () => CallTable.Measure(results)),
            ("clocks", () => ClockTable.Measure(results, rounds)),
            ("boot", () => BootTable.Measure(results, rounds)),
            ("work", () => WorkTable.Measure(results, rounds)),
            ("peer", () => PeerTable.Measure(results, rounds)),
        ];
        foreach ((_, Action measure) in parts.Where(part => only.Length == 0 || only == part.Part))
        {
            measure();
        }

        results.Write(folder);
        return 0;
    }
}
