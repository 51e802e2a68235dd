using System.Globalization;
using System.Text.Json;
using Jitvmm.Inspector.Files;
using Jitvmm.Tests.Guests;
using Jitvmm.Tests.Tidy;

namespace Jitvmm.Tests.Inspector;

/// <summary>The real command on real runs, against facts known beforehand.</summary>
public sealed class CacheCommandTests : IDisposable
{
    private const int Times = 123_457;

    private readonly CacheRun _run = new();

    public void Dispose() => _run.Dispose();

    [Theory]
    [InlineData("0")]
    [InlineData("1")]
    [InlineData("auto")]
    public void A_hot_loop_is_listed_first_with_its_exact_count(string tier)
    {
        string program = _run.Write("hot", TinyProgram.HotLoop(Times));
        string file = _run.Record("cache", "--tier", tier, program);
        JsonElement first = _run.Ask("list", file).GetProperty("rows")[0];
        Assert.Equal("hot_loop", first.GetProperty("symbol").GetString());
        Assert.Equal($"0x{TinyProgram.Start + 7:x}", first.GetProperty("address").GetString());
        Assert.Equal(Times, first.GetProperty("executions").GetInt64());
        Assert.Equal(3, first.GetProperty("instructions").GetInt32());
        string[] words = _run.Run("cache", "list", file).Output.Split('\n').First(static line => line.EndsWith("hot_loop", StringComparison.Ordinal)).Split(' ', StringSplitOptions.RemoveEmptyEntries);
        Assert.Equal([(TinyProgram.Start + 7).ToString("x", CultureInfo.InvariantCulture), Times.ToString(CultureInfo.InvariantCulture)], words[..2]);
    }

    [Fact]
    public void Compiled_code_is_shown_in_every_form_and_verified()
    {
        string file = _run.Record("cache", "--tier", "1", _run.Write("hot", TinyProgram.HotLoop(Times)));
        JsonElement show = _run.Ask("show", file, "hot_loop");
        Assert.Equal(["inc rax", "dec ecx", "jne hot_loop"], show.GetProperty("guest").EnumerateArray().Select(static row => row.GetProperty("instruction").GetString()));
        Assert.Equal(Times, show.GetProperty("compiled").GetInt64());
        Assert.Contains(show.GetProperty("ir").EnumerateArray(), static row => row.GetProperty("operation").GetString()!.StartsWith("Set.64 rax", StringComparison.Ordinal) && row.GetProperty("after-passes").GetString() == "kept");
        Assert.Contains(show.GetProperty("ir").EnumerateArray(), static row => row.GetProperty("operation").GetString()!.StartsWith("Set.64 of", StringComparison.Ordinal) && row.GetProperty("after-passes").GetString() == "dead");
        Assert.Contains(show.GetProperty("il").EnumerateArray(), static row => row.GetProperty("operation").GetString() == "add" && row.GetProperty("address").GetString() == "0x401007");
        string[] host = [.. show.GetProperty("host").EnumerateArray().Select(static row => row.GetProperty("instruction").GetString()!)];
        Assert.Equal("push rbp", host[0]);
        Assert.Contains(host, static instruction => instruction.StartsWith("inc r", StringComparison.Ordinal));
        JsonElement verify = _run.Ask("verify", file);
        Assert.Equal(0, verify.GetProperty("differences").GetInt32());
        Assert.True(verify.GetProperty("regions-compared").GetInt32() >= 1);
        Assert.Contains(_run.Ask("graph", file, "hot_loop").GetProperty("edges").EnumerateArray(), static row => row.GetProperty("to").GetString() == "0x401007");
        Assert.StartsWith("digraph region {", _run.Run("cache", "graph", file, "hot_loop", "--dot").Output, StringComparison.Ordinal);
        Assert.Contains("its head", _run.Run("cache", "explain", file, "hot_loop").Output, StringComparison.Ordinal);
    }

