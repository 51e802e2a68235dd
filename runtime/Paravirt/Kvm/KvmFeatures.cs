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
    private static readonly (string Name, KvmFeatures Features)[] s_names =
    [
        ("clock", KvmFeatures.OldClock | KvmFeatures.Clock | KvmFeatures.StableClock),
        ("stable-clock", KvmFeatures.StableClock),
        ("no-io-delay", KvmFeatures.NoIoDelay),
        ("steal-time", KvmFeatures.StealTime),
        ("pv-eoi", KvmFeatures.EndOfInterrupt),
        ("pv-unhalt", KvmFeatures.Unhalt),
        ("pv-tlb-flush", KvmFeatures.TlbFlush),
        ("pv-ipi", KvmFeatures.SendIpi),
        ("pv-sched-yield", KvmFeatures.SchedYield),
    ];

    public static IReadOnlyList<string> All { get; } = Array.ConvertAll(s_names, static entry => entry.Name);

    /// <summary>What a name stands for; <see cref="KvmFeatures.None"/> for an unknown one.</summary>
    public static KvmFeatures Find(string name) => Array.Find(s_names, entry => entry.Name == name).Features;
}
