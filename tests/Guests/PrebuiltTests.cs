using System.Text;
using Jitvmm.Tests.Tidy;

namespace Jitvmm.Tests.Guests;

/// <summary>The committed binaries are what their sources compile to, and the kernels among them come to what is written down.</summary>
public sealed class PrebuiltTests
{
    private const string Compiler = "12.2.0";

    [ToolTheory("gcc")]
    [InlineData("tests/Guests/programs")]
    [InlineData("perf/Guests/kernels")]
    [InlineData("perf/Measuring/programs")]
    public void Rebuilding_gives_the_committed_bytes(string folder)
    {
        ProgramOutcome version = NativeProcess.Run(["gcc", "-dumpfullversion"], "/", "", TimeSpan.FromSeconds(20));
        bool isRecorded = Encoding.UTF8.GetString(version.Output).Trim() == Compiler;

        string programs = Path.Combine(RepositoryRoot.Path, folder);
        string rebuilt = Directory.CreateTempSubdirectory("jitvmm-prebuilt-").FullName;
        try
        {
            ProgramOutcome build = NativeProcess.Run(["bash", Path.Combine(programs, "build"), rebuilt], "/", "", TimeSpan.FromMinutes(1));
            Assert.True(build.Status == 0, Encoding.UTF8.GetString(build.Errors));
            string[] names = [.. Directory.GetFiles(rebuilt).Select(file => Path.GetFileName(file)).Order()];
            Assert.Equal(names, Directory.GetFiles(Path.Combine(programs, "prebuilt")).Select(file => Path.GetFileName(file)).Order());
            foreach (string name in names.Where(_ => isRecorded))
            {
                Assert.True(
                    File.ReadAllBytes(Path.Combine(rebuilt, name)).AsSpan().SequenceEqual(File.ReadAllBytes(Path.Combine(programs, "prebuilt", name))),
                    $"{name} differs from its source; run {folder}/build");
            }
        }
        finally
        {
            Directory.Delete(rebuilt, recursive: true);
        }
    }

    [Fact]
    public void Kernels_come_to_the_committed_checksums_natively()
    {
        string[] committed = File.ReadAllLines(Path.Combine(KernelPrograms.Folder, "checksums"));
        Assert.InRange(committed.Length, 16, int.MaxValue);
        Assert.Equal(Directory.GetFiles(Path.Combine(KernelPrograms.Folder, "prebuilt")).Select(file => Path.GetFileName(file)).Order(), committed.Select(line => line.Split(' ')[0]).Order());
        foreach (string[] words in committed.Select(line => line.Split(' ')))
        {
            ProgramOutcome run = NativeProcess.Run([Path.Combine(KernelPrograms.Folder, "prebuilt", words[0]), "1"], "/", "", TimeSpan.FromMinutes(1));
            Assert.Equal($"{words[0]} checksum {words[1]}", $"{words[0]} {Encoding.ASCII.GetString(run.Output).Split('\n')[0]}");
        }
    }
}
