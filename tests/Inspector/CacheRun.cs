using System.Text;
using System.Text.Json;
using Jitvmm.Tests.Guests;

namespace Jitvmm.Tests.Inspector;

/// <summary>A folder with a guest and the cache files of its runs; drives the real <c>jitvmm</c>.</summary>
public sealed class CacheRun : IDisposable
{
    private static readonly TimeSpan s_limit = TimeSpan.FromMinutes(2);

    private readonly string _folder = Directory.CreateTempSubdirectory("jitvmm-cache-").FullName;

    /// <summary>A file of the folder.</summary>
    public string PathOf(string name) => Path.Combine(_folder, name);

    /// <summary>Writes an executable.</summary>
    public string Write(string name, byte[] file)
    {
        File.WriteAllBytes(PathOf(name), file);
        File.SetUnixFileMode(PathOf(name), UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        return PathOf(name);
    }

    /// <summary>Runs a guest that must end with 0, and saves its cache under a name.</summary>
    public string Record(string name, params string[] words)
    {
        ProgramOutcome outcome = NativeProcess.Run([ProgramComparison.Vmm, "run", "--save-cache", PathOf(name), .. words], _folder, "", s_limit);
        Assert.True(outcome.Status == 0 && outcome.Errors.Length == 0, $"{outcome.Status} {Encoding.UTF8.GetString(outcome.Errors)}");
        return PathOf(name);
    }

    /// <summary>Any command: status, output, errors.</summary>
    public (int Status, string Output, string Errors) Run(params string[] words)
    {
        ProgramOutcome outcome = NativeProcess.Run([ProgramComparison.Vmm, .. words], _folder, "", s_limit);
        return (outcome.Status, Encoding.UTF8.GetString(outcome.Output), Encoding.UTF8.GetString(outcome.Errors));
    }

    /// <summary>What a subcommand says in JSON.</summary>
    public JsonElement Ask(string subcommand, params string[] words)
    {
        (int status, string output, string errors) = Run(["cache", subcommand, "--json", .. words]);
        Assert.True(status == 0, errors + output);
        JsonElement answer = JsonDocument.Parse(output).RootElement;
        Assert.Equal($"jitvmm-cache-{subcommand}-1", answer.GetProperty("schema").GetString());
        return answer;
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);
}
