namespace Jitvmm.Perf.Measuring.Gate;

/// <summary>A ratio as it was accepted.</summary>
public sealed record BaselineEntry(double Ratio, double Noise, int Rounds);
