using System.Globalization;
using System.Text;
using Iced.Intel;
using Xunit.Abstractions;

namespace Jitvmm.Tests.Differential;

/// <summary>Skips, and says why, where the host CPU cannot be the reference.</summary>
public sealed class HostFactAttribute : FactAttribute
{
    public HostFactAttribute() => Skip = NativeOracle.Unavailable;
}

/// <inheritdoc cref="HostFactAttribute"/>
public sealed class HostTheoryAttribute : TheoryAttribute
{
    public HostTheoryAttribute() => Skip = NativeOracle.Unavailable;
}

/// <summary>
/// Engine against host CPU. JITVMM_SEED=N takes another seed, JITVMM_CASE=SEED:FORM:VARIATION:CASE runs one case,
/// JITVMM_NIGHTLY=1 adds the long comparison. A failing case is printed with its name; write it down for good with
/// <c>difftest --case NAME --record FILE</c>.
/// </summary>
[Collection(GuestMemoryCollection.Name)]
public sealed class HostComparisonTests(ITestOutputHelper output)
{
    private const ulong FixedSeed = 20240501;
    private const int ShownFailures = 25;

    private static readonly ulong s_seed =
        Environment.GetEnvironmentVariable("JITVMM_SEED") is { Length: > 0 } text ? ulong.Parse(text, CultureInfo.InvariantCulture) : FixedSeed;

    [HostTheory]
    [InlineData(FormFamily.Integer, 0)]
    [InlineData(FormFamily.Integer, 1)]
    [InlineData(FormFamily.X87, 0)]
    [InlineData(FormFamily.X87, 1)]
    [InlineData(FormFamily.Sse, 0)]
    [InlineData(FormFamily.Sse, 1)]
    [InlineData(FormFamily.Avx, 0)]
    [InlineData(FormFamily.Avx, 1)]
    [InlineData(FormFamily.State, 0)]
    [InlineData(FormFamily.State, 1)]
    public void Every_instruction_form_agrees(FormFamily family, int tier)
    {
        using var session = new ComparisonSession(tier);
        foreach (Form form in FormCatalog.All.Where(form => form.IsCompared && FormCatalog.FamilyOf(form.Code) == family))
        {
            session.Run.RunForm(form.Code, s_seed, tier == 0 ? 16 : 6, tier == 0 ? 24 : 12);
        }

        Check(session);
    }

    [HostTheory]
    [InlineData(0)]
    [InlineData(1)]
    public void Random_integer_blocks_agree(int tier) => CompareBlocks(new ComparisonSession(tier), tier == 0 ? 6000 : 1500, true);

    [HostTheory]
    [InlineData(0)]
    [InlineData(1)]
    public void Random_blocks_with_vectors_and_x87_agree(int tier) => CompareBlocks(new ComparisonSession(tier), tier == 0 ? 6000 : 1500, false);

    [HostTheory]
    [InlineData(true)]
    [InlineData(false)]
    public void Random_blocks_agree_in_compiled_code_without_checks(bool integerOnly) => CompareBlocks(new ComparisonSession(1, false), 1000, integerOnly);

    private void CompareBlocks(ComparisonSession session, int count, bool integerOnly)
    {
        using (session)
        {
            for (int i = 0; i < count; i++)
            {
                session.Run.RunBlock(s_seed, i, 16, integerOnly);
            }

            Check(session);
        }
    }

    [HostFact]
    public void One_case_by_name()
    {
        if (Environment.GetEnvironmentVariable("JITVMM_CASE") is not { Length: > 0 } name)
        {
            return;
        }

        using var session = new ComparisonSession(0);
        session.Run.RunNamed(name);
        Check(session);
    }

    [HostFact]
    public void The_host_agrees_with_itself()
    {
        using var oracle = new NativeOracle();
        using var run = new DifferentialRun(oracle, null);
        foreach (Form form in FormCatalog.All.Where(form => form.IsCompared))
        {
            run.RunForm(form.Code, s_seed, 3, 4);
        }

        run.Flush();
        Assert.True(run.Report.FailuresByLabel.Count == 0, Describe(run.Report));
    }

    [HostFact]
    [Trait("Speed", "Slow")]
    public void Nightly_comparisons()
    {
        if (Environment.GetEnvironmentVariable("JITVMM_NIGHTLY") != "1")
        {
            output.WriteLine("Set JITVMM_NIGHTLY=1 for the long comparison.");
            return;
        }

        ulong seed = Environment.GetEnvironmentVariable("JITVMM_SEED") is { Length: > 0 } ? s_seed : (ulong)DateTime.UtcNow.Ticks;
        var comparison = new LongComparison(output.WriteLine);
        comparison.Run(seed, LongComparison.NightlyComparisons);
        Assert.True(comparison.FailingLabels.Count == 0, $"seed {seed}: {string.Join(' ', comparison.FailingLabels)} disagree with the host; the output has cases");
    }

    private void Check(ComparisonSession session)
    {
        session.Run.Flush();
        RunReport report = session.Run.Report;
        output.WriteLine($"seed {s_seed}: {report.Comparisons} comparisons, {report.CasesByLabel.Count} labels");
        Assert.True(report.NotEncoded.Count == 0, $"no encoding was made for {string.Join(' ', report.NotEncoded)}");
        Assert.True(report.FailuresByLabel.Count == 0, Describe(report));
    }

    private static string Describe(RunReport report)
    {
        var text = new StringBuilder();
        text.Append(CultureInfo.InvariantCulture, $"{report.FailuresByLabel.Count} of {report.CasesByLabel.Count} disagree with the host: {string.Join(' ', report.FailuresByLabel.Keys)}\n");
        foreach (Failure failure in report.Failures.DistinctBy(failure => failure.Label).Take(ShownFailures))
        {
            text.Append(CultureInfo.InvariantCulture, $"{failure.Label}   JITVMM_CASE={failure.Reproduce}\n{failure.Description}\n");
        }

        return text.ToString();
    }
}
