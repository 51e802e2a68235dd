namespace Jitvmm.Tests.Tidy;

public sealed partial class SourceTests
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

    /// <summary>Methods that may be longer, each with its reason: one case per something is easier to read in one place.</summary>
    private static readonly Dictionary<string, string> s_longMethods = new()
    {
        ["src/Jitvmm.Linux/Errno.cs: private static string[] MakeNames()"] = "one line per error",
        ["translator/Emit/RegionEmitter.cs: private void EmitValue(int index)"] = "one case per IR operation",
        ["translator/Lift/Lifter.Move.cs: private bool TryMove()"] = "one case per mnemonic",
    };

    [Fact]
    public void Methods_over_70_lines_are_listed_with_a_reason()
    {
        var offenders = new List<string>();
        foreach (string file in RepositoryRoot.Files("*.cs").Where(file => !file.EndsWith(".g.cs", StringComparison.Ordinal)))
        {
            string name = Path.GetRelativePath(RepositoryRoot.Path, file);
            offenders.AddRange(LongMethods(File.ReadAllLines(file)).Select(method => $"{name}: {method}").Where(method => !s_longMethods.Keys.Any(known => method.StartsWith(known, StringComparison.Ordinal))));
        }

        Assert.True(offenders.Count == 0, string.Join('\n', offenders));
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

    /// <summary>Finds bodies by their braces, which the formatter keeps on lines of their own at the depth of the declaration.</summary>
    private static IEnumerable<string> LongMethods(string[] lines)
    {
        for (int i = 1; i < lines.Length; i++)
        {
            string indent = lines[i][..(lines[i].Length - lines[i].TrimStart().Length)];
            bool opens = lines[i].AsSpan().Trim().SequenceEqual("{") && indent.Length is 4 or 8;
            if (!opens || !(lines[i - 1].TrimEnd() is [.., ')'] or [.., ','] || lines[i - 1].Contains(") where ", StringComparison.Ordinal)))
            {
                continue;
            }

            bool isStatement = StatementStarts().IsMatch(lines[i - 1]);
            int end = Array.FindIndex(lines, i, line => line.StartsWith(indent + "}", StringComparison.Ordinal));
            if (!isStatement && end - i - 1 > 70)
            {
                yield return $"{lines[i - 1].Trim()}, {end - i - 1} lines";
            }
        }
    }

    [System.Text.RegularExpressions.GeneratedRegex(@"^\s*(if|for|foreach|while|switch|using|lock|fixed|else|catch|do|public .*(class|struct|record) |internal .*(class|struct|record) )")]
    private static partial System.Text.RegularExpressions.Regex StatementStarts();

    private static string ExpectedNamespace(string relative)
    {
        string[] parts = relative.Split('/')[..^1];
        return parts switch
        {
            ["src", var project, .. var rest] => string.Join('.', [project, .. rest]),
            ["translator", "HandlerGenerator", ..] => "Jitvmm.HandlerGenerator",
            ["runtime", .. var rest] => string.Join('.', ["Jitvmm.Runtime", .. rest]),
            ["translator", .. var rest] => string.Join('.', ["Jitvmm.Translator", .. rest]),
            ["tests", .. var rest] => string.Join('.', ["Jitvmm.Tests", .. rest]),
            ["perf", .. var rest] => string.Join('.', ["Jitvmm.Perf", .. rest]),
            _ => string.Join('.', parts),
        };
    }
}
