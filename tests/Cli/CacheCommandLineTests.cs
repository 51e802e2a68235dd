using Jitvmm.Cli;
using Jitvmm.Inspector.Files;
using Jitvmm.Inspector.Reports;

namespace Jitvmm.Tests.Cli;

public sealed class CacheCommandLineTests
{
    [Fact]
    public void Every_option_is_read_before_and_behind_the_file()
    {
        CacheCommandLine line = CacheCommandLine.Parse(
        [
            "list", "--json", "file", "--symbols", "map", "--limit=7", "--sort", "size", "--symbol", "main", "--from", "0x1000", "--to", "2000", "--tier", "1", "--min-executions", "5",
            "--state", "invalidated",
        ]);
        Assert.Equal(("list", "map", 7), (line.Subcommand, line.SymbolFile, line.Limit));
        Assert.Equal("file", line.File);
        Assert.Empty(line.Words);
        Assert.True(line.Json);
        ListFilter expected = new() { Order = ListOrder.Size, Limit = 7, Symbol = "main", From = 0x1000, To = 0x2000, Tier = 1, MinExecutions = 5, State = TranslationState.Invalidated };
        Assert.Equal(expected, line.Filter);
        Assert.True(CacheCommandLine.Parse(["--help"]).Help);
        Assert.True(CacheCommandLine.Parse(["graph", "f", "a", "--dot"]).Dot);
        Assert.Equal("system-call", CacheCommandLine.Parse(["exits", "f", "--kind", "system-call"]).ExitKind);
    }

    [Fact]
    public void A_running_guest_stands_in_place_of_the_first_file()
    {
        CacheCommandLine show = CacheCommandLine.Parse(["show", "main", "--attach", "12"]);
        Assert.Equal((12, null), (show.Process, show.File));
        Assert.Equal(["main"], show.Words);
        Assert.Equal(["old"], CacheCommandLine.Parse(["diff", "--attach=12", "old"]).Words);
        CacheCommandLine top = CacheCommandLine.Parse(["top", "--attach", "12", "--interval", "0.5", "--count", "3"]);
        Assert.Equal((TimeSpan.FromMilliseconds(500), 3), (top.Interval, top.Count));
        Assert.Equal((TimeSpan.FromSeconds(1), 0), (CacheCommandLine.Parse(["top", "--attach", "12"]).Interval, CacheCommandLine.Parse(["top", "--attach", "12"]).Count));
    }

    [Theory]
    [InlineData("no subcommand given")]
    [InlineData("unknown subcommand lst", "lst", "f")]
    [InlineData("list takes FILE", "list")]
    [InlineData("show takes FILE ADDRESS", "show", "f")]
    [InlineData("diff takes FILE FILE", "diff", "f")]
    [InlineData("unknown option --frob", "list", "--frob", "f")]
    [InlineData("--sort is executions", "list", "f", "--sort", "heat")]
    [InlineData("--sort is executions", "list", "f", "--sort", "3")]
    [InlineData("--state is live", "list", "f", "--state", "dead")]
    [InlineData("--tier is 0 or 1, not auto", "list", "f", "--tier", "auto")]
    [InlineData("--limit is a number, not -1", "list", "f", "--limit", "-1")]
    [InlineData("--from is an address in hexadecimal, not xyz", "list", "f", "--from", "xyz")]
    [InlineData("--kind is one of lookup, ", "exits", "f", "--kind", "boredom")]
    [InlineData("top shows a running guest", "top", "f")]
    [InlineData("top takes nothing beside --attach PID", "top", "f", "--attach", "1")]
    [InlineData("list takes nothing beside --attach PID", "list", "f", "--attach", "1")]
    [InlineData("show takes ADDRESS and --attach PID", "show", "--attach", "1")]
    [InlineData("--attach is a number of at least 1, not me", "list", "--attach", "me")]
    [InlineData("--interval is a number of seconds from 0.1", "top", "--attach", "1", "--interval", "0")]
    [InlineData("--json takes no value", "list", "f", "--json=1")]
    public void Mistakes_are_named(string message, params string[] words)
    {
        UsageException error = Assert.Throws<UsageException>(() => CacheCommandLine.Parse(words));
        Assert.StartsWith(message, error.Message, StringComparison.Ordinal);
    }
}
