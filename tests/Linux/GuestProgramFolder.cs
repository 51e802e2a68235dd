using System.Text;
using Jitvmm.Tests.Guests;

namespace Jitvmm.Tests.Linux;

/// <summary>A program of tests/Linux/Programs compiled into a folder beside the one it runs in.</summary>
internal sealed class GuestProgramFolder : IDisposable
{
    private static readonly TimeSpan s_limit = TimeSpan.FromMinutes(1);

    private readonly string _base = Directory.CreateTempSubdirectory("jitvmm-test-").FullName;

    public GuestProgramFolder(string program)
    {
        Program = Path.Combine(_base, program);
        string source = Path.Combine(Tidy.RepositoryRoot.Path, "tests/Linux/Programs", program + ".c");
        Assert.Equal((0, ""), Run(["gcc", "-O1", "-static", "-nostdlib", "-ffreestanding", "-mgeneral-regs-only", "-fno-stack-protector", "-fcf-protection=none",
            "-fno-tree-loop-distribute-patterns", "-Wno-int-conversion", "-o", Program, source]));
    }

    public string Program { get; }

    private string Work => Path.Combine(_base, "work");

    public void Clean()
    {
        if (Directory.Exists(Work))
        {
            Directory.Delete(Work, recursive: true);
        }
    }

    public (int Status, string Errors) Run(string[] command)
    {
        Directory.CreateDirectory(Work);
        ProgramOutcome outcome = NativeProcess.Run(command, Work, "", s_limit);
        return (outcome.Status, Encoding.UTF8.GetString(outcome.Errors));
    }

    public void Dispose() => Directory.Delete(_base, recursive: true);
}
