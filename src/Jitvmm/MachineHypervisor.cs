using Jitvmm.Devices.Processors;
using Jitvmm.Runtime.Paravirt;
using Jitvmm.Runtime.Paravirt.Hyperv;
using Jitvmm.Runtime.Paravirt.Kvm;
using Jitvmm.Runtime.Paravirt.Vmware;
using Jitvmm.Runtime.Paravirt.Xen;

namespace Jitvmm;

/// <summary>A hypervisor's interface to its guests.</summary>
public enum HypervisorKind
{
    /// <summary>Full virtualization: no sign of a hypervisor.</summary>
    None,

    /// <summary>Linux's KVM.</summary>
    Kvm,

    /// <summary>VMware's ESX.</summary>
    Vmware,

    /// <summary>Microsoft's Hyper-V, without its message bus.</summary>
    Hyperv,

    /// <summary>Xen, as HVM and PVH guests know it.</summary>
    Xen,
}

/// <summary>The one hypervisor a machine shows its guest.</summary>
/// <param name="Kind">Whose interface.</param>
public sealed record MachineHypervisor(HypervisorKind Kind)
{
    public static MachineHypervisor None { get; } = new(HypervisorKind.None);

    public static MachineHypervisor Kvm { get; } = new(HypervisorKind.Kvm);

    public static MachineHypervisor Vmware { get; } = new(HypervisorKind.Vmware);

    public static MachineHypervisor Hyperv { get; } = new(HypervisorKind.Hyperv);

    public static MachineHypervisor Xen { get; } = new(HypervisorKind.Xen);

    /// <summary>Features it is shown without: some of <see cref="FeaturesOf"/>.</summary>
    public IReadOnlyList<string> Without { get; init; } = [];

    /// <summary>Names of the features that can be left out.</summary>
    public static IReadOnlyList<string> FeaturesOf(HypervisorKind kind) => kind switch
    {
        HypervisorKind.Kvm => KvmFeatureNames.Table.All,
        HypervisorKind.Vmware => VmwareFeatureNames.Table.All,
        HypervisorKind.Hyperv => HypervFeatureNames.Table.All,
        HypervisorKind.Xen => XenFeatureNames.Table.All,
        _ => [],
    };

    /// <exception cref="MachineGuestException">A feature to be left out is unknown.</exception>
    internal ParavirtualInterface? Create()
    {
        IReadOnlyList<string> known = FeaturesOf(Kind);
        foreach (string feature in Without)
        {
            if (!known.Contains(feature))
            {
                throw new MachineGuestException($"the hypervisor {Kind} has no feature {feature}");
            }
        }

        return Kind switch
        {
            HypervisorKind.Kvm => new KvmInterface(KvmFeatureNames.Table.AllBut(Without)),
            HypervisorKind.Vmware => new VmwareInterface(MachineCpuid.Frequency, VmwareFeatureNames.Table.AllBut(Without)),
            HypervisorKind.Hyperv => new HypervInterface(HypervFeatureNames.Table.AllBut(Without)),
            HypervisorKind.Xen => new XenInterface(XenFeatureNames.Table.AllBut(Without)),
            _ => null,
        };
    }
}
