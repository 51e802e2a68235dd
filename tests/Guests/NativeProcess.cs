using System.Diagnostics;

namespace Jitvmm.Tests.Guests;

/// <summary>Starts a host process with a fixed environment and collects what it writes.</summary>
public static class NativeProcess
{
    public static ProgramOutcome Run(string[] arguments, string folder, string input, TimeSpan limit)
    {
        // env finds the program and gives it the name it was asked for by, where ProcessStartInfo would pass the whole path as
        // argv[0]; and undoes .NET's ignoring of SIGPIPE, which a child inherits.
        var start = new ProcessStartInfo("/usr/bin/env")
        {
            WorkingDirectory = folder,
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        start.ArgumentList.Add("--default-signal=PIPE");
        foreach (string argument in arguments)
        {
            start.ArgumentList.Add(argument);
        }

        start.Environment.Clear();
        start.Environment["PATH"] = ToolPath.Value;
        start.Environment["HOME"] = folder;
        start.Environment["LANG"] = "C.UTF-8";
        start.Environment["TZ"] = "UTC";
        start.Environment["TERM"] = "dumb";

        using Process process = Process.Start(start) ?? throw new InvalidOperationException($"{arguments[0]} did not start.");
        Task<byte[]> output = ReadAll(process.StandardOutput.BaseStream);
        Task<byte[]> errors = ReadAll(process.StandardError.BaseStream);
        try
        {
            process.StandardInput.Write(input);
            process.StandardInput.Close();
        }
        catch (IOException)
        {
            // The program ended, or closed its input, without reading all of it.
        }

        bool ended = process.WaitForExit(limit);
        if (!ended)
        {
            process.Kill(entireProcessTree: true);
            process.WaitForExit();
        }

        // A descendant that was left behind may hold the pipes open.
        bool drained = Task.WaitAll([output, errors], TimeSpan.FromSeconds(20));
        return new ProgramOutcome(
            process.ExitCode, drained ? output.Result : [], drained ? errors.Result : [], !ended || !drained, []);
    }

    private static async Task<byte[]> ReadAll(Stream stream)
    {
        using var bytes = new MemoryStream();
        await stream.CopyToAsync(bytes).ConfigureAwait(false);
        return bytes.ToArray();
    }
}
