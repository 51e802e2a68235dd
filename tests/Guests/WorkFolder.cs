using System.Security.Cryptography;

namespace Jitvmm.Tests.Guests;

/// <summary>
/// The folder a row runs in: same path for every run, because paths show in output; contents from a template
/// that is made once, because what <see cref="GuestProgram.Prepare"/> makes may differ each time.
/// </summary>
public static class WorkFolder
{
    private static readonly DateTime s_modified = new(2020, 2, 2, 2, 2, 2, DateTimeKind.Utc);
    private static readonly string s_root = Path.Combine(AppContext.BaseDirectory, "guests");

    public static string Create(GuestProgram program)
    {
        string template = Path.Combine(s_root, "templates", program.Name);
        string folder = Path.Combine(s_root, "work", program.Name);
        if (!Directory.Exists(template))
        {
            MakeTemplate(program, template);
        }

        if (Directory.Exists(folder))
        {
            Directory.Delete(folder, recursive: true);
        }

        Directory.CreateDirectory(folder);
        Copy(template, folder);
        return folder;
    }

    /// <summary>Kind, mode and contents of every file below the folder.</summary>
    public static SortedDictionary<string, string> Digest(string folder)
    {
        var files = new SortedDictionary<string, string>(StringComparer.Ordinal);
        foreach (FileSystemInfo entry in new DirectoryInfo(folder).EnumerateFileSystemInfos("*", SearchOption.AllDirectories))
        {
            string name = Path.GetRelativePath(folder, entry.FullName);
            string mode = Convert.ToString((int)entry.UnixFileMode, 8);
            files[name] = entry switch
            {
                { LinkTarget: { } target } => $"-> {target}",
                DirectoryInfo => $"folder {mode}",
                FileInfo { Length: 0 } => $"empty {mode}",
                FileInfo file => $"{mode} {file.Length} bytes {Convert.ToHexString(SHA256.HashData(File.ReadAllBytes(file.FullName)))[..16]}",
                _ => "other",
            };
        }

        return files;
    }

    private static void MakeTemplate(GuestProgram program, string template)
    {
        string draft = template + ".draft";
        if (Directory.Exists(draft))
        {
            Directory.Delete(draft, recursive: true);
        }

        Directory.CreateDirectory(draft);
        foreach (string file in program.Files)
        {
            Fixtures.Write(file, Path.Combine(draft, Path.GetFileName(file)));
        }

        if (program.Prepare != null)
        {
            ProgramOutcome outcome = NativeProcess.Run(["/bin/sh", "-ec", program.Prepare], draft, "", TimeSpan.FromMinutes(2));
            Assert.True(outcome.Status == 0, $"Preparing {program.Name}: {System.Text.Encoding.UTF8.GetString(outcome.Errors)}");
        }

        Directory.Move(draft, template);
    }

    private static void Copy(string from, string to)
    {
        foreach (string folder in Directory.GetDirectories(from))
        {
            string target = Path.Combine(to, Path.GetFileName(folder));
            Directory.CreateDirectory(target);
            Copy(folder, target);
        }

        foreach (string file in Directory.GetFiles(from))
        {
            string target = Path.Combine(to, Path.GetFileName(file));
            File.Copy(file, target);
            File.SetLastWriteTimeUtc(target, s_modified);
        }
    }
}
