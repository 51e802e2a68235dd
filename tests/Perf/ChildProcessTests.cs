using System.Text;
using Jitvmm.Perf.Measuring;

namespace Jitvmm.Tests.Perf;

/// <summary>What is measured of a program that was started.</summary>
public sealed class ChildProcessTests
{
    [Fact]
    public void Output_errors_status_and_folder_are_the_programs()
    {
        using var child = new ChildProcess { Folder = "/usr" };
        ChildRun run = child.Run(["/bin/sh", "-c", "pwd; echo $WORD >&2; exit 7"], new Dictionary<string, string> { ["WORD"] = "value" });
        Assert.Equal("/usr\n", Encoding.ASCII.GetString(run.Output));
        Assert.Equal("value\n", run.Errors);
        Assert.Equal(7, run.Status);
        Assert.Equal(128 + 15, child.Run(["/bin/sh", "-c", "kill -TERM $$"]).Status);
        Assert.Equal(127, child.Run(["/no/such/program"]).Status);
    }

    [Fact]
    public void The_peak_is_the_programs_and_not_this_processs()
    {
        // This process has tens of megabytes, which a child of its own would be charged with.
        using var child = new ChildProcess();
        ChildRun run = child.Run(["/bin/true"]);
        Assert.InRange(run.PeakMb, 0.05, 16);
        Assert.True(run.WallMs > 0);
    }

    [Fact]
    public void Time_that_is_waited_is_no_cpu_time_and_time_that_is_spent_is()
    {
        using var child = new ChildProcess();
        ChildRun waits = child.Run(["/bin/sleep", "0.3"]);
        Assert.InRange(waits.WallMs, 300, double.MaxValue);
        Assert.InRange(waits.CpuMs, 0, 150);

        // Spent by a child of the program.
        ChildRun spends = child.Run(["/bin/sh", "-c", "(i=0; while [ $i -lt 200000 ]; do i=$((i + 1)); done); true"]);
        Assert.InRange(spends.CpuMs, 20, spends.WallMs * 1.5);
    }

    [Fact]
    public void A_program_that_does_not_end_is_ended()
    {
        using var child = new ChildProcess { Limit = TimeSpan.FromMilliseconds(300) };
        ChildRun run = child.Run(["/bin/sleep", "1000"]);
        Assert.Equal(128 + 9, run.Status);
        Assert.Contains("limit", run.Errors, StringComparison.Ordinal);
    }
}
