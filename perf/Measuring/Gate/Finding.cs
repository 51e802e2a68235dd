namespace Jitvmm.Perf.Measuring.Gate;

/// <summary>One ratio against its baseline.</summary>
/// <param name="Table">Where it is from.</param>
/// <param name="Key">Row, runner and metric.</param>
/// <param name="Verdict">What follows.</param>
/// <param name="Before">The accepted ratio; NaN if there is none.</param>
/// <param name="Now">The measured one; NaN if there is none.</param>
/// <param name="Allowed">By how much of <paramref name="Before"/> it may be worse.</param>
public readonly record struct Finding(string Table, string Key, Verdict Verdict, double Before, double Now, double Allowed)
{
    /// <summary>0.1 for a tenth slower.</summary>
    public double Change => (Now / Before) - 1;

    public bool Fails => Verdict is Verdict.Slower or Verdict.Noisy or Verdict.Missing;
}
