using Xunit.Abstractions;
using Xunit.Sdk;

namespace Jitvmm.Tests.Guests;

/// <summary>A theory whose rows are skipped, each with its reason, when this machine lacks what they need.</summary>
[XunitTestCaseDiscoverer("Jitvmm.Tests.Guests." + nameof(ProgramTheoryDiscoverer), "Jitvmm.Tests")]
[AttributeUsage(AttributeTargets.Method)]
public sealed class ProgramTheoryAttribute : TheoryAttribute;

/// <summary>Finds the row of each test case through its table and asks it what is missing.</summary>
public sealed class ProgramTheoryDiscoverer(IMessageSink diagnostics) : TheoryDiscoverer(diagnostics)
{
    protected override IEnumerable<IXunitTestCase> CreateTestCasesForDataRow(
        ITestFrameworkDiscoveryOptions discoveryOptions, ITestMethod testMethod, IAttributeInfo theoryAttribute, object[] dataRow)
    {
        string? reason = ProgramComparison.CannotRun ?? ProgramCatalog.Find((string)dataRow[0]).Missing();
        return reason == null
            ? base.CreateTestCasesForDataRow(discoveryOptions, testMethod, theoryAttribute, dataRow)
            : CreateTestCasesForSkippedDataRow(discoveryOptions, testMethod, theoryAttribute, dataRow, reason);
    }
}
