namespace Jitvmm.Tests.Tidy;

public sealed class LayoutTests
{
    private static readonly string[] s_topFolders = ["perf", "runtime", "src", "tests", "translator"];

    [Fact]
    public void Top_level_folders_are_the_documented_ones()
    {
        string[] folders =
        [
            .. Directory.GetDirectories(RepositoryRoot.Path)
                .Select(folder => Path.GetFileName(folder))
                .Where(name => !name.StartsWith('.') && !s_topFolders.Contains(name)),
        ];
        Assert.Empty(folders);
    }

    [Fact]
    public void References_point_one_way()
    {
        foreach (string project in RepositoryRoot.Files("*.csproj"))
        {
            string relative = Path.GetRelativePath(RepositoryRoot.Path, project);
            string text = File.ReadAllText(project);
            if (relative.StartsWith("runtime/", StringComparison.Ordinal))
            {
                Assert.DoesNotContain("translator/", text, StringComparison.Ordinal);
                Assert.DoesNotContain("src/", text, StringComparison.Ordinal);
            }

            if (relative.StartsWith("translator/", StringComparison.Ordinal))
            {
                Assert.DoesNotContain("src/", text, StringComparison.Ordinal);
            }
        }
    }

    [Fact]
    public void Every_project_is_in_the_solution()
    {
        string solution = File.ReadAllText(Path.Combine(RepositoryRoot.Path, "Jitvmm.sln")).Replace('\\', '/');
        foreach (string project in RepositoryRoot.Files("*.csproj"))
        {
            Assert.Contains(Path.GetRelativePath(RepositoryRoot.Path, project), solution, StringComparison.Ordinal);
        }
    }
}
