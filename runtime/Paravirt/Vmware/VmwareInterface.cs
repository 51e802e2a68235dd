using Jitvmm.Runtime.Cpu;

namespace Jitvmm.Runtime.Paravirt.Vmware;

/// <summary>
/// VMware's interface, as its guests know it (VMware Knowledge Base 1009458, "Mechanisms to determine if software is running in a VMware virtual machine"; Linux,
/// arch/x86/include/asm/vmware.h).
/// </summary>
/// <param name="frequency">Ticks a second of the time-stamp counter and of the APIC timers' clock.</param>
/// <param name="features">What is offered.</param>
public sealed class VmwareInterface(uint frequency, VmwareFeatures features = VmwareFeatures.All) : ParavirtualInterface(VmwareCommands.NumberRegister, VmwareCommands.NumberMask)
{
    private const uint FeaturesLeaf = FirstLeaf + 0x10;

    /// <summary>ECX of the features: call by VMCALL. VMMCALL's bit is for processors of AMD's; guests that see both know neither.</summary>
    private const uint UseVmcall = 1u << 1;

    private const uint HertzPerKilohertz = 1000;

    public override string Name => "vmware";

    public VmwareFeatures Features { get; } = features;

    public uint Frequency => frequency;

    /// <summary>The signature, in EBX, ECX and EDX, is "VMwareVMware".</summary>
    public override CpuidLeaf QueryCpuid(uint leaf)
    {
        uint kilohertz = Has(VmwareFeatures.Frequency) ? frequency / HertzPerKilohertz : 0;
        return leaf switch
        {
            FirstLeaf => new CpuidLeaf(FeaturesLeaf, 0x61774d56, 0x4d566572, 0x65726177),
            FeaturesLeaf => new CpuidLeaf(kilohertz, kilohertz, Has(VmwareFeatures.Vmcall) ? UseVmcall : 0, 0),
            _ => default,
        };
    }

    public override ParavirtualCpu CreateCpu(IParavirtualHost host) => new VmwareCpu(this, host);

    /// <summary>Of a command that the code does not fix, which registers it sets is not known.</summary>
    public override HypercallBody? BodyOf(ulong? number) => number is { } known && Has(VmwareFeatures.Vmcall) ? VmwareCommands.BodyOf(this, (ushort)known) : null;

    public override string NameOf(ulong number) => VmwareCommands.NameOf(number);

    private bool Has(VmwareFeatures feature) => (Features & feature) != 0;
}
