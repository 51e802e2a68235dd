namespace Jitvmm.Tests.Differential;

/// <summary>An oracle, an engine and the run that compares them. One at a time: the engine's window is half of what a process may map.</summary>
public sealed class ComparisonSession : IDisposable
{
    private readonly NativeOracle _oracle = new();
    private readonly GuestUnderTest _guest;

    /// <inheritdoc cref="GuestUnderTest(int, bool)"/>
    public ComparisonSession(int tier, bool isChecked = true)
    {
        _guest = new GuestUnderTest(tier, isChecked);
        Run = new DifferentialRun(_oracle, _guest);
    }

    public DifferentialRun Run { get; }

    public void Dispose()
    {
        Run.Dispose();
        _guest.Dispose();
        _oracle.Dispose();
    }
}
