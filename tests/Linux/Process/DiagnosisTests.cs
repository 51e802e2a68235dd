using System.Text;
using System.Text.RegularExpressions;
using Jitvmm.Linux;
using Jitvmm.Tests.Guests;

namespace Jitvmm.Tests.Linux.Process;

/// <summary>What the VMM says about a guest, and about itself.</summary>
[Trait("Program", "Guest")]
public sealed class DiagnosisTests
{
    private static readonly TimeSpan s_limit = TimeSpan.FromMinutes(1);

    [Theory]
    [InlineData(@"openat\(AT_FDCWD, ""/etc/ld.so.cache"", O_RDONLY\|O_CLOEXEC, 00\) = \d+")]
    [InlineData(@"mmap\(NULL, \d+, PROT_READ\|PROT_WRITE, MAP_PRIVATE\|MAP_ANONYMOUS, -1, 0x0\) = 0x[0-9a-f]+")]
    [InlineData(@"mprotect\(0x[0-9a-f]+, \d+, PROT_READ\) = 0")]
    [InlineData(@"access\(""/etc/ld.so.preload"", R_OK\) = -1 ENOENT")]
    [InlineData(@"write\(1, ""hello\\n"", 6\) = 6")]
    [InlineData(@"exit_group\(0\) = \?")]
    public void System_calls_are_printed_with_names(string pattern)
    {
        ProgramOutcome outcome = Run(["--strace", "/bin/echo", "hello"]);
        Assert.Matches(new Regex(pattern), Encoding.UTF8.GetString(outcome.Errors));
        Assert.Equal("hello\n", Encoding.UTF8.GetString(outcome.Output));
    }

    [Fact]
    public void A_crash_is_explained()
    {
        ProgramOutcome outcome = Run(["--tier", "0", "/usr/bin/perl", "-e", "kill 'SEGV', $$"]);
        string text = Encoding.UTF8.GetString(outcome.Errors);
        Assert.Contains("died of SIGSEGV", text, StringComparison.Ordinal);
        Assert.Contains("rip", text, StringComparison.Ordinal);
        Assert.Equal(128 + 11, outcome.Status);
    }

    [Fact]
    public void A_failure_of_the_VMM_takes_one_line()
    {
        Exception error = Assert.Throws<InvalidOperationException>(Fail);
        string line = InternalError.Describe(error);
        Assert.StartsWith("jitvmm: internal error: InvalidOperationException: first second at ", line, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', line);
    }

    private static void Fail() => throw new InvalidOperationException("first\nsecond");

    private static ProgramOutcome Run(string[] words) =>
        NativeProcess.Run([ProgramComparison.Vmm, "run", .. words], AppContext.BaseDirectory, "", s_limit);
}
