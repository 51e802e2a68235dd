using System.Text.RegularExpressions;

namespace Jitvmm.Tests.Inspector;

/// <summary>The options of <c>run</c> and <c>boot</c> that print compiled code, by the real command.</summary>
public sealed class CodeDumpTests : IDisposable
{
    private const int Times = 123_457;

    private readonly CacheRun _run = new();

    public void Dispose() => _run.Dispose();

    [Theory]
    [InlineData("401007")]
    [InlineData("0x401009")]
    [InlineData("hot_loop")]
    [InlineData("hot_loop+2")]
    public void IR_is_shown_as_lifted_and_behind_each_pass(string place)
    {
        string text = Dump("--dump-ir", place);
        Assert.Matches($@"^jitvmm: --dump-ir {Regex.Escape(place)}: region \d+ for 401007 hot_loop, 3 instructions, compiled after \d+ ms in \d+ us\n", text);
        string[] stages = text.Split("\nafter ");
        Assert.Equal(4, stages.Length);
        Assert.StartsWith("lifting\n", stages[1], StringComparison.Ordinal);
        Assert.StartsWith("values instead of loads\n", stages[2], StringComparison.Ordinal);
        Assert.StartsWith("flag liveness and dead code\n", stages[3], StringComparison.Ordinal);

        // INC's overflow is written by DEC again, and read by nobody.
        Assert.Equal(2, Regex.Count(stages[1], @"Set\.64 of|Set\.8 of|Set\.\d+ of"));
        Assert.DoesNotMatch(@"inc rax\n(?:      .*\n)*      .*Set\.\d+ of", stages[3]);
        Assert.Contains("    401007 inc rax\n", stages[1], StringComparison.Ordinal);
        Assert.Contains("Set.64 rax", stages[3], StringComparison.Ordinal);
        Assert.Contains("\nas the emitter evaluates it", stages[3], StringComparison.Ordinal);
        Assert.Contains("block 401007 hot_loop, entry 0, head of a loop\n", stages[1], StringComparison.Ordinal);
    }

    [Fact]
    public void IL_and_host_code_are_those_that_cache_show_has()
    {
        string file = _run.Record("cache", "--tier", "1", Program());
        string shown = _run.Run("cache", "show", file, "hot_loop").Output;
        string il = Dump("--dump-il", "hot_loop");
        Assert.Contains("\n    401007 inc rax\n", il, StringComparison.Ordinal);
        Assert.Contains("    entries and ways out\n", il, StringComparison.Ordinal);
        Assert.Matches(@"\n +\d+ add\n", il);
        string host = Dump("--dump-host", "hot_loop");
        Assert.Matches(@"\n    [0-9a-f]+ 55 +push rbp\n", host);
        Assert.Contains("inc r", host, StringComparison.Ordinal);
        Assert.Contains("push rbp", shown, StringComparison.Ordinal);
        Match bytes = Regex.Match(host, @"\n  (\d+) bytes\n$");
        int dumped = int.Parse(bytes.Groups[1].ValueSpan, System.Globalization.CultureInfo.InvariantCulture);

        // A recorded run counts in its code.
        int recorded = int.Parse(Regex.Match(shown, @"host-bytes: (\d+)").Groups[1].ValueSpan, System.Globalization.CultureInfo.InvariantCulture);
        Assert.InRange(dumped, 20, recorded);
    }

    [Fact]
    public void All_forms_can_be_asked_for_at_once_beside_a_saved_cache()
    {
        string text = Dump("--save-cache", _run.PathOf("cache"), "--dump-ir", "hot_loop", "--dump-il", "hot_loop", "--dump-host", "hot_loop");
        Assert.Equal(3, Regex.Count(text, "^jitvmm: --dump-(ir|il|host) hot_loop: region ", RegexOptions.Multiline));
        Assert.True(File.Exists(_run.PathOf("cache")));
    }

    [Fact]
    public void What_was_not_compiled_gives_one_line_that_says_why()
    {
        Assert.Equal("jitvmm: --dump-il 123456: not compiled: 123456 was never translated: the guest did not go there, or nobody recorded it\n", Dump("--dump-il", "123456"));
        Assert.Equal("jitvmm: --dump-ir nonsense: neither an address nor a symbol of code that ran\n", Dump("--dump-ir", "nonsense"));
        (int status, _, string errors) = _run.Run("run", "--tier", "0", "--dump-host", "hot_loop", Program());
        Assert.Equal((0, "jitvmm: --dump-host hot_loop: not compiled: nothing is compiled: the run was interpreted (--tier 0)\n"), (status, errors));
        (status, _, errors) = _run.Run("run", "--dump-host", "_start", Program());
        Assert.Equal(0, status);
        Assert.Matches(@"^jitvmm: --dump-host _start: not compiled: it ran 1 times, and is compiled when it ran \d+ times\n$", errors);
    }

    [Fact]
    public void Code_of_machines_is_shown_too()
    {
        // Where the demonstration kernel's code is, from a recorded run of it.
        Assert.Equal(0, _run.Run("boot", "--tier", "1", "--serial", "none", "--save-cache", _run.PathOf("cache")).Status);
        string place = _run.Ask("list", _run.PathOf("cache"), "--tier", "1").GetProperty("rows")[0].GetProperty("address").GetString()!;
        (int status, _, string errors) = _run.Run("boot", "--tier", "1", "--serial", "none", "--dump-host", "100", "--dump-ir", "nonsense", "--dump-il", place);
        Assert.True(status == 0, errors);
        Assert.Matches($@"jitvmm: --dump-il {place}: region \d+ for {place[2..]}, ", errors);
        Assert.Matches(@"\n +\d+ ret\n", errors);
        Assert.Contains("jitvmm: --dump-host 100: not compiled: 100 was never translated", errors, StringComparison.Ordinal);
        Assert.Contains("jitvmm: --dump-ir nonsense: neither", errors, StringComparison.Ordinal);
    }

    private string Program() => _run.Write("hot", TinyProgram.HotLoop(Times));

    private string Dump(params string[] options)
    {
        (int status, _, string errors) = _run.Run(["run", "--tier", "1", .. options, Program()]);
        Assert.True(status == 0, errors);
        return errors;
    }
}
