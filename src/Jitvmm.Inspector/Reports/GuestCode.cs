using System.Text;
using Iced.Intel;
using Jitvmm.Inspector.Files;
using Jitvmm.Inspector.Symbols;
using Jitvmm.Runtime.CodeCache;

namespace Jitvmm.Inspector.Reports;

/// <summary>Decodes and prints machine code: the guest's and the host's.</summary>
internal static class GuestCode
{
    /// <summary>The instructions of a block; fewer when its bytes end before, or are none.</summary>
    public static Instruction[] Decode(CacheFile file, in BlockRecord block)
    {
        CodeMode mode = (CodeMode)block.Mode;
        int bits = (mode & CodeMode.Long) != 0 ? 64 : (mode & CodeMode.Bits32) != 0 ? 32 : 16;
        Instruction[] all = Decode(file.CodeOf(block).ToArray(), block.Address, bits);
        return all.Length > block.Instructions ? all[..block.Instructions] : all;
    }

    /// <summary>The instructions in bytes, up to the first that is none.</summary>
    public static Instruction[] Decode(byte[] bytes, ulong address, int bits)
    {
        var decoder = Iced.Intel.Decoder.Create(bits, new ByteArrayCodeReader(bytes));
        decoder.IP = address;
        var instructions = new List<Instruction>();
        while (decoder.IP - address < (ulong)bytes.Length)
        {
            decoder.Decode(out Instruction instruction);
            if (instruction.IsInvalid)
            {
                break;
            }

            instructions.Add(instruction);
        }

        return [.. instructions];
    }

    /// <summary>A formatter that names addresses.</summary>
    public static Formatter CreateFormatter(SymbolTable symbols)
    {
        var formatter = new NasmFormatter(new Resolver(symbols));
        formatter.Options.HexPrefix = "0x";
        formatter.Options.HexSuffix = "";
        formatter.Options.UppercaseHex = false;
        formatter.Options.SmallHexNumbersInDecimal = true;
        formatter.Options.SpaceAfterOperandSeparator = true;
        formatter.Options.ShowBranchSize = false;
        formatter.Options.RipRelativeAddresses = false;
        return formatter;
    }

    /// <summary>A formatter for the host's code, whose addresses have no names.</summary>
    public static Formatter CreateHostFormatter()
    {
        var formatter = new NasmFormatter();
        formatter.Options.HexPrefix = "0x";
        formatter.Options.HexSuffix = "";
        formatter.Options.UppercaseHex = false;
        formatter.Options.SpaceAfterOperandSeparator = true;
        formatter.Options.ShowBranchSize = false;
        return formatter;
    }

    /// <summary>An instruction as text.</summary>
    public static string Format(Formatter formatter, in Instruction instruction)
    {
        var output = new StringOutput();
        formatter.Format(instruction, output);
        return output.ToStringAndReset();
    }

    /// <summary>Bytes in hexadecimal.</summary>
    public static string Hex(ReadOnlySpan<byte> bytes)
    {
        var text = new StringBuilder(bytes.Length * 2);
        foreach (byte each in bytes)
        {
            _ = text.Append(each.ToString("x2", System.Globalization.CultureInfo.InvariantCulture));
        }

        return text.ToString();
    }

    private sealed class Resolver(SymbolTable symbols) : ISymbolResolver
    {
        public bool TryGetSymbol(in Instruction instruction, int operand, int instructionOperand, ulong address, int addressSize, out SymbolResult symbol)
        {
            if (addressSize == 8 && symbols.Find(address) is { } found)
            {
                symbol = new SymbolResult(found.Address, ReportTable.Printable(found.Name));
                return true;
            }

            symbol = default;
            return false;
        }
    }
}
