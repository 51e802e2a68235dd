using System.Diagnostics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Jitvmm.Perf.Guests;

/// <summary>One run of a program.</summary>
/// <param name="WallMs">From start to end.</param>
/// <param name="CpuMs">User and system time of the program and the children it waited for: what counts on a machine that does other things too.</param>
/// <param name="Status">Exit status.</param>
/// <param name="Output">Standard output.</param>
internal readonly record struct Measurement(double WallMs, double CpuMs, int Status, string Output)
{
    private const int Children = -1;

    /// <summary>The Release build of the program beside this source tree.</summary>
    public static string Vmm { get; } = Path.Combine(Root(), "src/Jitvmm.Cli/bin/Release/net10.0/jitvmm");

    public static Measurement Run(string[] arguments, string folder)
    {
        var start = new ProcessStartInfo(arguments[0], arguments[1..])
        {
            WorkingDirectory = folder,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            RedirectStandardInput = true,
        };
        double cpuBegin = CpuOfChildren();
        long begin = Stopwatch.GetTimestamp();
        using Process process = Process.Start(start) ?? throw new InvalidOperationException($"{arguments[0]} did not start");
        process.StandardInput.Close();
        process.ErrorDataReceived += static (_, _) => { };
        process.BeginErrorReadLine();
        string output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        double wall = Stopwatch.GetElapsedTime(begin).TotalMilliseconds;
        return new Measurement(wall, CpuOfChildren() - cpuBegin, process.ExitCode, output);
    }

    public static string Root([CallerFilePath] string thisFile = "") => Path.GetFullPath(Path.Combine(Path.GetDirectoryName(thisFile)!, "../.."));

    private static double CpuOfChildren()
    {
        // struct rusage: ru_utime and ru_stime, each in seconds and microseconds, then fourteen counts.
        Span<long> usage = stackalloc long[18];
        _ = GetUsage(Children, ref MemoryMarshal.GetReference(usage));
        return (1000.0 * (usage[0] + usage[2])) + ((usage[1] + usage[3]) / 1000.0);
    }

    [DllImport("libc", EntryPoint = "getrusage")]
    private static extern int GetUsage(int who, ref long usage);
}
