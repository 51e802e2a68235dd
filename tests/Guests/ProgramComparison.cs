using System.Collections.Concurrent;
using System.Diagnostics;
using System.Text;
using System.Text.RegularExpressions;
using Jitvmm.Tests.Tidy;

namespace Jitvmm.Tests.Guests;

/// <summary>Runs a row natively and under the VMM in folders of the same path and compares what can be seen.</summary>
public static class ProgramComparison
{
    private static readonly ConcurrentDictionary<string, Lazy<ProgramOutcome>> s_native = new();

    /// <summary>The program under test, of the configuration these tests were built in.</summary>
    public static string Vmm { get; } = Path.Combine(
        RepositoryRoot.Path, "src/Jitvmm.Cli/bin", AppContext.BaseDirectory.Contains("/Debug/") ? "Debug" : "Release", "net10.0/jitvmm");

    /// <summary>Why no row can be compared here, or null.</summary>
    public static string? CannotRun { get; } =
        OperatingSystem.IsLinux() && System.Runtime.InteropServices.RuntimeInformation.ProcessArchitecture == System.Runtime.InteropServices.Architecture.X64
            ? null
            : "the programs run natively only on x86-64 Linux";

    public static void Check(GuestProgram program, string tier)
    {
        ProgramOutcome native = s_native.GetOrAdd(program.Name, _ => new Lazy<ProgramOutcome>(() => RunNative(program))).Value;
        ProgramOutcome guest = Run(program, tier == "1" ? 3 * program.Limit : program.Limit, [Vmm, "run", "--tier", tier, .. program.Options, .. program.Arguments]);

        var differences = new StringBuilder();
        if (guest.TimedOut)
        {
            differences.AppendLine("did not end in time");
        }

        if (guest.Status != native.Status)
        {
            differences.AppendLine($"status {guest.Status}, native {native.Status}");
        }

        Compare(differences, "stdout", Compared(program, guest.Output), Compared(program, native.Output));
        Compare(differences, "stderr", Compared(program, guest.Errors), Compared(program, native.Errors));
        if (program.CompareFiles)
        {
            CompareFiles(differences, guest.Files, native.Files);
        }

        if (differences.Length > 0)
        {
            Assert.Fail($"{string.Join(' ', program.Arguments)}\n{differences}--- guest's stderr\n{Excerpt(guest.Errors, 3000)}");
        }
    }

    private static ProgramOutcome RunNative(GuestProgram program)
    {
        ProgramOutcome outcome = Run(program, program.Limit, program.Arguments);
        Assert.False(outcome.TimedOut, $"{program.Name} does not end natively");
        return outcome;
    }

    private static ProgramOutcome Run(GuestProgram program, TimeSpan limit, string[] arguments)
    {
        string folder = WorkFolder.Create(program);
        try
        {
            ProgramOutcome outcome = NativeProcess.Run(arguments, folder, program.Input, limit);
            return outcome with { Files = WorkFolder.Digest(folder) };
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private static byte[] Compared(GuestProgram program, byte[] output)
    {
        if (program.ComparedLines == null)
        {
            return output;
        }

        var kept = new Regex(program.ComparedLines);
        string[] lines = Encoding.UTF8.GetString(output).Split('\n');
        return Encoding.UTF8.GetBytes(string.Join('\n', lines.Where(line => kept.IsMatch(line))));
    }

    private static void Compare(StringBuilder differences, string what, byte[] guest, byte[] native)
    {
        if (guest.AsSpan().SequenceEqual(native))
        {
            return;
        }

        int at = guest.AsSpan().CommonPrefixLength(native);
        differences.AppendLine($"{what}: {guest.Length} bytes, native {native.Length}; first difference at {at}");
        int start = Math.Max(0, at - 80);
        differences.AppendLine($"  guest:  {Excerpt(guest[Math.Min(start, guest.Length)..], 300)}");
        differences.AppendLine($"  native: {Excerpt(native[Math.Min(start, native.Length)..], 300)}");
    }

    private static void CompareFiles(StringBuilder differences, SortedDictionary<string, string> guest, SortedDictionary<string, string> native)
    {
        foreach (string name in guest.Keys.Union(native.Keys).Order(StringComparer.Ordinal))
        {
            string inGuest = guest.GetValueOrDefault(name, "absent");
            string inNative = native.GetValueOrDefault(name, "absent");
            if (inGuest != inNative)
            {
                differences.AppendLine($"file {name}: {inGuest}, native {inNative}");
            }
        }
    }

    private static string Excerpt(byte[] bytes, int length)
    {
        string text = Encoding.UTF8.GetString(bytes, 0, Math.Min(bytes.Length, length));
        return string.Concat(text.Select(c => char.IsControl(c) && c != '\n' && c != '\t' ? $"\\x{(int)c:x2}" : c.ToString()));
    }
}
