using System.Globalization;
using System.Text;
using System.Text.Json;
using System.Text.RegularExpressions;
using Jitvmm.Inspector.Files;
using Jitvmm.Inspector.Reports;

namespace Jitvmm.Inspector.Web;

/// <summary>The page with its scripts, its style and what it shows in one file, which needs no server.</summary>
internal static partial class SavedPage
{
    /// <summary>Regions that are in it, those that ran most instructions.</summary>
    private const int MostRegions = 60;

    /// <summary>What they may take of the file, the last one not counted.</summary>
    private const long MostRegionBytes = 4 << 20;

    /// <summary>The file's text.</summary>
    public static string Make(Inspection inspection)
    {
        string page = PageFiles.Read(PageFiles.Page)!;
        string data = Encoding.UTF8.GetString(Data(inspection));

        // "<" of names a guest supplied must not end the script element.
        data = data.Replace("<", "\\u003c", StringComparison.Ordinal);
        return page
            .Replace("<link rel=\"stylesheet\" href=\"style.css\">", $"<style>\n{PageFiles.Read(PageFiles.Style)}</style>", StringComparison.Ordinal)
            .Replace("<script type=\"module\" src=\"main.js\"></script>", $"<script type=\"application/json\" id=\"saved\">{data}</script>\n<script type=\"module\">\n{Script()}</script>", StringComparison.Ordinal);
    }

    /// <summary>All modules in one script, each a function that gives what it exports: a file has no other files to import.</summary>
    private static string Script()
    {
        var script = new StringBuilder();
        foreach (string name in PageFiles.Scripts)
        {
            string text = PageFiles.Read(name)!;
            string exported = string.Join(", ", Exports().Matches(text).Select(static match => match.Groups["name"].Value));
            text = ImportsOfAll().Replace(ImportsOfSome().Replace(text, "const {${names}} = module_${module};"), "const ${name} = module_${module};");
            text = Exports().Replace(text, "${what} ${name}");
            _ = script.Append(CultureInfo.InvariantCulture, $"const module_{Path.GetFileNameWithoutExtension(name)} = await (async () => {{\n{text}return {{ {exported} }};\n}})();\n");
        }

        return script.ToString();
    }

    private static byte[] Data(Inspection inspection)
    {
        CacheView view = inspection.View;
        using var bytes = new MemoryStream();
        using (var output = new Utf8JsonWriter(bytes))
        {
            output.WriteStartObject();
            Write(output, "overview", inspection.Overview(0));
            Write(output, "search", Inspection.Json(PageData.Search(view, "")));
            Write(output, "invalidations", Inspection.Json(PageData.Invalidations(view)));
            Write(output, "exits", Inspection.Json(PageData.Exits(view)));
            output.WriteStartArray("regions");
            long room = MostRegionBytes;
            foreach (ulong address in HottestRegions(view.File))
            {
                byte[] region = Inspection.Json(RegionReport.Make(view, address));
                output.WriteRawValue(region);
                room -= region.Length;
                if (room < 0)
                {
                    break;
                }
            }

            output.WriteEndArray();
            output.WriteEndObject();
        }

        return bytes.ToArray();
    }

    private static void Write(Utf8JsonWriter output, string name, byte[] json)
    {
        output.WritePropertyName(name);
        output.WriteRawValue(json);
    }

    /// <summary>The heads of the regions that ran most.</summary>
    private static IEnumerable<ulong> HottestRegions(CacheFile file)
    {
        var heads = new List<(ulong Instructions, ulong Address)>();
        foreach (RegionRecord region in file.Regions)
        {
            ulong instructions = 0;
            foreach (RegionPartRecord part in file.PartsOf(region))
            {
                instructions += part.Executions * file.Blocks[(int)part.Block].Instructions;
            }

            heads.Add((instructions, file.Blocks[(int)region.Head].Address));
        }

        return heads.OrderByDescending(static head => head.Instructions).Select(static head => head.Address).Distinct().Take(MostRegions);
    }

    [GeneratedRegex("""^import \{(?<names>.*)\} from "\./(?<module>\w+)\.js";$""", RegexOptions.Multiline)]
    private static partial Regex ImportsOfSome();

    [GeneratedRegex("""^import \* as (?<name>\w+) from "\./(?<module>\w+)\.js";$""", RegexOptions.Multiline)]
    private static partial Regex ImportsOfAll();

    [GeneratedRegex("""^export (?<what>(?:async )?function|const) (?<name>\w+)""", RegexOptions.Multiline)]
    private static partial Regex Exports();
}
