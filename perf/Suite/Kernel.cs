using System.Globalization;
using System.Text;
using Jitvmm.Perf.Measuring;

namespace Jitvmm.Perf.Suite;

/// <summary>One of the programs in <c>perf/Guests/kernels</c>.</summary>
/// <param name="Name">Its file's.</param>
/// <param name="Group">Whole numbers, or floating point and SIMD: these have a promise of their own.</param>
internal sealed record Kernel(string Name, string Group)
{
    private const string Whole = "integer";
    private const string Vector = "float and SIMD";

    public static string Folder { get; } = Path.Combine(SourceTree.Root, "perf/Guests/kernels");

    /// <summary>What is the host's kernel's work natively, or the instruction cache's.</summary>
    public static IReadOnlyList<Kernel> System { get; } = [new("system-calls", ""), new("signals", ""), new("rewrites", "")];

    private static readonly Lazy<Dictionary<string, string>> s_checksums = new(static () =>
        File.ReadLines(Path.Combine(Folder, "checksums")).Select(static line => line.Split(' ')).ToDictionary(static words => words[0], static words => words[1]));

    public static IReadOnlyList<Kernel> All { get; } =
    [
        new("integers", Whole), new("sieve", Whole), new("chase", Whole), new("branches", Whole), new("calls", Whole), new("indirect", Whole),
        new("interpreter", Whole), new("strings", Whole), new("crc", Whole), new("sha256", Whole), new("bigint", Whole), new("hash-table", Whole),
        new("sort", Whole), new("lz", Whole), new("bits", Whole), new("nbody", Vector), new("filter", Vector), new("mandelbrot", Vector),
        new("matrix", Vector), new("dct", Vector), new("chacha", Vector), new("aes", Vector), new("avx2-integers", Vector), new("fma", Vector),
    ];

    public string Program => Path.Combine(Folder, "prebuilt", Name);

    /// <summary>What its rounds come to, in hexadecimal; the same from whatever runs it.</summary>
    public string Checksum => s_checksums.Value[Name];

    /// <summary>Milliseconds of each round, from what it printed; null if that is not what it should be.</summary>
    public double[]? RoundsIn(string output)
    {
        string[] lines = output.Split('\n', StringSplitOptions.TrimEntries);
        int at = Array.IndexOf(lines, $"checksum {Checksum}");
        return at >= 0 && at + 1 < lines.Length && lines[at + 1].Split(' ') is ["rounds", .. { Length: > 0 } times]
            ? [.. times.Select(static time => long.Parse(time, CultureInfo.InvariantCulture) / 1e6)]
            : null;
    }

    public double[]? RoundsIn(byte[] output) => RoundsIn(Encoding.ASCII.GetString(output));

    /// <summary>The median of the second half.</summary>
    public static double Warm(double[] rounds) => Spread.Of(rounds[(rounds.Length / 2)..]).Median;
}
