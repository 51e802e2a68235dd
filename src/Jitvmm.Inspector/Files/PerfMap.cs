using System.Globalization;
using System.Runtime.InteropServices;
using System.Text;
using Jitvmm.Inspector.Reports;
using Jitvmm.Inspector.Symbols;

namespace Jitvmm.Inspector.Files;

/// <summary>The list of generated code that Linux' perf looks for, one line for each: host address, bytes, name (tools/perf/Documentation/jit-interface.txt).</summary>
public static class PerfMap
{
    /// <summary>Where perf looks for the list of a process.</summary>
    public static string PathOf(int processId) => string.Create(CultureInfo.InvariantCulture, $"/tmp/perf-{processId}.map");

    /// <summary>Writes the regions that were recorded, named after the guest's symbols.</summary>
    /// <param name="content">What a cache file would have.</param>
    /// <param name="path">The file. One that is there is replaced; a link is never followed, for the folder is everybody's.</param>
    /// <exception cref="IOException">It cannot be written.</exception>
    /// <exception cref="UnauthorizedAccessException">It must not be.</exception>
    public static void Write(CacheFileWriter content, string path)
    {
        ArgumentNullException.ThrowIfNull(content);
        File.Delete(path);
        using var stream = new FileStream(path, FileMode.CreateNew, FileAccess.Write, FileShare.Read);
        using var output = new StreamWriter(stream, new UTF8Encoding(false));
        Write(content, output);
    }

    /// <summary>What perf shows for the compiled code of a guest's place.</summary>
    internal static string NameOf(SymbolTable symbols, ulong head)
    {
        string symbol = symbols.Describe(head);
        return string.Create(CultureInfo.InvariantCulture, $"guest:{(symbol.Length > 0 ? ReportTable.Printable(symbol) : $"0x{head:x}")}");
    }

    internal static void Write(CacheFileWriter content, TextWriter output)
    {
        SymbolTable symbols = content.MakeSymbols();
        ReadOnlySpan<BlockRecord> blocks = CollectionsMarshal.AsSpan(content.Blocks);
        foreach (RegionRecord region in content.Regions)
        {
            if (region.HostLength > 0)
            {
                ulong head = blocks[(int)region.Head].Address;
                output.Write(string.Create(CultureInfo.InvariantCulture, $"{region.HostAddress:x} {region.HostLength:x} {NameOf(symbols, head)}\n"));
            }
        }
    }
}
