using Jitvmm.Runtime.Cpu;

namespace Jitvmm.Runtime.Paravirt.Kvm;

/// <summary>KVM's interface, as guests of Linux's hypervisor know it (Linux, Documentation/virt/kvm/x86/: cpuid.rst, msr.rst, hypercalls.rst).</summary>
public sealed class KvmInterface(KvmFeatures features = KvmFeatures.All) : ParavirtualInterface(KvmHypercalls.NumberRegister)
{
    private const uint FeaturesLeaf = FirstLeaf + 1;

    public override string Name => "kvm";

    public KvmFeatures Features { get; } = features;

    public override bool HidesInvariantTimeStamp => (Features & KvmFeatures.Clock) != 0;

    /// <summary>The signature, in EBX, ECX and EDX, is "KVMKVMKVM" and three zeros. No hint in EDX of the features: processors do wait for the host.</summary>
    public override CpuidLeaf QueryCpuid(uint leaf) => leaf switch
    {
        FirstLeaf => new CpuidLeaf(FeaturesLeaf, 0x4b4d564b, 0x564b4d56, 0x4d),
        FeaturesLeaf => new CpuidLeaf((uint)Features, 0, 0, 0),
        _ => default,
    };

    public override ParavirtualCpu CreateCpu(IParavirtualHost host) => new KvmCpu(this, host);

    public override HypercallBody? BodyOf(ulong? number) => KvmHypercalls.BodyOf(Features, number);

    public override string NameOf(ulong number) => KvmHypercalls.NameOf(number);
}
