using Jitvmm.Runtime.Cpu;
using Jitvmm.Runtime.Paravirt;

namespace Jitvmm.Runtime.Callouts;

/// <summary>
/// What a machine guest's CPU asks of the machine around it. Called on the vCPU's own thread; implementations lock what they share.
/// No call may throw, whatever the guest passes.
/// </summary>
public interface ICpuPlatform
{
    /// <summary>Reads 1, 2 or 4 bytes from an I/O port; all ones where nothing answers.</summary>
    uint ReadPort(ushort port, int bytes);

    void WritePort(ushort port, int bytes, uint value);

    /// <summary>A model-specific register the platform keeps (APIC base, x2APIC, TSC deadline). False: not the platform's.</summary>
    bool TryReadMsr(uint index, out ulong value);

    /// <summary>False: not the platform's, or the value is not allowed; the guest gets #GP either way.</summary>
    bool TryWriteMsr(uint index, ulong value);

    /// <summary>Takes the interrupt that is to be delivered now: its vector, or −1 when there is none.</summary>
    int AcknowledgeInterrupt();

    /// <summary>Takes a pending non-maskable interrupt; asked before <see cref="AcknowledgeInterrupt"/>, whatever IF is.</summary>
    bool AcknowledgeNonMaskable() => false;

    /// <summary>FERR#: the x87 unit has met an unmasked error while CR0.NE is clear.</summary>
    void SignalFloatingPointError()
    {
    }

    /// <summary>
    /// Asked by a CPU that counts its instructions when it has used up its grant, halts, or was made to leave guest code: lets their time pass, and says how many it may
    /// execute until something happens that depends on time.
    /// </summary>
    /// <param name="executed">Instructions since the latest call.</param>
    long GrantInstructions(long executed) => long.MaxValue;

    /// <summary>CR8: the local APIC's task priority, bits 7–4.</summary>
    ulong TaskPriority { get; set; }

    /// <summary>The time-stamp counter before the guest's own offset.</summary>
    ulong TimeStamp { get; }

    CpuidLeaf QueryCpuid(uint leaf, uint subLeaf);

    /// <summary>What the machine offers guests that know they are virtualized; null for nothing.</summary>
    ParavirtualCpu? Paravirtual => null;

    /// <summary>A triple fault (SDM vol. 3A, 6.15): the machine resets or stops.</summary>
    void TripleFault();
}
