using Jitvmm.Tests.Tidy;

namespace Jitvmm.Tests.Guests;

/// <summary>The committed scenario binaries are what their sources compile to.</summary>
public sealed class PrebuiltTests
{
    private const string Compiler = "12.2.0";

    [ToolFact("gcc")]
    public void Rebuilding_gives_the_committed_bytes()
    {
        ProgramOutcome version = NativeProcess.Run(["gcc", "-dumpfullversion"], "/", "", TimeSpan.FromSeconds(20));
        bool isRecorded = System.Text.Encoding.UTF8.GetString(version.Output).Trim() == Compiler;

        string programs = Path.Combine(RepositoryRoot.Path, "tests/Guests/programs");
        string rebuilt = Directory.CreateTempSubdirectory("jitvmm-prebuilt-").FullName;
        try
        {
            ProgramOutcome build = NativeProcess.Run(["bash", Path.Combine(programs, "build"), rebuilt], "/", "", TimeSpan.FromMinutes(1));
            Assert.True(build.Status == 0, System.Text.Encoding.UTF8.GetString(build.Errors));
            string[] names = [.. Directory.GetFiles(rebuilt).Select(file => Path.GetFileName(file)).Order()];
            Assert.Equal(names, Directory.GetFiles(Path.Combine(programs, "prebuilt")).Select(file => Path.GetFileName(file)).Order());
            foreach (string name in names.Where(_ => isRecorded))
            {
                Assert.True(
                    File.ReadAllBytes(Path.Combine(rebuilt, name)).AsSpan().SequenceEqual(File.ReadAllBytes(Path.Combine(programs, "prebuilt", name))),
                    $"{name} differs from its source; run tests/Guests/programs/build");
            }
        }
        finally
        {
            Directory.Delete(rebuilt, recursive: true);
        }
    }
}
