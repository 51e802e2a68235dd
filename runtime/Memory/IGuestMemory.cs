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

    /// <summary>
    /// Whether a store cannot go straight to memory: the handler then tail-calls <see cref="Prepare"/>'s record
    /// again, having changed nothing yet.
    /// </summary>
    static abstract bool MustPrepare(CpuState* cpu, ulong address, int bytes);

    /// <summary>Makes one store of these bytes possible, or faults.</summary>
    static abstract void Prepare(CpuState* cpu, ulong address, int bytes);

    /// <summary>Stores where <see cref="MustPrepare"/> said it may.</summary>
    static abstract void Store<T>(CpuState* cpu, byte* memory, ulong address, T value) where T : unmanaged;

    static abstract nint Pointer(CpuState* cpu, ulong address, int bytes, bool writable);
}
