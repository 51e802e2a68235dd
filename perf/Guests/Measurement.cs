using System.Diagnostics;
using System.Runtime.CompilerServices;

namespace Jitvmm.Perf.Guests;

/// <summary>One run of a program.</summary>
internal readonly record struct Measurement(double WallMs, int Status, string Output)
{
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
        long begin = Stopwatch.GetTimestamp();
        using Process process = Process.Start(start) ?? throw new InvalidOperationException($"{arguments[0]} did not start");
        process.StandardInput.Close();
        process.ErrorDataReceived += static (_, _) => { };
        process.BeginErrorReadLine();
        string output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return new Measurement(Stopwatch.GetElapsedTime(begin).TotalMilliseconds, process.ExitCode, output);
    }

    public static string Root([CallerFilePath] string thisFile = "") => Path.GetFullPath(Path.Combine(Path.GetDirectoryName(thisFile)!, "../.."));
}
