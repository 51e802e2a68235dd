using Jitvmm.Inspector.Files;
using Jitvmm.Inspector.Reports;
using Jitvmm.Inspector.Translation;

namespace Jitvmm.Inspector.Assemblies;

/// <summary><c>jitvmm cache export --assembly</c>: all compiled regions of a cache as a .NET assembly.</summary>
public static class AssemblyExport
{
    /// <summary>Writes the assembly, under a temporary name first, and says what is in it.</summary>
    /// <param name="view">The cache.</param>
    /// <param name="path">The file; its name, less the extension, is the assembly's.</param>
    /// <exception cref="IOException">It cannot be written.</exception>
    /// <exception cref="UnauthorizedAccessException">It must not be.</exception>
    public static Report Write(CacheView view, string path)
    {
        ArgumentNullException.ThrowIfNull(view);
        ArgumentException.ThrowIfNullOrEmpty(path);
        if (!Directory.Exists(Path.GetDirectoryName(Path.GetFullPath(path))))
        {
            throw new IOException($"{path}: its folder does not exist");
        }

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

        ReadOnlySpan<byte> image = assembly.ToImage().AsSpan();
        string temporary = $"{path}.{Environment.ProcessId}.tmp";
        try
        {
            using (var stream = new FileStream(temporary, FileMode.Create, FileAccess.Write))
            {
                stream.Write(image);
            }

            File.Move(temporary, path, overwrite: true);
        }
        finally
        {
            File.Delete(temporary);
        }

        return Describe(path, image.Length, methods, left);
    }

    private static Report Describe(string path, int bytes, int methods, SortedDictionary<string, int> left)
    {
        Report report = new("export");
        report.AddFact("file", path);
        report.AddFact("bytes", bytes);
        report.AddFact("class", RegionAssembly.TypeName);
        report.AddFact("methods", methods);
        ReportTable table = report.AddTable("left-out", new("regions", ColumnKind.Number), new("reason", ColumnKind.Text));
        foreach ((string reason, int regions) in left)
        {
            table.Add(regions, reason);
        }

        return report;
    }
}
