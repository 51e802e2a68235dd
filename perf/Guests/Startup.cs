using System.Globalization;

namespace Jitvmm.Perf.Guests;

/// <summary>What it costs to run nothing, against what .NET itself costs.</summary>
internal static class Startup
{
    public static void Report(int rounds, string folder)
    {
        string hello = BuildHello(folder);
        var dotnet = default(Samples);
        var guest = default(Samples);
        for (int round = 0; round < rounds; round++)
        {
            dotnet.Add(Measurement.Run([hello], folder));
            guest.Add(Measurement.Run([Measurement.Vmm, "run", "/bin/true"], folder));
        }

        // GNU time reports the largest resident size of the process it ran, in KB.
        string memory = "n/a";
        if (File.Exists("/usr/bin/time"))
        {
            _ = Measurement.Run(["/usr/bin/time", "-o", Path.Combine(folder, "rss"), "-f", "%M", Measurement.Vmm, "run", "/bin/true"], folder);
            string lastLine = File.ReadLines(Path.Combine(folder, "rss")).Last();
            memory = string.Create(CultureInfo.InvariantCulture, $"{int.Parse(lastLine, CultureInfo.InvariantCulture) / 1024} MB");
        }

        Console.WriteLine("| start | hello world in .NET, ms | jitvmm run /bin/true, ms | ratio | CPU ratio | resident |");
        Console.WriteLine("|---|--:|--:|--:|--:|--:|");
        Console.WriteLine(string.Create(
            CultureInfo.InvariantCulture, $"| /bin/true | {dotnet.Median:F1} | {(guest.Failed ? double.NaN : guest.Median):F1} | {guest.Median / dotnet.Median:F2} | {guest.MedianCpu / dotnet.MedianCpu:F2} | {memory} |"));
        Console.WriteLine();
    }

    private static string BuildHello(string folder)
    {
        string project = Path.Combine(folder, "hello");
        Directory.CreateDirectory(project);
        File.WriteAllText(Path.Combine(project, "hello.csproj"), """
            <Project Sdk="Microsoft.NET.Sdk">
              <PropertyGroup>
                <OutputType>Exe</OutputType>
                <TargetFramework>net10.0</TargetFramework>
                <InvariantGlobalization>true</InvariantGlobalization>
              </PropertyGroup>
            </Project>
            """);
        File.WriteAllText(Path.Combine(project, "Program.cs"), "System.Console.WriteLine(\"hello\");");
        Measurement build = Measurement.Run(["/usr/bin/env", "dotnet", "build", "-c", "Release", "-v", "quiet", "-nodeReuse:false"], project);
        return build.Status == 0
            ? Path.Combine(project, "bin/Release/net10.0/hello")
            : throw new InvalidOperationException($"hello world does not build: {build.Output}");
    }
}
