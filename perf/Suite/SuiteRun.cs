using System.Text;
using Jitvmm.Perf.Measuring;
using Jitvmm.Perf.Measuring.Results;

namespace Jitvmm.Perf.Suite;

/// <summary>Measures what was asked for.</summary>
internal static class SuiteRun
{
    /// <summary>Above this others run.</summary>
    private const double MostLoad = 0.5;

    /// <summary>Results without any yet.</summary>
    public static ResultFile Prepare(SuiteOptions options)
    {
        var results = new ResultFile
        {
            Commit = Commit(),
            Taken = DateTimeOffset.UtcNow,
            Host = HostFacts.Read(),
            Options = string.Join(' ', (string[])[.. options.VmmOptions, .. options.VmmEnvironment.Select(static pair => $"{pair.Key}={pair.Value}"), .. options.IsQuick ? (string[])["--quick"] : [], .. options.Row.Length > 0 ? (string[])[$"--row {options.Row}"] : []]),
            Rounds = options.Rounds,
            Peers = Peers(),
        };
        foreach (string path in (string[])[Runner.QemuUserPath, Machine.QemuPath])
        {
            if (!File.Exists(path))
            {
                results.LeftOut.Add($"no {path}: no comparison with it");
            }
        }

        if (results.Host.Load > MostLoad)
        {
            Console.Error.WriteLine($"perf/run: this machine is busy (load {results.Host.Load:F2}): what is measured is not to be relied on");
        }

        return results;
    }

    public static ResultFile Measure(SuiteOptions options)
    {
        ResultFile results = Prepare(options);
        foreach (string name in SuiteOptions.Tables.Where(options.Only.Contains))
        {
            results.Tables.AddRange(name switch
            {
                "kernels" => [KernelTable.Measure(options, results)],
                "programs" => [ProgramTable.MeasureLong(options, results)],
                "short" => [ProgramTable.MeasureShort(options, results)],
                "threads" => [ThreadTable.Measure(options, results)],
                "system" => [KernelTable.MeasureSystem(options, results)],
                "start" => [StartTable.Measure(options, results)],
                "micro" => [MicroTable.Measure(options, results)],
                "machine" => MachineTables.Measure(options, results),
                "machine32" => [Machine32Table.Measure(options, results)],
                _ => throw new InvalidOperationException($"{name} is no table"),
            });
        }

        return results;
    }

    private static SortedDictionary<string, string> Peers()
    {
        SortedDictionary<string, string> peers = new(StringComparer.Ordinal);
        foreach (string path in (string[])[Runner.QemuUserPath, Machine.QemuPath])
        {
            if (File.Exists(path))
            {
                peers[Path.GetFileName(path)] = Ask(path, "--version");
            }
        }

        return peers;
    }

    private static string Commit()
    {
        const string Git = "/usr/bin/git";
        return File.Exists(Git) ? Ask(Git, "-C", SourceTree.Root, "describe", "--always", "--abbrev=10", "--dirty=+", "--exclude=*") : "unknown";
    }

    /// <summary>The first line it prints.</summary>
    private static string Ask(params string[] command)
    {
        using var child = new ChildProcess();
        ChildRun run = child.Run(command);
        return run.Status == 0 ? Encoding.UTF8.GetString(run.Output).Split('\n')[0] : "unknown";
    }
}
