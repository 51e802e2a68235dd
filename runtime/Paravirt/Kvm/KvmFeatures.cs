namespace Jitvmm.Runtime.Paravirt.Kvm;

/// <summary>What KVM's interface offers, as the bits of CPUID 40000001h EAX (Linux, Documentation/virt/kvm/x86/cpuid.rst).</summary>
[Flags]
public enum KvmFeatures : uint
{
    None = 0,
    OldClock = 1u << 0,
    NoIoDelay = 1u << 1,
    Clock = 1u << 3,
    StealTime = 1u << 5,
    EndOfInterrupt = 1u << 6,
    Unhalt = 1u << 7,
    TlbFlush = 1u << 9,
    SendIpi = 1u << 11,
    SchedYield = 1u << 13,
    StableClock = 1u << 24,

    All = OldClock | NoIoDelay | Clock | StealTime | EndOfInterrupt | Unhalt | TlbFlush | SendIpi | SchedYield | StableClock,
}

/// <summary>Names under which features can be switched off.</summary>
public static class KvmFeatureNames
{
    public static FeatureNames<KvmFeatures> Table { get; } = new(
        KvmFeatures.All,
        ("clock", KvmFeatures.OldClock | KvmFeatures.Clock | KvmFeatures.StableClock),
        ("stable-clock", KvmFeatures.StableClock),
        ("no-io-delay", KvmFeatures.NoIoDelay),
        ("steal-time", KvmFeatures.StealTime),
        ("pv-eoi", KvmFeatures.EndOfInterrupt),
        ("pv-unhalt", KvmFeatures.Unhalt),
        ("pv-tlb-flush", KvmFeatures.TlbFlush),
        ("pv-ipi", KvmFeatures.SendIpi),
        ("pv-sched-yield", KvmFeatures.SchedYield));
}
