using System.Globalization;
using System.Reflection.Emit;

namespace Jitvmm.Translator.Emit;

/// <summary>One line of IL as it was written: an operation, or a label.</summary>
/// <param name="Guest">Address of the guest instruction it belongs to; 0 when it belongs to none: entries and ways out.</param>
/// <param name="Offset">In the method.</param>
/// <param name="Text">As ILDASM writes it.</param>
public readonly record struct IlLine(ulong Guest, int Offset, string Text);

/// <summary>The IL of a region in text.</summary>
public sealed class IlListing
{
    private readonly List<IlLine> _lines = [];
    private readonly List<string> _locals = [];

    public IReadOnlyList<IlLine> Lines => _lines;

    /// <summary>What its locals are called, by their numbers; names may be there twice.</summary>
    public IReadOnlyList<string> Locals => _locals;

    /// <summary>The guest instruction that an offset in the IL belongs to; 0 for none.</summary>
    public ulong GuestAt(int offset)
    {
        int low = 0;
        int high = _lines.Count;
        while (low < high)
        {
            int middle = (low + high) / 2;
            (low, high) = _lines[middle].Offset <= offset ? (middle + 1, high) : (low, middle);
        }

        return low == 0 ? 0 : _lines[low - 1].Guest;
    }

    internal ulong Guest { get; set; }

    internal void Add(int offset, OpCode opcode, string operand = "") =>
        _lines.Add(new IlLine(Guest, offset, operand.Length == 0 ? opcode.Name! : $"{opcode.Name} {operand}"));

    internal void AddLocal(string name) => _locals.Add(name);

    internal void AddLabel(int offset, int label) => _lines.Add(new IlLine(Guest, offset, $"L{label}:"));

    internal static string Text(long value) => value.ToString(CultureInfo.InvariantCulture);

    internal static string Text(Label label) => $"L{label.Id}";

    internal static string Text(LocalBuilder local) => $"V_{local.LocalIndex}";
}
