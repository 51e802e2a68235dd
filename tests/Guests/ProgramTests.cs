using System.Diagnostics.CodeAnalysis;

namespace Jitvmm.Tests.Guests;

/// <summary>Runs each row of a table natively and under each tier.</summary>
[Trait("Program", "Guest")]
public abstract class ProgramTests<TTable>
    where TTable : IProgramTable
{
    [SuppressMessage("Design", "CA1000", Justification = "xunit reads data from static members of the test class")]
    public static IEnumerable<object[]> Rows =>
        from program in TTable.Programs
        from tier in new[] { "0", "1", "auto" }
        select new object[] { program.Name, tier };

    [ProgramTheory]
    [MemberData(nameof(Rows))]
    public void Behaves_as_native(string program, string tier)
    {
        GuestProgram row = TTable.Programs.Single(candidate => candidate.Name == program);
        ProgramComparison.Check(row, tier);
    }
}

public sealed class ScenarioTests : ProgramTests<ScenarioPrograms>;

public sealed class BusyboxTests : ProgramTests<BusyboxPrograms>;

public sealed class ShellTests : ProgramTests<ShellPrograms>;

public sealed class CoreutilsTests : ProgramTests<CoreutilsPrograms>;

public sealed class TextToolTests : ProgramTests<TextToolPrograms>;

public sealed class CompressionTests : ProgramTests<CompressionPrograms>;

public sealed class CryptographyTests : ProgramTests<CryptographyPrograms>;

public sealed class InterpreterTests : ProgramTests<InterpreterPrograms>;

[Trait("Speed", "Slow")]
public sealed class PythonOwnTests : ProgramTests<PythonOwnPrograms>;

[Trait("Speed", "Slow")]
public sealed class CompilerTests : ProgramTests<CompilerPrograms>;

[Trait("Speed", "Slow")]
public sealed class MediaTests : ProgramTests<MediaPrograms>;

[Trait("Speed", "Slow")]
public sealed class ManagedRuntimeTests : ProgramTests<ManagedRuntimePrograms>;
