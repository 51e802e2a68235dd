using System.Globalization;
using System.Runtime.InteropServices;

namespace Jitvmm.Perf.Machines;

/// <summary>What the host knows of a running process.</summary>
internal static unsafe class ProcessClock
{
    /// <summary>CPU time all threads of a process have had.</summary>
    public static double CpuMs(int process)
    {
        // The clock of a process: its number's complement above the three bits that say "scheduler's time of a whole process" (clock_getcpuclockid(3)).
        long* time = stackalloc long[2];
        return GetTime((~process << 3) | 2, time) == 0 ? (1000.0 * time[0]) + (time[1] / 1e6) : double.NaN;
    }

    /// <summary>Resident memory outside the mapping that is as large as guest RAM, in MB.</summary>
    public static double ResidentBeyond(int process, int guestMb)
    {
        const int Kb = 1024;
        double total = 0;
        double sizeKb = 0;
        foreach (string line in File.ReadLines($"/proc/{process}/smaps"))
        {
            string[] words = line.Split(' ', StringSplitOptions.RemoveEmptyEntries);
            if (words[0] == "Size:")
            {
                sizeKb = double.Parse(words[1], CultureInfo.InvariantCulture);
            }
            else if (words[0] == "Rss:" && Math.Abs((sizeKb / Kb) - guestMb) > 2)
            {
                total += double.Parse(words[1], CultureInfo.InvariantCulture);
            }
        }

        return total / Kb;
    }

    [DllImport("libc", EntryPoint = "clock_gettime")]
    private static extern int GetTime(int clock, long* time);
}
