using System.ComponentModel;
using System.Diagnostics;
using System.Globalization;

namespace Jitvmm.Perf.Measuring;

/// <summary>
/// Runs programs through <c>programs/launch</c>, which measures them: no thread of this process runs meanwhile, and the peak of resident memory is
/// the program's own. Their output goes to files, so that nothing waits for a reader.
/// </summary>
public sealed class ChildProcess : IDisposable
{
    private static readonly string s_launcher = Path.Combine(SourceTree.Root, "perf/Measuring/programs/prebuilt/launch");

    private readonly string _files = Directory.CreateTempSubdirectory("jitvmm-perf-").FullName;

    /// <summary>Where programs run, unless a call says otherwise.</summary>
    public string Folder { get; init; } = "/";

    /// <summary>After this a program is killed, and counts as dead of that.</summary>
    public TimeSpan Limit { get; init; } = TimeSpan.FromMinutes(10);

    /// <param name="command">The program's path and its arguments.</param>
    /// <param name="environment">Added to this process's own.</param>
    public ChildRun Run(IReadOnlyList<string> command, IReadOnlyDictionary<string, string>? environment = null)
    {
        string report = Path.Combine(_files, "report");
        string output = Path.Combine(_files, "output");
        string errors = Path.Combine(_files, "errors");
        var start = new ProcessStartInfo(s_launcher, [report, output, errors, .. command]) { WorkingDirectory = Folder, RedirectStandardInput = true };
        foreach ((string name, string value) in environment ?? new Dictionary<string, string>())
        {
            start.Environment[name] = value;
        }

        File.Delete(report);
        using Process launcher = Process.Start(start) ?? throw new Win32Exception($"{s_launcher} did not start");
        launcher.StandardInput.Close();
        if (!launcher.WaitForExit(Limit))
        {
            // Its child dies with it.
            launcher.Kill();
            launcher.WaitForExit();
        }

        string[] figures = File.Exists(report) ? File.ReadAllText(report).Split(' ', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries) : [];
        if (figures.Length < 5)
        {
            const int Killed = 128 + 9;
            return new ChildRun(Limit.TotalMilliseconds, double.NaN, double.NaN, Killed, [], $"ended by the limit of {Limit.TotalSeconds:F0} s");
        }

        long[] values = [.. figures.Select(static figure => long.Parse(figure, CultureInfo.InvariantCulture))];
        return new ChildRun(values[0] / 1e6, (values[1] + values[2]) / 1e3, values[3] / 1024.0, StatusOf((int)values[4]), File.ReadAllBytes(output), File.ReadAllText(errors));
    }

    public void Dispose() => Directory.Delete(_files, recursive: true);

    /// <summary>wait(2)'s word: the signal in its low seven bits, or else the exit status above them.</summary>
    private static int StatusOf(int word) => (word & 0x7f) != 0 ? 128 + (word & 0x7f) : word >> 8 & 0xff;
}
