using System.Globalization;

namespace Jitvmm.Cli;

/// <summary>The words after <c>jitvmm inspect</c>. Options may stand before and behind the file.</summary>
internal sealed class InspectCommandLine
{
    private const int MostPorts = 65535;

    private readonly OptionWords _options;
    private readonly List<string> _passed = [];
    private string? _file;
    private bool _attaches;

    private InspectCommandLine(string[] words) => _options = new OptionWords(words);

    public bool Help { get; private set; }

    /// <summary>What the program that serves the page is told: pairs of names and values, all of which make sense.</summary>
    public IReadOnlyList<string> Passed => _passed;

    /// <exception cref="UsageException">Something is missing, unknown, or makes no sense.</exception>
    public static InspectCommandLine Parse(string[] words)
    {
        var line = new InspectCommandLine(words);
        while (true)
        {
            if (line._options.TryTakeName(out string name))
            {
                line.Read(name);
            }
            else if (line._options.Next < words.Length)
            {
                line.TakeFile();
            }
            else
            {
                break;
            }
        }

        return line.Help || line._attaches != (line._file != null) ? line : throw new UsageException("inspect takes FILE or --attach PID");
    }

    private void TakeFile()
    {
        string word = _options.TakeWord();
        _file = _file == null ? word : throw new UsageException($"unexpected {word}");
        Pass("--file", word);
    }

    private void Read(string name)
    {
        switch (name)
        {
            case "--help" or "-h":
                Help = _options.NoValue(name);
                break;
            case "--attach":
                _attaches = true;
                Pass(name, Text(_options.Count(name)));
                break;
            case "--symbols" or "--save":
                Pass(name, _options.Value(name));
                break;
            case "--port":
                int port = _options.Count(name);
                Pass(name, port <= MostPorts ? Text(port) : throw new UsageException($"--port is a number from 1 to {MostPorts}, not {port}"));
                break;
            case "--interval":
                Pass(name, _options.Seconds(name).TotalSeconds.ToString(CultureInfo.InvariantCulture));
                break;
            default:
                throw new UsageException($"unknown option {name}");
        }
    }

    private void Pass(string name, string value) => _passed.AddRange([name, value]);

    private static string Text(int number) => number.ToString(CultureInfo.InvariantCulture);
}
