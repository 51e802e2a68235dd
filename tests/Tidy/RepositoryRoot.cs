using System.Runtime.CompilerServices;

namespace Jitvmm.Tests.Tidy;

/// <summary>Where the sources this test assembly was built from lie.</summary>
public static class RepositoryRoot
{
    public static string Path { get; } = Find();

    /// <summary>Every tracked-like file below the root: no build output, no dot folders except <c>.ci</c>.</summary>
    public static IEnumerable<string> Files(string pattern) =>
        Directory.EnumerateFiles(Path, pattern, SearchOption.AllDirectories)
            .Where(file => !IsGenerated(System.IO.Path.GetRelativePath(Path, file)))
            .Order(StringComparer.Ordinal);

    private static bool IsGenerated(string relative)
    {
        string[] parts = relative.Split('/');
        return parts.Any(part => part is "bin" or "obj" or ".git" or ".cache" or "TestResults");
    }

    private static string Find([CallerFilePath] string thisFile = "")
    {
        for (string? folder = System.IO.Path.GetDirectoryName(thisFile); folder != null; folder = System.IO.Path.GetDirectoryName(folder))
        {
            if (File.Exists(System.IO.Path.Combine(folder, "Jitvmm.sln")))
            {
                return folder;
            }
        }

        throw new DirectoryNotFoundException($"No Jitvmm.sln above {thisFile}.");
    }
}
