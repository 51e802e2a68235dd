using Iced.Intel;
using Xunit.Abstractions;

namespace Jitvmm.Tests.Differential;

/// <summary>Which of the instruction forms of x86-64-v3 the engine executes at all.</summary>
[Collection(GuestMemoryCollection.Name)]
public sealed class CoverageTests(ITestOutputHelper output)
{
    [HostFact]
    public void Every_form_is_executed()
    {
        using var oracle = new NativeOracle();
        using var guest = new GuestUnderTest(0);
        using var run = new DifferentialRun(oracle, guest);
        foreach (Form form in FormCatalog.All)
        {
            if (form.MayRunOnHost)
            {
                run.RunForm(form.Code, 1, 2, 4);
            }
        }

        run.Flush();
        Form[] missing = [.. FormCatalog.All.Where(form => form.MayRunOnHost && run.Report.Unimplemented.Contains(form.Code))];
        Form[] left = [.. FormCatalog.All.Where(form => !form.MayRunOnHost)];
        output.WriteLine($"{FormCatalog.All.Count - missing.Length - left.Length} / {FormCatalog.All.Count} forms covered");
        foreach (IGrouping<string?, Form> group in FormCatalog.All.Where(form => !form.IsCompared).GroupBy(form => form.Excluded))
        {
            output.WriteLine($"not compared, {group.Key}: {string.Join(' ', group.Select(form => form.Code))}");
        }

        output.WriteLine($"not executed: {string.Join(' ', missing.Select(form => form.Code))}");
        Assert.DoesNotContain(missing, form => form.IsCompared && FormCatalog.FamilyOf(form.Code) == FormFamily.Integer);
    }
}
