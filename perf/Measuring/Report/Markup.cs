using System.Globalization;
using System.Net;
using System.Text;

namespace Jitvmm.Perf.Measuring.Report;

/// <summary>Collects HTML and SVG; numbers as English has them, text escaped where it is asked for.</summary>
internal sealed class Markup
{
    private readonly StringBuilder _text = new();

    public static string Escape(string text) => WebUtility.HtmlEncode(text);

    public Markup Add(FormattableString text)
    {
        _text.Append(text.ToString(CultureInfo.InvariantCulture)).Append('\n');
        return this;
    }

    /// <summary>As it stands: style sheets have braces.</summary>
    public Markup AddVerbatim(string text)
    {
        _text.Append(text).Append('\n');
        return this;
    }

    public override string ToString() => _text.ToString();
}
