using System.Text;
using Jitvmm.Perf.Measuring;
using Jitvmm.Perf.Measuring.Results;
using Jitvmm.Tests.Machines;

namespace Jitvmm.Perf.Suite;

/// <summary>A 32-bit machine from power-on to its first process: what v86, which translates to WebAssembly, can be compared in.</summary>
internal static class Machine32Table
{
    private const string Name = "machine32";
    private const string V86Name = "v86";
    private const string NodePath = "/usr/bin/node";
    private const string Memory = "256M";
    private const string CommandLine = "console=ttyS0 quiet mitigations=off panic=-1";

    private static readonly string s_kernel = Path.Combine(SourceTree.Root, ".cache/kernels/installer-i386/vmlinuz");

    /// <summary>Where <c>perf/run</c> has npm put it.</summary>
    private static readonly string s_v86 = Path.Combine(SourceTree.Root, ".cache/peers/node_modules/v86");

    public static ResultTable Measure(SuiteOptions options, ResultFile results)
    {
        var table = new ResultTable
        {
            Name = Name,
            Title = "A 32-bit kernel from power-on to its first process",
            Reference = Machine.QemuName,
            Subjects = [Runner.JitvmmName],
            Metrics = [Metric.Wall, Metric.Cpu],
            Rows = [new ResultRow { Name = "installer's kernel" }],
        };
        if (!File.Exists(s_kernel))
        {
            results.LeftOut.Add($"{Name}: no {s_kernel}: tests/run fetches it");
            return table;
        }

        string initrd = Path.GetTempFileName();
        byte[] program = File.ReadAllBytes(Path.Combine(SourceTree.Root, "perf/Measuring/programs/prebuilt/power-on-32"));
        File.WriteAllBytes(initrd, new Initramfs().AddFolder("dev").AddProgram("init", program).ToArray());
        try
        {
            Measure(options, results, table, Monitors(options, initrd, results));
        }
        finally
        {
            File.Delete(initrd);
        }

        return table;
    }

    private static void Measure(SuiteOptions options, ResultFile results, ResultTable table, IReadOnlyList<Runner> monitors)
    {
        var progress = new Progress(Name, options.Rounds * monitors.Count);
        using var child = new ChildProcess();
        for (int round = 0; round < options.Rounds; round++)
        {
            foreach (Runner monitor in monitors.Where(monitor => !table.Rows[0].NotRun.ContainsKey(monitor.Name)))
            {
                progress.Step($"{monitor.Name}, round {round + 1}");
                ChildRun run = child.Run(monitor.Prefix, monitor.Environment);
                if (run.Status != 0 || !Encoding.ASCII.GetString(run.Output).Contains("started", StringComparison.Ordinal))
                {
                    monitor.Fail(table.Rows[0], monitor.Name, $"status {run.Status}, or it did not come to its first process", results, Name);
                    continue;
                }

                ProcessMetrics.Add(table.Rows[0], monitor.Name, run);
            }
        }
    }

    private static List<Runner> Monitors(SuiteOptions options, string initrd, ResultFile results)
    {
        List<Runner> monitors =
        [
            new(
                Runner.JitvmmName,
                [SourceTree.Jitvmm, "boot", "--hypervisor", "none", "--memory", Memory, "--no-reboot", "--kernel", s_kernel, "--initrd", initrd, "--append", CommandLine, .. options.VmmOptions],
                options.VmmEnvironment),
        ];
        if (File.Exists(Machine.QemuPath))
        {
            monitors.Add(new(
                Machine.QemuName,
                [
                    Machine.QemuPath, "-accel", "tcg", "-M", "q35", "-cpu", "max", "-m", Memory, "-nodefaults", "-display", "none", "-serial", "stdio", "-no-reboot",
                    "-kernel", s_kernel, "-initrd", initrd, "-append", CommandLine,
                ]));
        }

        if (File.Exists(NodePath) && Directory.Exists(s_v86))
        {
            monitors.Add(new(V86Name, [NodePath, Path.Combine(SourceTree.Root, "perf/Suite/v86.mjs"), s_v86, s_kernel, initrd, CommandLine]));
        }
        else
        {
            results.LeftOut.Add($"{Name}: no {NodePath}, or no {s_v86}: no comparison with v86");
        }

        return monitors;
    }
}
