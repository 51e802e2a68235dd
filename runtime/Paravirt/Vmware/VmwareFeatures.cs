namespace Jitvmm.Runtime.Paravirt.Vmware;

/// <summary>What VMware's interface offers.</summary>
[Flags]
public enum VmwareFeatures
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
    private static readonly (string Name, VmwareFeatures Features)[] s_names =
    [
        ("frequency", VmwareFeatures.Frequency),
        ("vmcall", VmwareFeatures.Vmcall),
        ("vcpu-info", VmwareFeatures.VcpuInfo),
        ("steal-clock", VmwareFeatures.StealClock),
    ];

    public static IReadOnlyList<string> All { get; } = Array.ConvertAll(s_names, static entry => entry.Name);

    /// <summary>What a name stands for; <see cref="VmwareFeatures.None"/> for an unknown one.</summary>
    public static VmwareFeatures Find(string name) => Array.Find(s_names, entry => entry.Name == name).Features;
}
