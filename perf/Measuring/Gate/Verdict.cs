namespace Jitvmm.Perf.Measuring.Gate;

/// <summary>What the gate says of one ratio.</summary>
public enum Verdict
{
    /// <summary>Within the noise of the baseline.</summary>
    Same,

    /// <summary>Better by more than the noise: worth a new baseline.</summary>
    Faster,

    /// <summary>Worse by more than the noise.</summary>
    Slower,

    /// <summary>The noise is so large that a regression could hide in it.</summary>
    Noisy,

    /// <summary>In the baseline, and not measured now although its table was.</summary>
    Missing,

    /// <summary>Measured, and not in the baseline.</summary>
    New,
}
