namespace Jitvmm.Runtime.Paravirt.Hyperv;

/// <summary>What Hyper-V's interface offers. Up to bit 11, the bits of CPUID 40000003h EAX (TLFS 2.4.4).</summary>
[Flags]
public enum HypervFeatures : uint
{
    None = 0,
    ReferenceCounter = 1u << 1,

    /// <summary>Synthetic timers that interrupt directly: there are no messages.</summary>
    Timers = 1u << 3,

    /// <summary>EOI, ICR and TPR as registers, and interrupts ended lazily in the VP assist page. The page itself every guest may place: Linux does without asking.</summary>
    Apic = 1u << 4,
    ReferenceTsc = 1u << 9,
    Frequencies = 1u << 11,

    TlbFlush = 1u << 30,
    SendIpi = 1u << 31,

    All = ReferenceCounter | Timers | Apic | ReferenceTsc | Frequencies | TlbFlush | SendIpi,
}

/// <summary>Names under which features can be switched off.</summary>
public static class HypervFeatureNames
{
    public static FeatureNames<HypervFeatures> Table { get; } = new(
        HypervFeatures.All,
        // Page and timers are of no use to a guest that cannot read the counter.
        ("reference-counter", HypervFeatures.ReferenceCounter | HypervFeatures.ReferenceTsc | HypervFeatures.Timers),
        ("reference-tsc", HypervFeatures.ReferenceTsc),
        ("frequencies", HypervFeatures.Frequencies),
        ("stimer", HypervFeatures.Timers),
        ("apic", HypervFeatures.Apic),
        ("tlb-flush", HypervFeatures.TlbFlush),
        ("ipi", HypervFeatures.SendIpi));
}
