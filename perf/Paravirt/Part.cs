namespace Jitvmm.Perf.Paravirt;

/// <summary>What one part of a run took.</summary>
/// <param name="Ms">By the guest's clock; of booting, by the host's.</param>
/// <param name="CpuMs">CPU time of all of the VMM's threads.</param>
/// <param name="Counters">What was counted meanwhile; of booting, until power-off.</param>
internal sealed record Part(double Ms, double CpuMs, Counters Counters);
