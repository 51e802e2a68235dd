using Jitvmm.Linux.Files;

namespace Jitvmm.Tests.Linux.Files;

/// <summary>What a killed session leaves in the host's /tmp goes with the next start; what a running one has there stays.</summary>
public sealed class PrivateDirectoryTests
{
    [Fact]
    public void Directories_of_killed_sessions_are_removed()
    {
        PrivateDirectory running = PrivateDirectory.Create();
        string abandoned = $"/tmp/jitvmm-run-test{Environment.ProcessId}";
        string outside = Directory.CreateTempSubdirectory("jitvmm-test-").FullName;
        string kept = Path.Combine(outside, "kept");
        File.WriteAllText(kept, "x");
        Directory.CreateDirectory(Path.Combine(abandoned, "tmp"));
        File.WriteAllText(Path.Combine(abandoned, "tmp", "left"), "x");
        File.CreateSymbolicLink(Path.Combine(abandoned, "link"), outside);
        try
        {
            // Each start removes a few; other sessions may be starting and removing at the same time.
            for (int start = 0; start < 1000 && Directory.Exists(abandoned); start++)
            {
                Assert.Null(PrivateDirectory.Create().Remove());
            }

            Assert.False(Directory.Exists(abandoned));
            Assert.True(File.Exists(kept));
            Assert.True(Directory.Exists(running.Path));
        }
        finally
        {
            Assert.Null(running.Remove());
            Directory.Delete(outside, recursive: true);
        }

        Assert.False(Directory.Exists(running.Path));
    }
}
