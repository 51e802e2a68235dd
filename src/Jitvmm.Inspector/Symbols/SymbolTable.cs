using Jitvmm.Inspector.Files;

namespace Jitvmm.Inspector.Symbols;

/// <summary>Finds the symbol that code belongs to.</summary>
public sealed class SymbolTable
{
    /// <summary>How far a symbol without a size goes on, at most.</summary>
    private const ulong LongestUnsized = 1 << 20;

    private readonly GuestSymbol[] _symbols;
    private readonly ulong[] _addresses;

    /// <summary>Sorts symbols; of several at one address, the first with a size is kept.</summary>
    public SymbolTable(IEnumerable<GuestSymbol> symbols)
    {
        GuestSymbol[] sorted = [.. symbols.OrderBy(static symbol => symbol.Address)];
        var kept = new List<GuestSymbol>(sorted.Length);
        foreach (GuestSymbol symbol in sorted)
        {
            if (kept.Count == 0 || kept[^1].Address != symbol.Address)
            {
                kept.Add(symbol);
            }
            else if (kept[^1].Size == 0 && symbol.Size != 0)
            {
                kept[^1] = symbol;
            }
        }

        _symbols = [.. kept];
        _addresses = Array.ConvertAll(_symbols, static symbol => symbol.Address);
    }

    /// <summary>The symbols a cache file has.</summary>
    public static SymbolTable Of(CacheFile file)
    {
        ArgumentNullException.ThrowIfNull(file);
        var symbols = new List<GuestSymbol>(file.Symbols.Length);
        foreach (SymbolRecord symbol in file.Symbols)
        {
            symbols.Add(new GuestSymbol(symbol.Address, symbol.Size, file.Text(symbol.Name)));
        }

        return new SymbolTable(symbols);
    }

    /// <summary>The symbols of an ELF file, at its own addresses, or of a list in text.</summary>
    /// <exception cref="SymbolFileException">The file is neither, or damaged.</exception>
    public static SymbolTable Open(string path)
    {
        try
        {
            using var stream = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite);
            Span<byte> magic = stackalloc byte[4];
            bool isElf = stream.ReadAtLeast(magic, 4, throwOnEndOfStream: false) == 4 && magic.SequenceEqual("\u007fELF"u8);
            stream.Position = 0;
            return new SymbolTable(isElf ? ElfSymbols.Read(stream, path).Functions : MapFile.Read(new StreamReader(stream), path));
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new SymbolFileException($"{path}: {(error is FileNotFoundException or DirectoryNotFoundException ? "no such file" : error.Message)}", error);
        }
    }

    /// <summary>How many there are.</summary>
    public int Count => _symbols.Length;

    /// <summary>The symbol an address is in.</summary>
    public GuestSymbol? Find(ulong address)
    {
        int position = Array.BinarySearch(_addresses, address);
        position = position >= 0 ? position : ~position - 1;
        if (position < 0)
        {
            return null;
        }

        GuestSymbol symbol = _symbols[position];
        ulong distance = address - symbol.Address;
        return distance < (symbol.Size != 0 ? symbol.Size : LongestUnsized) || distance == 0 ? symbol : null;
    }

    /// <summary>The address a name has; null when no symbol has it.</summary>
    public ulong? AddressOf(string name)
    {
        foreach (GuestSymbol symbol in _symbols)
        {
            if (symbol.Name == name)
            {
                return symbol.Address;
            }
        }

        return null;
    }

    /// <summary>An address as symbol and distance from it; empty when no symbol has it.</summary>
    public string Describe(ulong address) => Find(address) is not { } symbol
        ? ""
        : address == symbol.Address ? symbol.Name : $"{symbol.Name}+0x{address - symbol.Address:x}";
}
