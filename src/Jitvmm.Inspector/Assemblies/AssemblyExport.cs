using Jitvmm.Inspector.Files;
using Jitvmm.Inspector.Reports;
using Jitvmm.Inspector.Translation;

namespace Jitvmm.Inspector.Assemblies;

/// <summary><c>jitvmm cache export --assembly</c>: all compiled regions of a cache as a .NET assembly.</summary>
public static class AssemblyExport
{
    /// <summary>Writes the assembly and says what is in it.</summary>
    /// <param name="report">Is told.</param>
    /// <param name="view">The cache.</param>
    /// <param name="path">The file; its name, less the extension, is the assembly's.</param>
    /// <exception cref="IOException">It cannot be written.</exception>
    /// <exception cref="UnauthorizedAccessException">It must not be.</exception>
    public static void Write(Report report, CacheView view, string path)
    {
        ArgumentNullException.ThrowIfNull(report);
        ArgumentNullException.ThrowIfNull(view);
        ArgumentException.ThrowIfNullOrEmpty(path);
        RegionAssembly assembly = new(Path.GetFileNameWithoutExtension(path));
        var left = new SortedDictionary<string, int>(StringComparer.Ordinal);
        int methods = 0;
        foreach (RegionRecord region in view.File.Regions)
        {
            ulong head = view.File.Blocks[(int)region.Head].Address;
            (RegionTranslation? translation, string? problem) = RegionTranslation.Make(view.File, region);
            if (translation != null)
            {
                (_, _, problem) = assembly.Add(translation, head, view.Symbols.Describe(head));
            }

            if (problem == null)
            {
                methods++;
            }
            else
            {
                left[problem] = left.GetValueOrDefault(problem) + 1;
            }
        }

        byte[] image = [.. assembly.ToImage()];
        WholeFile.WriteExported(path, stream => stream.Write(image));
        report.AddFact("assembly", path);
        report.AddFact("assembly-bytes", image.Length);
        report.AddFact("class", RegionAssembly.TypeName);
        report.AddFact("methods", methods);
        ReportTable table = report.AddTable("left-out", new("regions", ColumnKind.Number), new("reason", ColumnKind.Text));
        foreach ((string reason, int regions) in left)
        {
            table.Add(regions, reason);
        }
    }
}
