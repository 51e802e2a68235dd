using Jitvmm.Runtime.Cpu;

namespace Jitvmm.Runtime.Memory;

/// <summary>
/// How interpreted code reaches guest memory. Tier-0 handlers are generic over it and compiled once for each
/// implementation. Every method either completes or throws <see cref="GuestFaultException"/> (or lets the host's
/// own fault surface as <see cref="NullReferenceException"/>) with nothing changed.
/// </summary>
public unsafe interface IGuestMemory
{
    static abstract T Load<T>(CpuState* cpu, byte* memory, ulong address) where T : unmanaged;

    static abstract void Store<T>(CpuState* cpu, byte* memory, ulong address, T value) where T : unmanaged;

    static abstract nint Pointer(CpuState* cpu, ulong address, int bytes, bool writable);
}
