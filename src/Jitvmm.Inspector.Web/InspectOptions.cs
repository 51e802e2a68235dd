using System.Globalization;
using Jitvmm.Inspector.Symbols;

namespace Jitvmm.Inspector.Web;

/// <summary>What is to be shown, and how.</summary>
internal sealed record InspectOptions
{
    /// <summary>A cache file; null for a running guest.</summary>
    public string? File { get; private init; }

    /// <summary>The process of a running guest.</summary>
    public int? Process { get; private init; }

    /// <summary>Symbols instead of the cache's own.</summary>
    public SymbolTable? Symbols { get; private init; }

    /// <summary>A port of the loopback address; 0 for any that is free.</summary>
    public int Port { get; private init; }

    /// <summary>A file to write the page to, instead of serving it.</summary>
    public string? Save { get; private init; }

    /// <summary>Time between two looks at a running guest.</summary>
    public TimeSpan Interval { get; private init; } = TimeSpan.FromSeconds(1);

    /// <summary>Reads pairs of names and values, as the command line passes them.</summary>
    /// <exception cref="ArgumentException">They are not what it passes.</exception>
    public static InspectOptions Parse(ReadOnlySpan<string> words)
    {
        InspectOptions options = new();
        for (int i = 0; i + 1 < words.Length; i += 2)
        {
            string value = words[i + 1];
            options = words[i] switch
            {
                "--file" => options with { File = value },
                "--attach" => options with { Process = int.Parse(value, CultureInfo.InvariantCulture) },
                "--symbols" => options with { Symbols = SymbolTable.Open(value) },
                "--port" => options with { Port = int.Parse(value, CultureInfo.InvariantCulture) },
                "--save" => options with { Save = value },
                "--interval" => options with { Interval = TimeSpan.FromSeconds(double.Parse(value, CultureInfo.InvariantCulture)) },
                _ => throw new ArgumentException($"unknown option {words[i]}: this program is started by jitvmm inspect", nameof(words)),
            };
        }

        return (options.File == null) == (options.Process == null)
            ? throw new ArgumentException("this program is started by jitvmm inspect", nameof(words))
            : options;
    }
}
