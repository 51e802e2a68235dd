using System.Text;
using Jitvmm.Tests.Guests;
using Jitvmm.Tests.Tidy;

namespace Jitvmm.Tests.Runtime;

/// <summary>The committed machine code is what its assembly source assembles to.</summary>
public sealed class AssembledCodeTests
{
    private static readonly TimeSpan s_limit = TimeSpan.FromSeconds(20);

    [ToolFact("nasm")]
    public void Native_stubs_are_assembled_from_their_source() =>
        Check("runtime/Host/HostStubs.asm", "Jitvmm.Runtime.Host", "HostStubs", "runtime/Host/HostStubs.g.cs");

    [ToolFact("nasm")]
    public void The_vdso_is_assembled_from_its_source() =>
        Check("src/Jitvmm.Linux/Loading/Vdso.asm", "Jitvmm.Linux.Loading", "Vdso", "src/Jitvmm.Linux/Loading/Vdso.g.cs");

    private static void Check(string source, string space, string name, string committed)
    {
        string script = Path.Combine(RepositoryRoot.Path, "runtime/Host/assemble");
        ProgramOutcome outcome = NativeProcess.Run(["sh", script, Path.Combine(RepositoryRoot.Path, source), space, name], RepositoryRoot.Path, "", s_limit);
        Assert.Equal("", Encoding.UTF8.GetString(outcome.Errors));
        Assert.Equal(File.ReadAllText(Path.Combine(RepositoryRoot.Path, committed)), Encoding.UTF8.GetString(outcome.Output));
    }
}
