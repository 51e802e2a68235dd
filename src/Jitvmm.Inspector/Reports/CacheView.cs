using Jitvmm.Inspector.Files;
using Jitvmm.Inspector.Symbols;

namespace Jitvmm.Inspector.Reports;

/// <summary>A cache file with its symbols, and what is looked up in it again and again.</summary>
public sealed class CacheView
{
    private BlockIndex? _index;
    private ulong[]? _exitsOfBlock;

    /// <param name="file">The file.</param>
    /// <param name="symbols">Symbols instead of the file's own; null for those.</param>
    public CacheView(CacheFile file, SymbolTable? symbols = null)
    {
        File = file;
        Symbols = symbols ?? SymbolTable.Of(file);
    }

    public CacheFile File { get; }

    public SymbolTable Symbols { get; }

    /// <summary>Blocks by address.</summary>
    public BlockIndex Index => _index ??= new BlockIndex(File.Blocks);

    /// <summary>For each block, how often generated code was left in it.</summary>
    public ReadOnlySpan<ulong> ExitsOfBlock => _exitsOfBlock ??= CountExits();

    /// <summary>The block that an exit was in; null when it was in none.</summary>
    public int? BlockOf(in ExitRecord exit) => exit.Block != ExitRecord.None ? (int)exit.Block : Index.Find(exit.Address);

    /// <summary>An address given as a symbol, as symbol+distance, or in hexadecimal.</summary>
    /// <returns>Null when it is none.</returns>
    public ulong? ParseAddress(string text)
    {
        if (Symbols.AddressOf(text) is { } exact)
        {
            return exact;
        }

        int plus = text.LastIndexOf('+');
        if (plus > 0 && Symbols.AddressOf(text[..plus]) is { } start && TryParseHex(text[(plus + 1)..], out ulong distance))
        {
            return start + distance;
        }

        return TryParseHex(text, out ulong address) ? address : null;
    }

    private static bool TryParseHex(string text, out ulong value) => ulong.TryParse(
        text.StartsWith("0x", StringComparison.OrdinalIgnoreCase) ? text.AsSpan(2) : text,
        System.Globalization.NumberStyles.AllowHexSpecifier,
        System.Globalization.CultureInfo.InvariantCulture,
        out value);

    private ulong[] CountExits()
    {
        ulong[] counts = new ulong[File.Blocks.Length];
        foreach (ref readonly ExitRecord exit in File.Exits)
        {
            if (BlockOf(exit) is { } block)
            {
                counts[block] += exit.Count;
            }
        }

        return counts;
    }
}
