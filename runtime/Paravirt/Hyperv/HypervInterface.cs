using Jitvmm.Runtime.Cpu;

namespace Jitvmm.Runtime.Paravirt.Hyperv;

/// <summary>Hyper-V's interface (Microsoft, "Hypervisor Top Level Functional Specification" 6.0b, TLFS), without the message bus and its devices.</summary>
public sealed class HypervInterface : ParavirtualInterface
{
    // Leaf 40000003h EAX: hypercalls and VP index, which every guest needs. EDX: frequency registers, timers' direct mode.
    private const uint Mandatory = (1u << 5) | (1u << 6);
    private const uint EaxFeatures = 0xfff;
    private const uint FrequenciesInEdx = 1u << 8;
    private const uint DirectTimers = 1u << 19;

    // Leaf 40000004h EAX: what guests had better do by hypercall or register; watchdogs had better be patient, as hosts are busy.
    private const uint UseTlbFlush = 1u << 2;
    private const uint UseApicRegisters = 1u << 3;
    private const uint RelaxTiming = 1u << 5;
    private const uint UseSendIpi = 1u << 10;
    private const uint UseProcessorSets = 1u << 11;

    /// <summary>Leaf 40000004h EBX: never tell the hypervisor of spinning.</summary>
    private const uint NeverNotify = uint.MaxValue;

    private const uint MaximumProcessors = 255;

    public HypervInterface(HypervFeatures features = HypervFeatures.All)
        : base(HypervHypercalls.NumberRegister, HypervHypercalls.NumberMask)
    {
        Features = features;
        Sites.Page = new HypercallPage(HypervPartition.PageCode);
        Partition = new HypervPartition(Sites.Page);
    }

    public override string Name => "hyperv";

    public HypervFeatures Features { get; }

    /// <summary>Hyper-V shows it only to guests that ask for it by a register that is not offered.</summary>
    public override bool HidesInvariantTimeStamp => Has(HypervFeatures.ReferenceTsc);

    internal HypervPartition Partition { get; }

    /// <summary>The signature, in EBX, ECX and EDX, is "Microsoft Hv"; that of the interface, "Hv#1". There is no version to tell.</summary>
    public override CpuidLeaf QueryCpuid(uint leaf) => leaf switch
    {
        FirstLeaf => new CpuidLeaf(FirstLeaf + 5, 0x7263694d, 0x666f736f, 0x76482074),
        FirstLeaf + 1 => new CpuidLeaf(0x31237648, 0, 0, 0),
        FirstLeaf + 3 => new CpuidLeaf(((uint)Features & EaxFeatures) | Mandatory, 0, 0, If(HypervFeatures.Frequencies, FrequenciesInEdx) | If(HypervFeatures.Timers, DirectTimers)),
        FirstLeaf + 4 => new CpuidLeaf(Recommendations, NeverNotify, 0, 0),
        FirstLeaf + 5 => new CpuidLeaf(MaximumProcessors, MaximumProcessors, 0, 0),
        _ => default,
    };

    public override ParavirtualCpu CreateCpu(IParavirtualHost host) => Partition.Add(new HypervCpu(this, host));

    /// <summary>Hardly any: calls are made by the page. Tier 0 asks whether the guest has an identity.</summary>
    public override HypercallBody? BodyOf(ulong? number) => null;

    public override HypercallBody? PageBodyOf(ulong? number) => HypervHypercalls.BodyOf(Features, number);

    public override string NameOf(ulong number) => HypervHypercalls.NameOf(number);

    private uint Recommendations => If(HypervFeatures.TlbFlush, UseTlbFlush) | If(HypervFeatures.Apic, UseApicRegisters) | RelaxTiming | If(HypervFeatures.SendIpi, UseSendIpi)
        | If(HypervFeatures.SendIpi | HypervFeatures.TlbFlush, UseProcessorSets);

    private bool Has(HypervFeatures feature) => (Features & feature) != 0;

    private uint If(HypervFeatures feature, uint bits) => Has(feature) ? bits : 0;
}
