using Jitvmm.Runtime.Cpu;

namespace Jitvmm.Runtime.Paravirt;

/// <summary>What a machine offers guests that know they are virtualized. One per machine; its members may be called from any thread.</summary>
/// <param name="numberRegister">The general register that holds a hypercall's number.</param>
/// <param name="numberMask">The bits of it that are the number.</param>
public abstract class ParavirtualInterface(int numberRegister, ulong numberMask = ulong.MaxValue)
{
    /// <summary>CPUID leaves from here are a hypervisor's (SDM vol. 2A, CPUID: "no existing or future CPU" answers them).</summary>
    public const uint FirstLeaf = 0x40000000;

    private const uint LeafMask = 0xffff0000;

    /// <summary>The name the command line knows it by.</summary>
    public abstract string Name { get; }

    /// <summary>Where the guest's code has hypercalls.</summary>
    public HypercallSites Sites { get; } = new(numberRegister, numberMask);

    /// <summary>Hides the invariant TSC, which guests would prefer to the interface's own clock.</summary>
    public virtual bool HidesInvariantTimeStamp => false;

    /// <summary>Whether a CPUID leaf is in the range this interface answers.</summary>
    public static bool IsLeaf(uint leaf) => (leaf & LeafMask) == FirstLeaf;

    /// <summary>A leaf for which <see cref="IsLeaf"/> holds.</summary>
    public abstract CpuidLeaf QueryCpuid(uint leaf);

    /// <summary>As one processor sees it.</summary>
    /// <param name="leaf">A leaf for which <see cref="IsLeaf"/> holds.</param>
    /// <param name="processor">The processor's number.</param>
    public virtual CpuidLeaf QueryCpuid(uint leaf, uint processor) => QueryCpuid(leaf);

    /// <summary>The part of one processor.</summary>
    public abstract ParavirtualCpu CreateCpu(IParavirtualHost host);

    /// <summary>What compiled 64-bit code at CPL 0 does for a hypercall instruction. Null: leaves it to tier 0.</summary>
    /// <param name="number">The call's number, where the code fixes it.</param>
    public abstract HypercallBody? BodyOf(ulong? number);

    /// <summary>The same for a call into the hypercall page, which is there only for guests that may make hypercalls.</summary>
    public virtual HypercallBody? PageBodyOf(ulong? number) => BodyOf(number);

    /// <summary>What the interface's document calls a hypercall; empty when there is none of that number.</summary>
    public abstract string NameOf(ulong number);
}
