namespace Jitvmm.Runtime.Paravirt.Xen;

/// <summary>What Xen's interface offers beyond what every guest needs.</summary>
[Flags]
public enum XenFeatures : uint
{
    None = 0,

    /// <summary>Guests may use the clock of their <c>vcpu_info</c> (XENFEAT_hvm_safe_pvclock).</summary>
    Clock = 1,

    /// <summary>Its records say that all processors see one time, and may be placed where user code reads them.</summary>
    StableClock = 2,

    /// <summary>Events interrupt with a vector of the guest's choice, whatever the local APIC thinks (XENFEAT_hvm_callback_vector).</summary>
    CallbackVector = 4,

    /// <summary>Or through the local APIC, with a vector for each processor (CPUID, HVMOP_set_evtchn_upcall_vector).</summary>
    UpcallVector = 8,

    /// <summary>Timers by VCPUOP; without, HYPERVISOR_set_timer_op is there.</summary>
    VcpuTimer = 16,

    /// <summary>Run states tell how long the host kept a processor waiting.</summary>
    StealTime = 32,

    /// <summary>The register that places a page of hypercalls.</summary>
    HypercallPage = 64,

    /// <summary>Grant tables, and with them devices of domain 0's.</summary>
    Grants = 128,

    All = Clock | StableClock | CallbackVector | UpcallVector | VcpuTimer | StealTime | HypercallPage | Grants,
}

/// <summary>Names under which features can be switched off.</summary>
public static class XenFeatureNames
{
    public static FeatureNames<XenFeatures> Table { get; } = new(
        XenFeatures.All,
        ("clock", XenFeatures.Clock | XenFeatures.StableClock),
        ("stable-clock", XenFeatures.StableClock),
        ("callback-vector", XenFeatures.CallbackVector | XenFeatures.UpcallVector),
        ("upcall-vector", XenFeatures.UpcallVector),
        ("vcpu-timer", XenFeatures.VcpuTimer),
        ("steal-time", XenFeatures.StealTime),
        ("hypercall-page", XenFeatures.HypercallPage),
        ("grants", XenFeatures.Grants));
}
