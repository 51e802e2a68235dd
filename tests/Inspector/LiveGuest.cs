using System.Diagnostics;
using Jitvmm.Tests.Guests;

namespace Jitvmm.Tests.Inspector;

/// <summary>A guest that runs in the background, started with <c>--inspect</c>; killed when it is disposed of.</summary>
public sealed class LiveGuest : IDisposable
{
    private static readonly TimeSpan s_limit = TimeSpan.FromMinutes(1);

    private readonly Process _process;

    /// <summary>Starts a guest and waits until it can be attached to.</summary>
    /// <param name="words">Of the command line behind <c>run --inspect</c> or <c>boot --inspect</c>.</param>
    public LiveGuest(params string[] words)
        : this("run", words)
    {
    }

    private LiveGuest(string command, string[] words)
    {
        var start = new ProcessStartInfo(ProgramComparison.Vmm)
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            WorkingDirectory = Path.GetTempPath(),
        };
        foreach (string word in (string[])[command, "--inspect", .. words])
        {
            start.ArgumentList.Add(word);
        }

        _process = Process.Start(start)!;
        string? line = _process.StandardError.ReadLine();
        Assert.Equal($"jitvmm: process {Id} can be inspected: jitvmm cache top --attach {Id}", line);
    }

    /// <summary>The number of its process.</summary>
    public int Id => _process.Id;

    /// <summary>The same as a word of a command line.</summary>
    public string Word => Id.ToString(System.Globalization.CultureInfo.InvariantCulture);

    /// <summary>What its process took of the host's processors until now.</summary>
    public TimeSpan ProcessorTime
    {
        get
        {
            _process.Refresh();
            return _process.TotalProcessorTime;
        }
    }

    public StreamReader Output => _process.StandardOutput;

    public static LiveGuest Boot(params string[] words) => new("boot", words);

    /// <summary>Ends its standard input and waits until it has ended.</summary>
    /// <returns>Its status, and what it printed on standard error.</returns>
    public (int Status, string Errors) End()
    {
        _process.StandardInput.Close();
        string errors = _process.StandardError.ReadToEnd();
        Assert.True(_process.WaitForExit(s_limit), "the guest does not end");
        return (_process.ExitCode, errors);
    }

    /// <summary>Kills it, so that it cannot clean up.</summary>
    public void Kill()
    {
        _process.Kill(entireProcessTree: true);
        _process.WaitForExit();
    }

    public void Dispose()
    {
        Kill();
        _process.Dispose();
    }
}
