using System.Diagnostics;
using Jitvmm.Tests.Guests;

namespace Jitvmm.Tests.Inspector.Web;

/// <summary>A running <c>jitvmm inspect</c>.</summary>
public sealed class InspectServer : IDisposable
{
    private readonly Process _process;

    /// <param name="words">Behind <c>jitvmm inspect</c>.</param>
    public InspectServer(params string[] words)
    {
        var start = new ProcessStartInfo(ProgramComparison.Vmm) { RedirectStandardOutput = true, RedirectStandardError = true, WorkingDirectory = Path.GetTempPath() };
        foreach (string word in (string[])["inspect", .. words])
        {
            start.ArgumentList.Add(word);
        }

        _process = Process.Start(start)!;
        Address = _process.StandardOutput.ReadLine() ?? throw new InvalidOperationException(_process.StandardError.ReadToEnd());
    }

    /// <summary>What it printed: the page's address with the token.</summary>
    public string Address { get; }

    /// <summary>Without the token.</summary>
    public string Root => Address[..(Address.IndexOf('?') - 1)];

    public void Dispose()
    {
        _process.Kill();
        _process.WaitForExit();
        _process.Dispose();
    }
}
