namespace Jitvmm.Perf.Measuring;

/// <summary>One run of a program from its start to its end.</summary>
/// <param name="WallMs">From fork to reaping.</param>
/// <param name="CpuMs">User and system time of the program and of the children it waited for.</param>
/// <param name="PeakMb">The largest resident size of it or of one of these.</param>
/// <param name="Status">Exit status; 128 + n after death by signal n.</param>
/// <param name="Output">Standard output.</param>
/// <param name="Errors">Standard error.</param>
public sealed record ChildRun(double WallMs, double CpuMs, double PeakMb, int Status, byte[] Output, string Errors);
