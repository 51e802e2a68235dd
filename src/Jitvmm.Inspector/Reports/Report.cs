using System.Text.Json;

namespace Jitvmm.Inspector.Reports;

/// <summary>What a question about a cache is answered with: facts, tables and lines of text, printed or as JSON (the schema is in this project's README).</summary>
/// <param name="subject">The subcommand: names the schema.</param>
public sealed class Report(string subject)
{
    private readonly List<(string Name, object Value)> _facts = [];
    private readonly List<object> _parts = [];

    /// <summary>What was to be verified does not hold.</summary>
    public bool Failed { get; set; }

    /// <summary>Its lines are printed alone, for another program.</summary>
    public bool IsBare { get; init; }

    /// <summary>A table of it has rows.</summary>
    public bool HasRows => _parts.OfType<ReportTable>().Any(static table => table.RowCount > 0);

    /// <summary>Adds a fact: text or a number.</summary>
    public void AddFact(string name, object value) => _facts.Add((name, value));

    /// <summary>Adds a table.</summary>
    public ReportTable AddTable(string name, params ReportColumn[] columns)
    {
        ReportTable table = new(name, columns);
        _parts.Add(table);
        return table;
    }

    /// <summary>Adds lines of text under a heading.</summary>
    public void AddLines(string name, IReadOnlyList<string> lines) => _parts.Add((name, lines));

    /// <summary>Prints it for people.</summary>
    public void WriteText(TextWriter output)
    {
        ArgumentNullException.ThrowIfNull(output);
        if (IsBare && _parts.Count > 0)
        {
            foreach (string line in _parts.OfType<(string Name, IReadOnlyList<string> Lines)>().SelectMany(static part => part.Lines))
            {
                output.Write($"{line}\n");
            }

            return;
        }

        foreach ((string name, object value) in _facts)
        {
            output.Write($"{name}: {ReportTable.Printable(FormattableString.Invariant($"{value}"))}\n");
        }

        bool isFirst = _facts.Count == 0;
        foreach (object part in _parts)
        {
            output.Write(isFirst ? "" : "\n");
            isFirst = false;
            if (part is ReportTable table)
            {
                table.WriteText(output);
                continue;
            }

            (string name, IReadOnlyList<string> lines) = ((string, IReadOnlyList<string>))part;
            output.Write($"{name}\n");
            foreach (string line in lines)
            {
                output.Write($"  {ReportTable.Printable(line)}\n");
            }
        }
    }

    /// <summary>Writes it for programs.</summary>
    /// <param name="stream">Where to.</param>
    /// <param name="indented">Over many lines; otherwise in one.</param>
    public void WriteJson(Stream stream, bool indented = true)
    {
        using var output = new Utf8JsonWriter(stream, new JsonWriterOptions { Indented = indented });
        output.WriteStartObject();
        output.WriteString("schema", $"jitvmm-cache-{subject}-1");
        foreach ((string name, object value) in _facts)
        {
            if (value is string text)
            {
                output.WriteString(name, text);
            }
            else
            {
                output.WriteNumber(name, Convert.ToDecimal(value, System.Globalization.CultureInfo.InvariantCulture));
            }
        }

        foreach (object part in _parts)
        {
            if (part is ReportTable table)
            {
                table.WriteJson(output);
                continue;
            }

            (string name, IReadOnlyList<string> lines) = ((string, IReadOnlyList<string>))part;
            output.WriteStartArray(name);
            foreach (string line in lines)
            {
                output.WriteStringValue(line);
            }

            output.WriteEndArray();
        }

        output.WriteEndObject();
    }
}
