using Jitvmm.Cli;

namespace Jitvmm.Tests.Cli;

public sealed class InspectCommandLineTests
{
    [Fact]
    public void Words_are_passed_on_when_they_make_sense()
    {
        InspectCommandLine line = InspectCommandLine.Parse(["--attach", "12", "--symbols=map", "--port", "8000", "--interval", "0.5", "--save", "page.html"]);
        Assert.Equal(["--attach", "12", "--symbols", "map", "--port", "8000", "--interval", "0.5", "--save", "page.html"], line.Passed);
        Assert.Equal(["--file", "run.cache"], InspectCommandLine.Parse(["run.cache"]).Passed);
        Assert.True(InspectCommandLine.Parse(["--help"]).Help);
    }

    [Theory]
    [InlineData("inspect takes FILE or --attach PID")]
    [InlineData("inspect takes FILE or --attach PID", "file", "--attach", "1")]
    [InlineData("unexpected other", "file", "other")]
    [InlineData("--port is a number from 1 to 65535, not 70000", "file", "--port", "70000")]
    [InlineData("--attach is a number of at least 1, not me", "--attach", "me")]
    [InlineData("unknown option --frob", "file", "--frob")]
    public void Mistakes_are_named(string message, params string[] words)
    {
        UsageException error = Assert.Throws<UsageException>(() => InspectCommandLine.Parse(words));
        Assert.StartsWith(message, error.Message, StringComparison.Ordinal);
    }
}
