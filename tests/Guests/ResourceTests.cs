using System.Diagnostics;
using System.Globalization;
using System.Text;

namespace Jitvmm.Tests.Guests;

/// <summary>What a guest may cost the host.</summary>
[Trait("Program", "Guest")]
public sealed class ResourceTests
{
    [Fact]
    public void A_fork_bomb_is_stopped_by_the_task_limit()
    {
        ProgramOutcome outcome = RunScenario("fork-bomb", ["--tasks", "40"], [], TimeSpan.FromMinutes(2));
        Assert.Equal(
            "ok     fork is refused in the end\nok     with EAGAIN\nok     the children that were made run and end\nok     fork works again afterwards\n",
            Encoding.UTF8.GetString(outcome.Output));
        Assert.Equal(0, outcome.Status);
    }

    [Theory]
    [InlineData("0")]
    [InlineData("auto")]
    public void A_thousand_execs_leave_memory_as_it_was(string tier)
    {
        using Process process = Start("thousand-execs", ["--tier", tier], ["1000"]);
        Assert.Equal("at 100", process.StandardOutput.ReadLine());
        long early = ResidentKilobytes(process.Id);
        process.StandardInput.Write('\n');
        process.StandardInput.Flush();
        Assert.Equal("end 1000", process.StandardOutput.ReadLine());
        long late = ResidentKilobytes(process.Id);
        process.StandardInput.Write('\n');
        process.StandardInput.Flush();
        Assert.True(process.WaitForExit(TimeSpan.FromSeconds(30)));
        Assert.Equal(0, process.ExitCode);
        Assert.True(late < early + 20_000, $"resident memory grew from {early} KB at the 100th exec to {late} KB at the 1000th");
    }

    [Theory]
    [InlineData("0")]
    [InlineData("auto")]
    public void Generated_code_does_not_grow_the_code_cache_past_its_limit(string tier)
    {
        using Process process = Start("code-generator", ["--tier", tier, "--code-cache", "16M"], ["400"]);
        long largest = 0;
        while (!process.WaitForExit(TimeSpan.FromMilliseconds(50)))
        {
            largest = Math.Max(largest, ResidentKilobytes(process.Id));
        }

        Assert.Equal("ok     every generated function returns its value\n", process.StandardOutput.ReadToEnd());
        Assert.Equal(0, process.ExitCode);
        Assert.InRange(largest, 0, 200_000);
    }

    private static ProgramOutcome RunScenario(string name, string[] options, string[] arguments, TimeSpan limit) =>
        NativeProcess.Run([ProgramComparison.Vmm, "run", .. options, Scenario(name), .. arguments], AppContext.BaseDirectory, "", limit);

    private static Process Start(string name, string[] options, string[] arguments) =>
        Process.Start(new ProcessStartInfo(ProgramComparison.Vmm, ["run", .. options, Scenario(name), .. arguments])
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
        })!;

    private static string Scenario(string name) => Path.Combine(Tidy.RepositoryRoot.Path, "tests/Guests/programs/prebuilt", name);

    private static long ResidentKilobytes(int pid)
    {
        try
        {
            string? line = File.ReadLines($"/proc/{pid}/status").FirstOrDefault(line => line.StartsWith("VmRSS:", StringComparison.Ordinal));
            return line == null ? 0 : long.Parse(line.AsSpan(6, line.Length - 9).Trim(), CultureInfo.InvariantCulture);
        }
        catch (IOException)
        {
            // It ended meanwhile.
            return 0;
        }
    }
}
