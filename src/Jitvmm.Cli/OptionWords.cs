using System.Globalization;
using Jitvmm.Inspector.Reports;

namespace Jitvmm.Cli;

/// <summary>Words of a command line, taken one option at a time: <c>--name</c>, <c>--name value</c> or <c>--name=value</c>.</summary>
internal sealed class OptionWords(string[] words)
{
    private string? _attached;

    /// <summary>Index of the first word not taken.</summary>
    public int Next { get; private set; }

    /// <summary>Takes the next option's name. False at the end, at <c>--</c>, which is taken, and at a word that is no option.</summary>
    public bool TryTakeName(out string name)
    {
        name = "";
        if (Next >= words.Length || words[Next].Length < 2 || words[Next][0] != '-')
        {
            return false;
        }

        string word = words[Next++];
        if (word == "--")
        {
            return false;
        }

        int equals = word.IndexOf('=');
        name = equals < 0 ? word : word[..equals];
        _attached = equals < 0 ? null : word[(equals + 1)..];
        return true;
    }

    /// <summary>Takes a word that is no option.</summary>
    public string TakeWord() => words[Next++];

    /// <summary>The value of the option just taken.</summary>
    public string Value(string name)
    {
        string? value = _attached ?? (Next < words.Length ? words[Next++] : null);
        return string.IsNullOrEmpty(value) ? throw new UsageException($"{name} needs a value") : value;
    }

    /// <summary>The value of the option just taken, which may be empty.</summary>
    public string Text(string name) => _attached ?? (Next < words.Length ? words[Next++] : throw new UsageException($"{name} needs a value"));

    /// <summary>Says that the option just taken is a switch.</summary>
    public bool NoValue(string name) => _attached == null ? true : throw new UsageException($"{name} takes no value");

    /// <summary>What <c>--dump-ir</c>, <c>--dump-il</c> or <c>--dump-host</c> with a place asks for.</summary>
    public static CodeDumpRequest DumpOf(string name, string place) => new(name switch { "--dump-ir" => CodeForm.Ir, "--dump-il" => CodeForm.Il, _ => CodeForm.Host }, place);

    public int Count(string name)
    {
        string value = Value(name);
        return int.TryParse(value, NumberStyles.None, CultureInfo.InvariantCulture, out int number) && number > 0
            ? number
            : throw new UsageException($"{name} is a number of at least 1, not {value}");
    }

    public TimeSpan Seconds(string name)
    {
        string value = Value(name);
        return double.TryParse(value, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out double seconds) && seconds is >= 0.1 and <= 3600
            ? TimeSpan.FromSeconds(seconds)
            : throw new UsageException($"{name} is a number of seconds from 0.1 to 3600, not {value}");
    }

    public ulong Size(string name)
    {
        string value = Value(name);
        int shift = char.ToUpperInvariant(value[^1]) switch
        {
            'K' => 10,
            'M' => 20,
            'G' => 30,
            'T' => 40,
            _ => 0,
        };
        string digits = shift == 0 ? value : value[..^1];
        return ulong.TryParse(digits, NumberStyles.None, CultureInfo.InvariantCulture, out ulong number) && number != 0 && number <= ulong.MaxValue >> shift
            ? number << shift
            : throw new UsageException($"{name} is a size such as 65536, 512M or 2G, not {value}");
    }
}
