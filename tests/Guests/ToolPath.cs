namespace Jitvmm.Tests.Guests;

/// <summary>Where programs lie: the fixed PATH that native and guest runs share.</summary>
public static class ToolPath
{
    public const string Value = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

    /// <summary>The file of a program name or of a path; null when there is none.</summary>
    public static string? Find(string program)
    {
        if (program.Contains('/'))
        {
            return File.Exists(program) || Directory.Exists(program) ? program : null;
        }

        return Value.Split(':').Select(folder => Path.Combine(folder, program)).FirstOrDefault(File.Exists);
    }
}
