using Jitvmm.Inspector.Symbols;

namespace Jitvmm.Tests.Inspector;

/// <summary>Readers of symbols, which read what a guest made.</summary>
public sealed class SymbolTests
{
    [Fact]
    public void Functions_of_an_ELF_file_are_found()
    {
        ElfSymbols elf = ElfSymbols.Read(new MemoryStream(TinyProgram.HotLoop(1)), "hot");
        Assert.Equal([new GuestSymbol(TinyProgram.Start, 7, "_start"), new GuestSymbol(TinyProgram.Start + 7, 7, "hot_loop"), new GuestSymbol(TinyProgram.Start + 14, 9, "done")], elf.Functions);
        Assert.Equal(0x1000ul, elf.BiasOf(TinyProgram.Start + 0x1000, 0x1000));
        Assert.Null(elf.BiasOf(0, 0x900000));
        var table = new SymbolTable(elf.Functions);
        Assert.Equal("hot_loop+0x3", table.Describe(TinyProgram.Start + 10));
        Assert.Equal("", table.Describe(TinyProgram.Start - 1));
        Assert.Equal("", table.Describe(TinyProgram.Start + 23));
    }

    [Fact]
    public void Damaged_ELF_files_are_refused_or_read()
    {
        var random = new Random(6);
        byte[] whole = TinyProgram.SelfModifying(1);
        int refused = 0;
        for (int round = 0; round < 4000; round++)
        {
            byte[] file = round % 4 == 0 ? whole[..random.Next(whole.Length)] : (byte[])whole.Clone();
            for (int i = 0; i < 4 && file.Length > 0; i++)
            {
                // Headers, then symbols and sections: the code between has nothing to say.
                int offset = random.Next(2) == 0 ? random.Next(Math.Min(120, file.Length)) : file.Length - 1 - random.Next(Math.Min(400, file.Length));
                file[offset] = (byte)random.Next(256);
            }

            try
            {
                _ = ElfSymbols.Read(new MemoryStream(file), "damaged");
            }
            catch (SymbolFileException)
            {
                refused++;
            }
        }

        Assert.InRange(refused, 400, 3999);
    }

    [Fact]
    public void Lists_in_text_are_read()
    {
        List<GuestSymbol> symbols = MapFile.Read(new StringReader("# comment\nffffffff81000000 T _text\nffffffff81000040 t helper\t[module]\nffffffff82000000 D data\n"), "map");
        Assert.Equal([new GuestSymbol(0xffffffff81000000, 0, "_text"), new GuestSymbol(0xffffffff81000040, 0, "helper")], symbols);
    }

    [Theory]
    [InlineData("line 1 is not", "text\n")]
    [InlineData("line 2 is not", "1000 T a\n1000 TT b\n")]
    [InlineData("line 1 is not", "10000000000000000 T a\n")]
    [InlineData("all addresses are 0", "0000000000000000 T a\n")]
    public void Mistakes_in_lists_are_named(string message, string text)
    {
        SymbolFileException error = Assert.Throws<SymbolFileException>(() => MapFile.Read(new StringReader(text), "map"));
        Assert.Contains(message, error.Message, StringComparison.Ordinal);
    }
}
