using Jitvmm.Perf.Measuring;
using Jitvmm.Perf.Measuring.Results;

namespace Jitvmm.Perf.Suite;

/// <summary>What it costs to run nothing, against what .NET itself costs.</summary>
internal static class StartTable
{
    private const string Hello = "dotnet-hello";

    /// <summary>One takes a tenth of a second.</summary>
    private const int RoundsForOne = 4;

    public static ResultTable Measure(SuiteOptions options, ResultFile results)
    {
        string folder = Directory.CreateDirectory(Path.Combine(SourceTree.Root, ".cache", "perf-hello")).FullName;
        (Runner Runner, string[] Words)[] runs =
        [
            (new Runner(Hello, [BuildHello(folder)]), []),
            (Runner.Jitvmm(options), ["/bin/true"]),
            .. Runner.QemuUser.Select(static runner => (runner, (string[])["/bin/true"])),
        ];
        var table = new ResultTable
        {
            Name = "start",
            Title = "Running /bin/true, against a .NET hello world",
            Reference = Hello,
            Subjects = [Runner.JitvmmName],
            Metrics = [Metric.Wall, Metric.Cpu],
            Rows = [new ResultRow { Name = "/bin/true" }],
        };
        int rounds = options.Rounds * RoundsForOne;
        var progress = new Progress(table.Name, rounds);
        using var child = new ChildProcess();

        // The first of each finds nothing in the page cache.
        foreach ((Runner runner, string[] words) in runs)
        {
            _ = child.Run([.. runner.Prefix, .. words], runner.Environment);
        }

        for (int round = 0; round < rounds; round++)
        {
            progress.Step($"round {round + 1}");
            foreach ((Runner runner, string[] words) in runs)
            {
                ChildRun run = child.Run([.. runner.Prefix, .. words], runner.Environment);
                if (run.Status != 0)
                {
                    results.Failures.Add($"start: {runner.Name}: status {run.Status}");
                    continue;
                }

                ProcessMetrics.Add(table.Rows[0], runner.Name, run);
            }
        }

        return table;
    }

    private static string BuildHello(string folder)
    {
        string program = Path.Combine(folder, "bin/Release/net10.0/hello");
        if (File.Exists(program))
        {
            return program;
        }

        // Props files of the tree above are not for it.
        foreach (string name in (string[])["Directory.Build.props", "Directory.Packages.props"])
        {
            File.WriteAllText(Path.Combine(folder, name), "<Project />");
        }

        File.WriteAllText(Path.Combine(folder, "hello.csproj"), """
            <Project Sdk="Microsoft.NET.Sdk">
              <PropertyGroup>
                <OutputType>Exe</OutputType>
                <TargetFramework>net10.0</TargetFramework>
                <InvariantGlobalization>true</InvariantGlobalization>
              </PropertyGroup>
            </Project>
            """);
        File.WriteAllText(Path.Combine(folder, "Program.cs"), "System.Console.WriteLine(\"hello\");");
        using var child = new ChildProcess { Folder = folder };
        ChildRun build = child.Run(["/usr/bin/env", "dotnet", "build", "-c", "Release", "-v", "quiet", "-nodeReuse:false"]);
        return build.Status == 0 ? program : throw new InvalidOperationException($"hello world does not build: {System.Text.Encoding.UTF8.GetString(build.Output)}");
    }
}
