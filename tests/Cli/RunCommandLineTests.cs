using System.Text;
using Jitvmm.Cli;
using Jitvmm.Inspector.Reports;

namespace Jitvmm.Tests.Cli;

public sealed class RunCommandLineTests
{
    private static readonly byte[][] s_noArguments = [];

    [Fact]
    public void Everything_after_the_program_is_the_guests()
    {
        RunCommandLine line = RunCommandLine.Parse(["--tier", "0", "ls", "--tier", "1", "--help"]);
        Assert.Equal(2, line.ProgramIndex);
        Assert.False(line.Help);
        Assert.Equal(ExecutionTier.Interpret, line.ToOptions(s_noArguments, []).Tier);
    }

    [Fact]
    public void Two_dashes_end_the_options()
    {
        RunCommandLine line = RunCommandLine.Parse(["--quiet", "--", "--odd-program"]);
        Assert.Equal("--odd-program", line.ToOptions(s_noArguments, []).Program);
    }

    [Fact]
    public void Every_option_reaches_its_property()
    {
        RunCommandLine line = RunCommandLine.Parse(
        [
            "--writable", "/a", "--writable=/b", "--bind", "/c:/d", "--bind=/e:/f:ro", "--root", "/g", "--network", "host", "--share-all",
            "--memory", "2G", "--tier=1", "--checked", "--code-cache", "64m", "--tasks=7", "--strace", "--trace", "blocks", "--trace=exits", "--stats", "--quiet", "--save-cache", "/h", "--perf-map", "--jitdump", "/j", "--inspect", "--dump-ir", "401000", "--dump-host=main+4", "--sample-tiers", "/i", "prog",
        ]);
        ProcessGuestOptions options = line.ToOptions(s_noArguments, []);
        Assert.Equal(["/a", "/b"], options.Writable);
        Assert.Equal([new BindMount("/c", "/d"), new BindMount("/e", "/f", true)], options.Binds);
        Assert.Equal("/g", options.Root);
        Assert.True(options.HostNetwork && options.ShareAll && options.Statistics && options.Quiet && options.PerfMap && options.Inspect);
        Assert.Equal(2ul << 30, options.MemoryLimit);
        Assert.Equal(64L << 20, options.CodeCacheSize);
        Assert.Equal(("/h", "/i", "/j"), (options.SaveCache, options.TierSamples, options.JitDump));
        Assert.Equal([new CodeDumpRequest(CodeForm.Ir, "401000"), new CodeDumpRequest(CodeForm.Host, "main+4")], options.Dumps);
        Assert.Equal(7, options.TaskLimit);
        Assert.Equal(ExecutionTier.Compile, options.Tier);
        Assert.Equal(MemoryChecks.Checked, options.MemoryChecks);
        Assert.Equal(TraceKinds.SystemCalls | TraceKinds.Blocks | TraceKinds.Exits, options.Trace);
    }

    [Fact]
    public void Variables_are_replaced_added_and_removed()
    {
        RunCommandLine line = RunCommandLine.Parse(["--env", "B=2", "--env", "A", "--env=C=x=y", "prog"]);
        List<byte[]> environment = [.. new[] { "A=1", "B=1", "AB=3" }.Select(Encoding.UTF8.GetBytes)];
        ProcessGuestOptions options = line.ToOptions(s_noArguments, environment);
        Assert.Equal(["AB=3", "B=2", "C=x=y"], options.Environment!.Select(Encoding.UTF8.GetString));
    }

    [Theory]
    [InlineData("no program given")]
    [InlineData("no program given", "--quiet")]
    [InlineData("unknown option --nonsense", "--nonsense", "ls")]
    [InlineData("unknown option -x", "-x", "ls")]
    [InlineData("--tier needs a value", "--tier")]
    [InlineData("--root needs a value", "--root=", "ls")]
    [InlineData("--tier is 0, 1 or auto, not 2", "--tier", "2", "ls")]
    [InlineData("--quiet takes no value", "--quiet=yes", "ls")]
    [InlineData("--memory is a size such as 65536, 512M or 2G, not -1", "--memory", "-1", "ls")]
    [InlineData("--memory is a size such as 65536, 512M or 2G, not 0", "--memory", "0", "ls")]
    [InlineData("--memory is a size such as 65536, 512M or 2G, not 99999999999T", "--memory", "99999999999T", "ls")]
    [InlineData("--tasks is a number of at least 1, not 0", "--tasks", "0", "ls")]
    [InlineData("--bind is SRC:DST or SRC:DST:ro with an absolute DST, not /a", "--bind", "/a", "ls")]
    [InlineData("--bind is SRC:DST or SRC:DST:ro with an absolute DST, not /a:b", "--bind", "/a:b", "ls")]
    public void Mistakes_are_named(string message, params string[] words)
    {
        UsageException error = Assert.Throws<UsageException>(() => RunCommandLine.Parse(words));
        Assert.Equal(message, error.Message);
    }
}
