namespace Jitvmm.Tests.Tidy;

public sealed class SourceTests
{
    /// <summary>Files that may be longer, each with its reason.</summary>
    private static readonly Dictionary<string, string> s_longFiles = [];

    [Fact]
    public void Files_over_800_lines_are_listed_with_a_reason()
    {
        string[] offenders =
        [
            .. RepositoryRoot.Files("*.cs")
                .Where(file => !file.EndsWith(".g.cs", StringComparison.Ordinal))
                .Select(file => (Name: Path.GetRelativePath(RepositoryRoot.Path, file), Lines: File.ReadLines(file).Count()))
                .Where(file => file.Lines > 800 && !s_longFiles.ContainsKey(file.Name))
                .Select(file => $"{file.Name}: {file.Lines} lines"),
        ];
        Assert.True(offenders.Length == 0, string.Join('\n', offenders));
    }

    [Theory]
    [InlineData("TO" + "DO")]
    [InlineData("FIX" + "ME")]
    [InlineData("NotImplemented" + "Exception")]
    public void Source_has_no_placeholder(string word)
    {
        string[] offenders =
        [
            .. RepositoryRoot.Files("*.cs")
                .Where(file => File.ReadAllText(file).Contains(word, StringComparison.Ordinal))
                .Select(file => Path.GetRelativePath(RepositoryRoot.Path, file)),
        ];
        Assert.True(offenders.Length == 0, $"{word} in: {string.Join(", ", offenders)}");
    }

    [Fact]
    public void Each_file_has_the_namespace_of_its_folder()
    {
        var offenders = new List<string>();
        foreach (string file in RepositoryRoot.Files("*.cs"))
        {
            string relative = Path.GetRelativePath(RepositoryRoot.Path, file);
            string? declared = File.ReadLines(file)
                .FirstOrDefault(line => line.StartsWith("namespace ", StringComparison.Ordinal))?[10..].TrimEnd(';', ' ');
            if (declared != null && !declared.Equals(ExpectedNamespace(relative), StringComparison.Ordinal))
            {
                offenders.Add($"{relative}: {declared}, expected {ExpectedNamespace(relative)}");
            }
        }

        Assert.True(offenders.Count == 0, string.Join('\n', offenders));
    }

    private static string ExpectedNamespace(string relative)
    {
        string[] parts = relative.Split('/')[..^1];
        return parts switch
        {
            ["src", var project, .. var rest] => string.Join('.', [project, .. rest]),
            ["runtime", .. var rest] => string.Join('.', ["Jitvmm.Runtime", .. rest]),
            ["translator", .. var rest] => string.Join('.', ["Jitvmm.Translator", .. rest]),
            ["tests", .. var rest] => string.Join('.', ["Jitvmm.Tests", .. rest]),
            ["perf", .. var rest] => string.Join('.', ["Jitvmm.Perf", .. rest]),
            _ => string.Join('.', parts),
        };
    }
}
