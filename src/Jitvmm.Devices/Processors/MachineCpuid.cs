using System.Numerics;
using Jitvmm.Devices.Interrupts;
using Jitvmm.Runtime.Cpu;
using Jitvmm.Runtime.Paravirt;

namespace Jitvmm.Devices.Processors;

/// <summary>
/// CPUID of a machine guest's processor: <see cref="CpuModel"/> with what only kernels see.
/// </summary>
/// <remarks>
/// Family 6, model 1Ch: the one modern Intel model that does not speculate, which operating systems therefore spare the mitigations for Meltdown, Spectre and their kin. Translated
/// code does not speculate across guest privilege either: each level has translations and TLB entries of its own, and what the host's processor does ahead of time the host's kernel and .NET guard.
/// Leaf 15h states the clock, so that no kernel measures it.
/// </remarks>
public static class MachineCpuid
{
    /// <summary>Ticks per second of the time-stamp counter and of the APIC timers' crystal.</summary>
    public const uint Frequency = 1_000_000_000;

    private const uint Signature = 0x000106ca;

    // Leaf 1 ECX: PCID, x2APIC, TSC deadline; OSXSAVE mirrors CR4. EDX: APIC mirrors its base register; HTT with several processors.
    private const uint Pcid = 1u << 17;
    private const uint X2Apic = 1u << 21;
    private const uint TscDeadline = 1u << 24;
    private const uint OsXsave = 1u << 27;
    private const uint Apic = 1u << 9;

    /// <summary>Leaf 1 ECX: never set by a processor.</summary>
    private const uint UnderHypervisor = 1u << 31;

    // Leaf 1 ECX, leaf 7 EBX.
    private const uint Rdrand = 1u << 30;
    private const uint Rdseed = 1u << 18;

    /// <summary>Not implemented.</summary>
    private const uint VirtualModeExtensions = 1u << 1;

    private const uint Siblings = 1u << 28;

    // Leaf 7 EBX: TSC_ADJUST, SMEP, INVPCID, SMAP. ECX: UMIP. EDX: architecture capabilities, which say what this processor is immune to.
    private const uint TscAdjust = 1u << 1;
    private const uint ArchitectureCapabilities = 1u << 29;
    private const uint Smep = 1u << 7;
    private const uint Invpcid = 1u << 10;
    private const uint Smap = 1u << 20;
    private const uint Umip = 1u << 2;

    /// <summary>Leaf 80000007h EDX.</summary>
    private const uint InvariantTimeStamp = 1u << 8;

    private const uint GigabytePages = 1u << 26;
    private const ulong Cr4OsXsave = 1ul << 18;

    /// <summary>What the leaves depend on.</summary>
    /// <param name="ApicId">This processor's.</param>
    /// <param name="Count">Processors of the machine.</param>
    /// <param name="ApicEnabled">IA32_APIC_BASE bit 11.</param>
    /// <param name="Cr4">CR4 now.</param>
    /// <param name="HidesRandomNumbers">No RDRAND and RDSEED, which no two runs see the same of.</param>
    /// <param name="Hypervisor">What the guest is told of being virtualized.</param>
    public readonly record struct Context(uint ApicId, int Count, bool ApicEnabled, ulong Cr4, bool HidesRandomNumbers = false, ParavirtualInterface? Hypervisor = null);

    public static CpuidLeaf Query(uint leaf, uint subLeaf, in Context context)
    {
        if (context.Hypervisor is { } hypervisor && ParavirtualInterface.IsLeaf(leaf))
        {
            return hypervisor.QueryCpuid(leaf, context.ApicId);
        }

        CpuidLeaf model = CpuModel.Query(leaf, subLeaf);
        switch (leaf)
        {
            case 0:
                return model with { Eax = 0x16 };
            case 1:
                return Leaf1(model, context);
            case 4:
                return model.Eax == 0 ? model : model with { Eax = CacheSharing(model.Eax, context.Count) };
            case 7 when subLeaf == 0:
                return model with { Ebx = (model.Ebx & ~(context.HidesRandomNumbers ? Rdseed : 0)) | TscAdjust | Smep | Invpcid | Smap, Ecx = model.Ecx | Umip, Edx = model.Edx | ArchitectureCapabilities };
            case 0xb:
                return Topology(subLeaf, context);
            case 0x15:
                return new CpuidLeaf(1, 1, Frequency, 0);
            case 0x16:
                return new CpuidLeaf(Frequency / 1_000_000, Frequency / 1_000_000, 100, 0);
            case 0x80000001:
                return model with { Edx = model.Edx | GigabytePages };
            case 0x80000007:
                return model with { Edx = model.Edx & ~(context.Hypervisor is { HidesInvariantTimeStamp: true } ? InvariantTimeStamp : 0) };
            default:
                return model;
        }
    }

    private static CpuidLeaf Leaf1(CpuidLeaf model, in Context context)
    {
        uint ecx = (model.Ecx & ~OsXsave) | Pcid | X2Apic | TscDeadline | ((context.Cr4 & Cr4OsXsave) != 0 ? OsXsave : 0);
        ecx &= ~(context.HidesRandomNumbers ? Rdrand : 0);
        ecx |= context.Hypervisor != null ? UnderHypervisor : 0;
        uint edx = (model.Edx & ~(Apic | VirtualModeExtensions)) | (context.ApicEnabled ? Apic : 0) | (context.Count > 1 ? Siblings : 0);
        uint logical = BitOperations.RoundUpToPowerOf2((uint)context.Count);
        return new CpuidLeaf(Signature, (context.ApicId << 24) | (Math.Min(logical, 255) << 16) | (8 << 8), ecx, edx);
    }

    /// <summary>Adds how many processors share a cache (the last level: all) and how many cores the package has.</summary>
    private static uint CacheSharing(uint eax, int count)
    {
        uint ids = BitOperations.RoundUpToPowerOf2((uint)count) - 1;
        uint sharing = ((eax >> 5) & 7) >= 3 ? ids : 0;
        return (eax & 0x3fff) | (sharing << 14) | (Math.Min(ids, 63) << 26);
    }

    /// <summary>One package, one thread a core.</summary>
    private static CpuidLeaf Topology(uint level, in Context context)
    {
        uint shift = (uint)BitOperations.Log2(BitOperations.RoundUpToPowerOf2((uint)context.Count));
        return level switch
        {
            0 => new CpuidLeaf(0, 1, 0x100, context.ApicId),
            1 => new CpuidLeaf(shift, (uint)context.Count, 0x201, context.ApicId),
            _ => new CpuidLeaf(0, 0, level & 0xff, context.ApicId),
        };
    }
}
