using System.Text;
using Jitvmm.Tests.Guests;

namespace Jitvmm.Tests.Linux.Files;

/// <summary>Guest programs without a C library that check calls about files; the line that failed is their exit status.</summary>
[Trait("Program", "Guest")]
public sealed class GuestFileTests
{
    private static readonly TimeSpan s_limit = TimeSpan.FromMinutes(1);

    [ToolFact("gcc")]
    public void File_calls_do_what_the_host_does() => CompareWithHost("files");

    [ToolFact("gcc")]
    public void Socket_calls_do_what_the_host_does() => CompareWithHost("sockets");

    [ToolFact("gcc")]
    public void System_calls_do_not_lead_out_of_the_view()
    {
        using Folder folder = new("confined");
        Assert.Equal((0, ""), folder.Run([ProgramComparison.Vmm, "run", folder.Program]));
    }

    private static void CompareWithHost(string program)
    {
        using Folder folder = new(program);
        Assert.Equal((0, ""), folder.Run([folder.Program]));
        foreach (string tier in (ReadOnlySpan<string>)["0", "auto"])
        {
            folder.Clean();
            Assert.Equal((0, ""), folder.Run([ProgramComparison.Vmm, "run", "--tier", tier, folder.Program]));
        }
    }

    /// <summary>A program compiled into a folder beside the one it runs in.</summary>
    private sealed class Folder : IDisposable
    {
        private readonly string _base = Directory.CreateTempSubdirectory("jitvmm-test-").FullName;

        public Folder(string program)
        {
            Program = Path.Combine(_base, program);
            string source = Path.Combine(Tidy.RepositoryRoot.Path, "tests/Linux/Programs", program + ".c");
            Assert.Equal((0, ""), Run(["gcc", "-O1", "-static", "-nostdlib", "-ffreestanding", "-mgeneral-regs-only", "-fno-stack-protector", "-fcf-protection=none",
                "-Wno-int-conversion", "-o", Program, source]));
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
}
