using System.Diagnostics.CodeAnalysis;

namespace Jitvmm.Tests.Guests;

/// <summary>Runs each row of a table natively and under each tier. Its traits come from <see cref="ProgramTheoryDiscoverer"/>.</summary>
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

public sealed class KernelTests : ProgramTests<KernelPrograms>;

public sealed class BusyboxTests : ProgramTests<BusyboxPrograms>;

public sealed class ShellTests : ProgramTests<ShellPrograms>;

public sealed class CoreutilsTests : ProgramTests<CoreutilsPrograms>;

public sealed class TextToolTests : ProgramTests<TextToolPrograms>;

public sealed class CompressionTests : ProgramTests<CompressionPrograms>;

public sealed class CryptographyTests : ProgramTests<CryptographyPrograms>;

public sealed class InterpreterTests : ProgramTests<InterpreterPrograms>;

public sealed class PythonOwnTests : ProgramTests<PythonOwnPrograms>;

public sealed class CompilerTests : ProgramTests<CompilerPrograms>;

public sealed class MediaTests : ProgramTests<MediaPrograms>;

public sealed class ManagedRuntimeTests : ProgramTests<ManagedRuntimePrograms>;
