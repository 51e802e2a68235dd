using System.Globalization;

namespace Jitvmm.Perf.Machines;

/// <summary>
/// Boots Debian's cloud kernel under qemu-system-x86_64 and under jitvmm, in interleaved rounds, has both run the same program, and prints ratios of
/// medians: absolute times of a shared machine mean nothing the next day.
/// </summary>
internal static class Program
{
    private static int Main(string[] arguments)
    {
        int rounds = 3;
        string tier = "auto";
        Monitor peer = Monitor.Qemu;
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
                case "--peer" when i + 1 < arguments.Length:
                    peer = Monitor.Jitvmm(tier, arguments[++i]);
                    break;
                default:
                    Console.Error.WriteLine("usage: [--rounds N] [--tier 0|1|auto] [--peer PROGRAM]");
                    return 2;
            }
        }

        using var files = new GuestFiles();
        using var server = new ByteServer();
        Monitor[] monitors = File.Exists(peer.Program) ? [peer, Monitor.Jitvmm(tier, Monitor.OwnPath)] : [Monitor.Jitvmm(tier, Monitor.OwnPath)];
        var reports = new List<Boot>[monitors.Length];
        for (int round = 0; round < rounds; round++)
        {
            for (int i = 0; i < monitors.Length; i++)
            {
                (reports[i] ??= []).Add(Boot.Run(monitors[i], files, server.Port));
            }
        }

        Report.Print(reports[^1], reports.Length > 1 ? reports[0] : null, tier);
        return 0;
    }
}
