namespace Jitvmm.Perf.Paravirt;

/// <summary>What one run of a Linux guest took.</summary>
internal sealed class LinuxRun
{
    /// <summary>From the start of jitvmm to the guest's first process, by the host's clock.</summary>
    public double BootMs { get; set; }

    /// <summary>CPU time of all of jitvmm's threads until then.</summary>
    public double BootCpuMs { get; set; }

    public List<string> Console { get; } = [];

    public Counters Counters { get; set; } = Counters.Parse("");
}
