using System.Text.RegularExpressions;

namespace Jitvmm.Tests.Tidy;

public sealed partial class DocumentTests
{
    private static readonly string[] s_folders = ["src", "translator", "runtime", "tests", "perf"];

    [Fact]
    public void Links_in_documents_resolve()
    {
        var broken = new List<string>();
        foreach (string document in RepositoryRoot.Files("*.md"))
        {
            foreach (Match link in Link().Matches(File.ReadAllText(document)))
            {
                string target = link.Groups[1].Value.Split('#')[0];
                string path = Path.Combine(Path.GetDirectoryName(document)!, target);
                if (target.Length > 0 && !target.Contains("://", StringComparison.Ordinal) && !File.Exists(path) && !Directory.Exists(path))
                {
                    broken.Add($"{Path.GetRelativePath(RepositoryRoot.Path, document)}: {target}");
                }
            }
        }

        Assert.True(broken.Count == 0, string.Join('\n', broken));
    }

    [Fact]
    public void Folders_named_in_the_top_readmes_exist()
    {
        var missing = new List<string>();
        foreach (string folder in s_folders)
        {
            string readme = Path.Combine(RepositoryRoot.Path, folder, "README.md");
            Assert.True(File.Exists(readme), $"{folder} has no README.md");
            string[] lines = File.ReadAllLines(readme);
            Assert.InRange(lines.Length, 3, 60);
            foreach (Match item in lines.Select(line => FolderItem().Match(line)).Where(match => match.Success))
            {
                foreach (string name in item.Groups[1].Value.Split(' ').Where(name => name.EndsWith('/')))
                {
                    if (!Directory.Exists(Path.Combine(RepositoryRoot.Path, folder, name)))
                    {
                        missing.Add($"{folder}/{name}");
                    }
                }
            }
        }

        Assert.True(missing.Count == 0, string.Join('\n', missing));
    }

    [Fact]
    public void Decisions_are_numbered_once_and_take_half_a_page()
    {
        string[] files = Directory.GetFiles(Path.Combine(RepositoryRoot.Path, "src/docs/decisions"), "*.md");
        string[] numbers = [.. files.Select(file => Path.GetFileName(file)[..4])];
        Assert.Equal(numbers.Length, numbers.Distinct().Count());
        Assert.All(numbers, number => Assert.True(int.TryParse(number, out _), number));
        Assert.All(files, file => Assert.InRange(File.ReadLines(file).Count(), 5, 60));
    }

    [Fact]
    public void Every_package_is_in_the_notice()
    {
        string notice = File.ReadAllText(Path.Combine(RepositoryRoot.Path, "NOTICE"));
        string used = string.Concat(RepositoryRoot.Files("*.csproj").Select(File.ReadAllText));
        foreach (Match package in Package().Matches(used))
        {
            Assert.Contains(package.Groups[1].Value, notice, StringComparison.Ordinal);
        }
    }

    [GeneratedRegex(@"\]\(([^)\s]+)\)")]
    private static partial Regex Link();

    [GeneratedRegex(@"^- `([^`]+)`")]
    private static partial Regex FolderItem();

    [GeneratedRegex("PackageReference Include=\"([^\"]+)\"")]
    private static partial Regex Package();
}
