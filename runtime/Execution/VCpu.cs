using System.Runtime.InteropServices;
using Jitvmm.Runtime.Cpu;
using Jitvmm.Runtime.Memory;

namespace Jitvmm.Runtime.Execution;

/// <summary>
/// One virtual CPU. A thread creates it, calls <see cref="Run"/> in a loop, and answers each exit;
/// only <see cref="RequestExit"/> may be called from elsewhere.
/// </summary>
public sealed unsafe class VCpu : IDisposable
{
    public VCpu(AddressSpace memory)
    {
        Memory = memory;
        State = (CpuState*)NativeMemory.AlignedAlloc(CpuState.Size, 64);
        NativeMemory.Clear(State, CpuState.Size);
    }

    /// <summary>Registers; valid until <see cref="Dispose"/>. Complete and exact whenever <see cref="Run"/> is not running.</summary>
    public CpuState* State { get; private set; }

    public AddressSpace Memory { get; }

    /// <summary>Set when <see cref="Run"/> returns <see cref="CpuExit.Exception"/>.</summary>
    public CpuException Exception { get; private set; }

    /// <summary>Runs guest code from <see cref="CpuState.Rip"/> until something needs the embedder.</summary>
    public CpuExit Run() => throw new NotSupportedException();

    /// <summary>Makes <see cref="Run"/> return <see cref="CpuExit.Interrupted"/> soon. Any thread; safe in a signal handler.</summary>
    public void RequestExit() => State->ExitRequest = 1;

    public void Dispose()
    {
        if (State != null)
        {
            NativeMemory.AlignedFree(State);
            State = null;
        }
    }
}
