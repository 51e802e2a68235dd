using Jitvmm.Runtime.Execution;

namespace Jitvmm.Runtime.Memory;

/// <summary>Unwinds from a callout to the vCPU loop, which reports <see cref="Fault"/> to the embedder. Never leaves the engine.</summary>
public sealed class GuestFaultException(CpuException fault) : Exception
{
    public CpuException Fault { get; } = fault;
}
