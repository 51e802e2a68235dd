using System.Diagnostics;
using System.Globalization;

namespace Jitvmm.Perf.Machines;

/// <summary>What one part of a run took.</summary>
/// <param name="WallMs">By the host's clock.</param>
/// <param name="CpuMs">Time the monitor's threads ran: what counts on a machine that does other things too.</param>
/// <param name="GuestMs">By the guest's clock; for booting, the same as <paramref name="WallMs"/>.</param>
internal readonly record struct Part(double WallMs, double CpuMs, double GuestMs);

/// <summary>One machine from power-on to power-off.</summary>
internal sealed class Boot
{
    public const string BootName = "boot";

    private const int TimeoutMs = 600_000;

    /// <summary>Of the console, when something goes wrong.</summary>
    private const int ShownLines = 75;

    private readonly List<string> _console = [];

    private Boot()
    {
    }

    /// <summary>By name, in the order they ran.</summary>
    public Dictionary<string, Part> Parts { get; } = [];

    /// <summary>Resident memory that is not guest RAM, at the end of the run, in MB.</summary>
    public double OverheadMb { get; private set; }

    public static Boot Run(Monitor monitor, GuestFiles files, int port)
    {
        string[] command = monitor.CommandFor(files, port);
        var start = new ProcessStartInfo(command[0], command[1..])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            RedirectStandardInput = true,
        };
        long begin = Stopwatch.GetTimestamp();
        using Process process = Process.Start(start) ?? throw new InvalidOperationException($"{command[0]} did not start");
        using var watchdog = new Timer(_ => process.Kill(), null, TimeoutMs, Timeout.Infinite);
        process.ErrorDataReceived += static (_, line) => WriteError(line.Data);
        process.BeginErrorReadLine();
        var boot = new Boot();
        bool isComplete = boot.Follow(process, begin);
        if (!isComplete)
        {
            process.Kill();
            throw new InvalidOperationException($"{monitor.Name}: the guest did not come to its end:\n{string.Join('\n', boot._console.TakeLast(ShownLines))}");
        }

        process.WaitForExit();
        return boot;
    }

    /// <summary>Reads the console, and the host's clocks at the guest's marks; whether the last one was seen.</summary>
    private bool Follow(Process process, long begin)
    {
        long wall = begin;
        double cpu = 0;
        while (process.StandardOutput.ReadLine() is { } line)
        {
            _console.Add(line);
            string[] words = line.Split(' ', StringSplitOptions.RemoveEmptyEntries);
            switch (words)
            {
                case ["started"]:
                    double booted = Stopwatch.GetElapsedTime(begin).TotalMilliseconds;
                    Parts[BootName] = new Part(booted, ProcessClock.CpuMs(process.Id), booted);
                    break;
                case ["begin", _]:
                    wall = Stopwatch.GetTimestamp();
                    cpu = ProcessClock.CpuMs(process.Id);
                    break;
                case ["end", string name, string nanoseconds, _]:
                    Parts[name] = new Part(
                        Stopwatch.GetElapsedTime(wall).TotalMilliseconds,
                        ProcessClock.CpuMs(process.Id) - cpu,
                        long.Parse(nanoseconds, CultureInfo.InvariantCulture) / 1e6);
                    break;
                case ["done"]:
                    OverheadMb = ProcessClock.ResidentBeyond(process.Id, Monitor.Memory);
                    return true;
                case ["failed", ..]:
                    return false;
            }
        }

        return false;
    }

    private static void WriteError(string? line)
    {
        if (line != null)
        {
            Console.Error.WriteLine(line);
        }
    }
}
