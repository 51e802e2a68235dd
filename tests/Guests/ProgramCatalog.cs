namespace Jitvmm.Tests.Guests;

/// <summary>All rows of all tables, by name.</summary>
public static class ProgramCatalog
{
    private static readonly Dictionary<string, GuestProgram> s_programs = new IReadOnlyList<GuestProgram>[]
    {
        ScenarioPrograms.Programs,
        KernelPrograms.Programs,
        BusyboxPrograms.Programs,
        ShellPrograms.Programs,
        CoreutilsPrograms.Programs,
        TextToolPrograms.Programs,
        CompressionPrograms.Programs,
        CryptographyPrograms.Programs,
        InterpreterPrograms.Programs,
        PythonOwnPrograms.Programs,
        CompilerPrograms.Programs,
        MediaPrograms.Programs,
        ManagedRuntimePrograms.Programs,
    }.SelectMany(table => table).ToDictionary(program => program.Name);

    public static GuestProgram Find(string name) => s_programs[name];
}
