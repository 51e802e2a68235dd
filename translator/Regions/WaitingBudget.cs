namespace Jitvmm.Translator.Regions;

/// <summary>How long vCPUs may wait for their compilations: a second for each program, and a quarter of the time it has run.</summary>
/// <remarks>
/// Time is the process's CPU time. A parent that sleeps until its children end would otherwise leave the next child an ever larger budget, and take longer
/// to wait for that: each child of a test suite took a quarter longer than all before it together.
/// </remarks>
internal sealed class WaitingBudget
{
    private TimeSpan _allowance;
    private TimeSpan _spentBefore;
    private TimeSpan _ranBefore;

    public WaitingBudget() => Restart(TimeSpan.Zero);

    /// <summary>Whether more may be compiled after <paramref name="compileTime"/> in all.</summary>
    public bool Allows(TimeSpan compileTime) => compileTime - _spentBefore < _allowance + (Environment.CpuUsage.TotalTime - _ranBefore) / 4;

    /// <summary>Another program runs.</summary>
    public void Restart(TimeSpan compileTime)
    {
        _allowance = TimeSpan.FromSeconds(1);
        _spentBefore = compileTime;
        _ranBefore = Environment.CpuUsage.TotalTime;
    }

    /// <summary>In the child of a fork, whose CPU time starts at 0: it goes on with what is left of the second.</summary>
    public void Forked(TimeSpan compileTime)
    {
        TimeSpan left = _allowance - (compileTime - _spentBefore);
        _allowance = left > TimeSpan.Zero ? left : TimeSpan.Zero;
        _spentBefore = compileTime;
        _ranBefore = TimeSpan.Zero;
    }
}
