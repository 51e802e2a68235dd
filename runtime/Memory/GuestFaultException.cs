using Jitvmm.Runtime.Execution;
using Jitvmm.Runtime.Host;

namespace Jitvmm.Runtime.Memory;

/// <summary>Unwinds from a callout to the vCPU loop, which reports <see cref="Fault"/> to the embedder. Never leaves the engine.</summary>
public sealed class GuestFaultException(CpuException fault) : Exception
{
    public CpuException Fault { get; } = fault;

    /// <summary>MXCSR when the instruction faulted, before exception handling computes anything.</summary>
    public uint Mxcsr { get; } = HostCode.StoreMxcsr();
}
