using System.Text;

namespace Jitvmm.Inspector.Web;

/// <summary>The page's own files, which are in this assembly: nothing is fetched from anywhere.</summary>
internal static class PageFiles
{
    /// <summary>Scripts, each before those that import it.</summary>
    public static IReadOnlyList<string> Scripts { get; } = ["elements.js", "format.js", "source.js", "charts.js", "flame.js", "graph.js", "overview.js", "blocks.js", "region.js", "invalidations.js", "main.js"];

    public const string Style = "style.css";

    public const string Page = "page.html";

    /// <summary>A file's text; null when there is none with the name.</summary>
    public static string? Read(string name)
    {
        using Stream? stream = typeof(PageFiles).Assembly.GetManifestResourceStream(name);
        if (stream == null)
        {
            return null;
        }

        using var reader = new StreamReader(stream, Encoding.UTF8);
        return reader.ReadToEnd();
    }
}
