using System.Globalization;
using System.Text;
using System.Text.Json;

namespace Jitvmm.Inspector.Reports;

/// <summary>What a column holds.</summary>
public enum ColumnKind
{
    Text,
    Number,

    /// <summary>A guest or host address: hexadecimal in tables, "0x…" in JSON.</summary>
    Address,
}

/// <summary>A column: its name in JSON, which is its title too.</summary>
public readonly record struct ReportColumn(string Name, ColumnKind Kind);

/// <summary>Rows that are printed as a table, or written as a JSON array of objects.</summary>
public sealed class ReportTable
{
    private const int WidestCell = 60;

    private readonly ReportColumn[] _columns;
    private readonly List<object?[]> _rows = [];

    /// <param name="name">Of the array in JSON.</param>
    /// <param name="columns">The columns.</param>
    public ReportTable(string name, params ReportColumn[] columns)
    {
        Name = name;
        _columns = columns;
    }

    public string Name { get; }

    public int RowCount => _rows.Count;

    /// <summary>Adds a row: for each column text, a number, an address, or null for nothing.</summary>
    public void Add(params object?[] cells)
    {
        if (cells.Length != _columns.Length)
        {
            throw new ArgumentException($"{cells.Length} cells for {_columns.Length} columns", nameof(cells));
        }

        _rows.Add(cells);
    }

    internal void WriteText(TextWriter output)
    {
        string[][] cells = [.. _rows.Select(row => row.Select(TextOf).ToArray())];
        int[] widths = [.. _columns.Select((column, i) => Math.Max(column.Name.Length, cells.Length == 0 ? 0 : Math.Min(WidestCell, cells.Max(row => row[i].Length))))];
        WriteRow(output, [.. _columns.Select(static column => column.Name)], widths);
        foreach (string[] row in cells)
        {
            WriteRow(output, row, widths);
        }
    }

    internal void WriteJson(Utf8JsonWriter output)
    {
        output.WriteStartArray(Name);
        foreach (object?[] row in _rows)
        {
            output.WriteStartObject();
            for (int i = 0; i < row.Length; i++)
            {
                WriteCell(output, _columns[i], row[i]);
            }

            output.WriteEndObject();
        }

        output.WriteEndArray();
    }

    /// <summary>Text that a guest or a file supplied, without what a terminal would obey.</summary>
    internal static string Printable(string text)
    {
        if (!text.AsSpan().ContainsAnyInRange('\0', '\x1f') && !text.AsSpan().ContainsAnyInRange('\x7f', '\x9f'))
        {
            return text;
        }

        var clean = new StringBuilder(text.Length);
        foreach (char c in text)
        {
            _ = clean.Append(char.IsControl(c) ? '?' : c);
        }

        return clean.ToString();
    }

    private string TextOf(object? cell, int column) => cell switch
    {
        null => "",
        string text => Printable(text),
        ulong address when _columns[column].Kind == ColumnKind.Address => address.ToString("x", CultureInfo.InvariantCulture),
        IFormattable number => number.ToString(null, CultureInfo.InvariantCulture),
        _ => Printable(cell.ToString() ?? ""),
    };

    private void WriteRow(TextWriter output, string[] cells, int[] widths)
    {
        for (int i = 0; i < cells.Length; i++)
        {
            bool isLast = i == cells.Length - 1;
            string cell = _columns[i].Kind == ColumnKind.Text ? isLast ? cells[i] : cells[i].PadRight(widths[i]) : cells[i].PadLeft(widths[i]);
            output.Write(cell);
            output.Write(isLast ? "\n" : "  ");
        }
    }

    private static void WriteCell(Utf8JsonWriter output, ReportColumn column, object? cell)
    {
        switch (cell)
        {
            case null:
                output.WriteNull(column.Name);
                break;
            case string text:
                output.WriteString(column.Name, text);
                break;
            case ulong address when column.Kind == ColumnKind.Address:
                output.WriteString(column.Name, $"0x{address:x}");
                break;
            case ulong number:
                output.WriteNumber(column.Name, number);
                break;
            case double number:
                output.WriteNumber(column.Name, number);
                break;
            default:
                output.WriteNumber(column.Name, Convert.ToInt64(cell, CultureInfo.InvariantCulture));
                break;
        }
    }
}
