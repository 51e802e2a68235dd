using Xunit.Abstractions;
using Xunit.Sdk;

namespace Jitvmm.Tests.Guests;

/// <summary>A theory whose rows are skipped, each with its reason, when this machine lacks what they need.</summary>
[XunitTestCaseDiscoverer("Jitvmm.Tests.Guests." + nameof(ProgramTheoryDiscoverer), "Jitvmm.Tests")]
[AttributeUsage(AttributeTargets.Method)]
public sealed class ProgramTheoryAttribute : TheoryAttribute;

/// <summary>
/// Finds the row of each test case through its table, asks it what is missing, and marks the case: <c>Program=Guest</c>,
/// <c>Tier</c>, and <c>Run=Nightly</c> for what <c>tests/run</c> leaves to <c>--nightly</c>. Traits of the class would be lost on
/// classes that derive from the one that has them.
/// </summary>
public sealed class ProgramTheoryDiscoverer(IMessageSink diagnostics) : TheoryDiscoverer(diagnostics)
{
    protected override IEnumerable<IXunitTestCase> CreateTestCasesForDataRow(
        ITestFrameworkDiscoveryOptions discoveryOptions, ITestMethod testMethod, IAttributeInfo theoryAttribute, object[] dataRow)
    {
        GuestProgram program = ProgramCatalog.Find((string)dataRow[0]);
        string? reason = ProgramComparison.CannotRun ?? program.Missing();
        IEnumerable<IXunitTestCase> cases = reason == null
            ? base.CreateTestCasesForDataRow(discoveryOptions, testMethod, theoryAttribute, dataRow)
            : CreateTestCasesForSkippedDataRow(discoveryOptions, testMethod, theoryAttribute, dataRow, reason);
        foreach (IXunitTestCase testCase in cases)
        {
            string tier = (string)dataRow[1];
            testCase.Traits["Program"] = ["Guest"];
            testCase.Traits["Tier"] = [tier];
            if (!program.IsInDefaultRun(tier))
            {
                testCase.Traits["Run"] = ["Nightly"];
            }

            yield return testCase;
        }
    }
}
