using System.Globalization;

namespace Jitvmm.Inspector.Symbols;

/// <summary>A list of symbols in text, as <c>/proc/kallsyms</c>, <c>System.map</c> and <c>nm</c> have it: address, kind, name, and perhaps a module in brackets.</summary>
public static class MapFile
{
    private const int MostSymbols = 8_000_000;
    private const int LongestLine = 8192;

    /// <summary>Reads the symbols of code: kinds t, T, w, W and i.</summary>
    /// <exception cref="SymbolFileException">A line is something else, or all addresses are 0, as the kernel shows them to whoever may not know.</exception>
    public static List<GuestSymbol> Read(TextReader reader, string name)
    {
        ArgumentNullException.ThrowIfNull(reader);
        var symbols = new List<GuestSymbol>();
        bool hasAddress = false;
        int number = 0;
        while (reader.ReadLine() is { } line)
        {
            number++;
            if (line.Length == 0 || line[0] == '#')
            {
                continue;
            }

            string[] words = line.Length > LongestLine ? [] : line.Split((char[]?)null, 4, StringSplitOptions.RemoveEmptyEntries);
            if (words.Length < 3 || words[1].Length != 1 || !ulong.TryParse(words[0], NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out ulong address))
            {
                throw new SymbolFileException($"{name}: line {number} is not an address, a kind and a name");
            }

            hasAddress |= address != 0;
            if (words[1][0] is 't' or 'T' or 'w' or 'W' or 'i')
            {
                symbols.Add(new GuestSymbol(address, 0, words[2]));
            }

            if (symbols.Count > MostSymbols)
            {
                throw new SymbolFileException($"{name}: more than {MostSymbols} symbols");
            }
        }

        return hasAddress || number == 0 ? symbols : throw new SymbolFileException($"{name}: all addresses are 0; the kernel shows them to root alone (kptr_restrict)");
    }
}
