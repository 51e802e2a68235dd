using Jitvmm.Runtime.Cpu;
using Jitvmm.Runtime.Execution;
using Jitvmm.Runtime.Host;
using Jitvmm.Runtime.Memory;

namespace Jitvmm.Linux;

/// <summary>One guest thread, which runs on a host thread of its own; its tid is that thread's.</summary>
public sealed unsafe partial class GuestThread
{
    internal GuestThread(LinuxProcess process)
    {
        Process = process;
        Cpu = process.Engine.CreateVCpu();
    }

    public LinuxProcess Process { get; }

    public VCpu Cpu { get; }

    public CpuState* State => Cpu.State;

    public AddressSpace Memory => Process.Memory;

    /// <summary>The native stubs' record of the host thread.</summary>
    public HostThread* Host { get; private set; }

    public int Tid => Host->Tid;
}
