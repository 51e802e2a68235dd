using System.Diagnostics;

namespace Jitvmm.Perf.Suite;

/// <summary>A line on standard error that says what is being measured, and how long the rest may take.</summary>
internal sealed class Progress(string table, int steps)
{
    private readonly long _begin = Stopwatch.GetTimestamp();
    private int _done;

    public void Step(string what)
    {
        TimeSpan elapsed = Stopwatch.GetElapsedTime(_begin);
        string left = _done == 0 ? "" : $", {TimeSpan.FromSeconds(Math.Ceiling(elapsed.TotalSeconds / _done * (steps - _done))):m\\:ss} left";
        string line = $"{table} {_done + 1}/{steps}{left}: {what}";
        _done++;

        // A log gets lines, a terminal one that changes.
        if (Console.IsErrorRedirected)
        {
            Console.Error.WriteLine(line);
        }
        else
        {
            Console.Error.Write($"\r\e[K{line}");
            if (_done == steps)
            {
                Console.Error.Write("\r\e[K");
            }
        }
    }
}