    [Fact]
    public void What_is_not_compiled_is_explained()
    {
        string program = _run.Write("hot", TinyProgram.HotLoop(Times));
        Assert.Contains("it ran 1 times, and is compiled when it ran", _run.Run("cache", "explain", _run.Record("auto", program), "_start").Output, StringComparison.Ordinal);
        Assert.Contains("--tier 0", _run.Run("cache", "explain", _run.Record("0", "--tier", "0", program), "_start").Output, StringComparison.Ordinal);
        Assert.Contains("was never translated", _run.Run("cache", "explain", _run.PathOf("0"), "123456").Output, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("0")]
    [InlineData("1")]
    [InlineData("auto")]
    public void Invalidations_are_the_writing_instructions(string tier)
    {
        const int Rewrites = 50;
        string file = _run.Record("cache", "--tier", tier, _run.Write("self", TinyProgram.SelfModifying(Rewrites)));
        JsonElement[] rows = [.. _run.Ask("invalidations", file, "--limit", "0").GetProperty("rows").EnumerateArray()];

        // The first store comes before the code it changes has run.
        Assert.Equal(Rewrites - 1, rows.Sum(static row => row.GetProperty("count").GetInt32()));
        Assert.All(rows, row =>
        {
            Assert.Equal(("store", "writer", "target"), (row.GetProperty("cause").GetString(), row.GetProperty("writer-symbol").GetString(), row.GetProperty("block-symbol").GetString()));
            Assert.Equal(4, row.GetProperty("bytes").GetInt32());
        });
        Assert.Contains("store by 401007 writer", _run.Run("cache", "explain", file, "target").Output, StringComparison.Ordinal);
    }

    [Fact]
    public void A_hypercall_site_is_listed_with_its_number_and_count()
    {
        const int Calls = 9;
        (byte[] image, ulong site) = TinyProgram.Hypercalls(Calls);
        string kernel = _run.Write("kernel", image);
        (int status, _, string errors) = _run.Run("boot", "--kernel", kernel, "--serial", "none", "--memory", "32M", "--save-cache", _run.PathOf("cache"));
        Assert.True(status == 1, errors);
        JsonElement row = _run.Ask("sites", _run.PathOf("cache")).GetProperty("rows")[0];
        Assert.Equal(("hypercall", "vmcall", $"0x{site:x}"), (row.GetProperty("kind").GetString(), row.GetProperty("instruction").GetString(), row.GetProperty("address").GetString()));
        Assert.Equal((Calls, 1), (row.GetProperty("count").GetInt32(), row.GetProperty("number").GetInt32()));
    }

    [Fact]
    public void Two_runs_are_compared_by_symbol()
    {
        string shorter = _run.Record("a", "--tier", "0", _run.Write("short", TinyProgram.HotLoop(Times)));
        string longer = _run.Record("b", "--tier", "0", _run.Write("long", TinyProgram.HotLoop(2 * Times)));
        JsonElement diff = _run.Ask("diff", shorter, longer);
        JsonElement row = Assert.Single(diff.GetProperty("rows").EnumerateArray(), static row => row.GetProperty("place").GetString() == "hot_loop");
        Assert.Equal((Times, 2 * Times), (row.GetProperty("executions-a").GetInt32(), row.GetProperty("executions-b").GetInt32()));
        Assert.Contains("hotter", row.GetProperty("change").GetString(), StringComparison.Ordinal);
    }

    [Fact]
    public void Symbols_come_from_a_list_too_and_lists_are_filtered()
    {
        string file = _run.Record("cache", "--tier", "0", _run.Write("hot", TinyProgram.HotLoop(Times)));
        File.WriteAllText(_run.PathOf("map"), "0000000000401007 T from_the_list\n0000000000401000 d data\n");
        JsonElement rows = _run.Ask("list", file, "--symbols", _run.PathOf("map"), "--symbol", "the_list", "--min-executions", "2").GetProperty("rows");
        Assert.Equal("from_the_list", Assert.Single(rows.EnumerateArray()).GetProperty("symbol").GetString());
        Assert.Empty(_run.Ask("list", file, "--tier", "1").GetProperty("rows").EnumerateArray());
        ulong[] addresses = [.. _run.Ask("list", file, "--sort", "address").GetProperty("rows").EnumerateArray().Select(static row => Convert.ToUInt64(row.GetProperty("address").GetString(), 16))];
        Assert.Equal(addresses.Order(), addresses);
    }

    [ToolFact("busybox")]
    public void A_real_program_is_recorded_verified_and_left_as_it_was()
    {
        string file = _run.Record("cache", "--tier", "1", "busybox", "sh", "-c", "i=0; while [ $i -lt 300 ]; do i=$((i+1)); done; echo $i >/dev/null; exit 0");
        Assert.Equal(0, _run.Ask("verify", file).GetProperty("differences").GetInt32());
        Assert.Contains(_run.Ask("exits", file, "--kind", "system-call").GetProperty("kinds").EnumerateArray(), static row => row.GetProperty("count").GetInt64() > 3);
        JsonElement sites = _run.Ask("sites", file, "--limit", "0");
        Assert.Contains(sites.GetProperty("rows").EnumerateArray(), static row => row.GetProperty("instruction").GetString() == "syscall");
    }

    [Fact]
    public void Compiled_code_is_given_to_perf_with_its_bytes()
    {
        string file = _run.Record("cache", "--tier", "1", "--jitdump", _run.PathOf("."), _run.Write("hot", TinyProgram.HotLoop(Times)));
        CacheFile cache = CacheFile.Open(file);
        uint process = uint.Parse(cache.Fact("pid"), CultureInfo.InvariantCulture);
        JitDumpReader dump = JitDumpReader.Read(File.ReadAllBytes(_run.PathOf($"jit-{process}.dump")));
        Assert.Equal(process, dump.Process);
        Assert.True(dump.IsClosed);
        Assert.Equal(cache.Regions.Length, dump.Methods.Count);
        RegionRecord region = Assert.Single(cache.Regions.ToArray(), region => cache.Blocks[(int)region.Head].Address == TinyProgram.Start + 7);
        JitDumpReader.Method hot = Assert.Single(dump.Methods, static method => method.Name == "guest:hot_loop");
        Assert.Equal(region.HostAddress, hot.Address);
        Assert.Equal(cache.HostCodeOf(region).ToArray(), hot.Code);
        ulong now = (ulong)Environment.TickCount64 * 1_000_000;
        Assert.InRange(hot.Time, dump.Time, now);
    }

    [Fact]
    public void Compiled_code_is_listed_for_perf()
    {
        string file = _run.Record("cache", "--tier", "1", "--perf-map", _run.Write("hot", TinyProgram.HotLoop(Times)));
        CacheFile cache = CacheFile.Open(file);
        string map = PerfMap.PathOf(int.Parse(cache.Fact("pid"), CultureInfo.InvariantCulture));
        try
        {
            string[] lines = File.ReadAllLines(map);
            Assert.Equal(cache.Regions.Length, lines.Length);
            RegionRecord region = Assert.Single(cache.Regions.ToArray(), region => cache.Blocks[(int)region.Head].Address == TinyProgram.Start + 7);
            Assert.Contains($"{region.HostAddress:x} {region.HostLength:x} guest:hot_loop", lines);
        }
        finally
        {
            File.Delete(map);
        }
    }

    [Fact]
    public void Every_name_in_the_JSON_is_in_the_schema()
    {
        string schema = File.ReadAllText(Path.Combine(RepositoryRoot.Path, "src/Jitvmm.Inspector/README.md"));
        string file = _run.Record("cache", "--tier", "1", _run.Write("self", TinyProgram.SelfModifying(5)));
        foreach ((string subcommand, string[] words) in (ReadOnlySpan<(string, string[])>)[("list", []), ("show", ["writer"]), ("exits", []), ("invalidations", []), ("sites", []), ("explain", ["writer"]), ("graph", ["writer"]), ("verify", []), ("diff", [file])])
        {
            foreach (string name in NamesIn(_run.Ask(subcommand, [file, .. words])))
            {
                Assert.Contains($"`{name}`", schema, StringComparison.Ordinal);
            }
        }
    }

    [Fact]
    public void Files_that_cannot_be_used_are_named_with_the_reason()
    {
        Assert.Equal((125, "jitvmm: cache file /nowhere/cache: no such file\n"), Errors("cache", "list", "/nowhere/cache"));
        string text = _run.Write("text", "hello, this is text"u8.ToArray());
        Assert.Equal((125, $"jitvmm: cache file {text}: this is not a cache file\n"), Errors("cache", "list", text));
        string file = _run.Record("cache", _run.Write("hot", TinyProgram.HotLoop(1)));
        Assert.Equal((125, "jitvmm: nonsense is neither an address nor a symbol of the cache\n"), Errors("cache", "show", file, "nonsense"));
        Assert.Equal((125, $"jitvmm: symbol file {text}: line 1 is not an address, a kind and a name\n"), Errors("cache", "list", file, "--symbols", text));
        Assert.Equal((125, "jitvmm: cache file /nowhere/cache: its folder does not exist\n"), Errors("run", "--save-cache", "/nowhere/cache", "/bin/true"));
    }

    private (int Status, string Errors) Errors(params string[] words)
    {
        (int status, _, string errors) = _run.Run(words);
        return (status, errors);
    }

    private static IEnumerable<string> NamesIn(JsonElement element) => element.ValueKind switch
    {
        JsonValueKind.Object => element.EnumerateObject().SelectMany(static property => NamesIn(property.Value).Append(property.Name)),
        JsonValueKind.Array => element.EnumerateArray().SelectMany(NamesIn),
        _ => [],
    };
}
