namespace Jitvmm.Runtime.Paravirt.Vmware;

/// <summary>What VMware's interface offers.</summary>
[Flags]
public enum VmwareFeatures : uint
{
    None = 0,

    /// <summary>The TSC's and the APIC timer's frequency, in leaf 40000010h and by GETHZ.</summary>
    Frequency = 1,

    /// <summary>Calls by VMCALL and VMMCALL. Without, only the port is there.</summary>
    Vmcall = 2,

    /// <summary>GETVCPU_INFO, which says that x2APIC works without interrupt remapping.</summary>
    VcpuInfo = 4,
    StealClock = 8,

    All = Frequency | Vmcall | VcpuInfo | StealClock,
}

/// <summary>Names under which features can be switched off.</summary>
public static class VmwareFeatureNames
{
    public static FeatureNames<VmwareFeatures> Table { get; } = new(
        VmwareFeatures.All,
        ("frequency", VmwareFeatures.Frequency),
        ("vmcall", VmwareFeatures.Vmcall),
        ("vcpu-info", VmwareFeatures.VcpuInfo),
        ("steal-clock", VmwareFeatures.StealClock));
}
