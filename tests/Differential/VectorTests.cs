using System.Runtime.InteropServices;
using System.Text;
using Iced.Intel;
using Jitvmm.Tests.Tidy;

namespace Jitvmm.Tests.Differential;

/// <summary>Replays recorded cases; needs no oracle.</summary>
[Collection(GuestMemoryCollection.Name)]
public sealed unsafe class VectorTests
{
    public static TheoryData<string, int> Files
    {
        get
        {
            var rows = new TheoryData<string, int>();
            foreach (string file in Directory.GetFiles(Folder, "*.txt").Order(StringComparer.Ordinal))
            {
                rows.Add(Path.GetFileName(file), 0);
                rows.Add(Path.GetFileName(file), 1);
            }

            return rows;
        }
    }

    private static string Folder => Path.Combine(RepositoryRoot.Path, "tests/Differential/vectors");

    [Fact]
    public void Every_compared_form_has_a_vector()
    {
        HashSet<Code> recorded = [.. Directory.GetFiles(Folder, "*.txt").SelectMany(VectorFile.Read).Select(vector => vector.Program.Instructions[0].Code)];
        Assert.Empty(FormCatalog.All.Where(form => form.IsCompared && FormCatalog.FamilyOf(form.Code) == FormFamily.Integer && !recorded.Contains(form.Code)).Select(form => form.Code));
    }

    [Theory]
    [MemberData(nameof(Files))]
    public void Recorded_cases_still_agree(string file, int tier)
    {
        using var guest = new GuestUnderTest(tier);
        var failures = new StringBuilder();
        CaseOutput* actual = (CaseOutput*)NativeMemory.AlignedAlloc((nuint)sizeof(CaseOutput), 64);
        int lap = 0;
        foreach (TestVector vector in VectorFile.Read(Path.Combine(Folder, file)))
        {
            CaseInput input = vector.Input;
            CaseOutput expected = vector.Expected;
            // Vectors share code addresses: every one starts from empty code pages.
            guest.Load(vector.Program, ++lap);
            guest.Run(&input, actual);
            var comparator = new Comparator(vector.Program);
            string? difference = comparator.Compare(&input, &expected, actual);
            if (difference is not null && comparator.MayBeCompilersFlags(&expected, actual))
            {
                // As in DifferentialRun: the first call compiles.
                guest.Run(&input, actual);
                difference = comparator.Compare(&input, &expected, actual);
            }

            failures.Append(difference is null ? "" : $"{vector.Name}\n{difference}");
        }

        NativeMemory.AlignedFree(actual);
        Assert.True(failures.Length == 0, failures.ToString());
    }
}
