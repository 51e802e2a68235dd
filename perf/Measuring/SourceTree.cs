using System.Runtime.CompilerServices;

namespace Jitvmm.Perf.Measuring;

/// <summary>The repository this was built from: what is measured is its build.</summary>
public static class SourceTree
{
    public static string Root { get; } = Find();

    /// <summary>The Release build of the command line.</summary>
    public static string Jitvmm { get; } = Path.Combine(Root, "src/Jitvmm.Cli/bin/Release/net10.0/jitvmm");

    private static string Find([CallerFilePath] string thisFile = "") => Path.GetFullPath(Path.Combine(Path.GetDirectoryName(thisFile)!, "../.."));
}
