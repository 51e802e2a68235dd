using System.Runtime.Intrinsics;
using Jitvmm.Runtime.Cpu;

namespace Jitvmm.Runtime.Memory;

/// <summary>
/// How interpreted code reaches guest memory. Tier-0 handlers are printed for one implementation. Every method either completes or
/// throws <see cref="GuestFaultException"/> (or lets the host's own fault surface as <see cref="NullReferenceException"/>) with nothing changed.
/// </summary>
/// <remarks>
/// One method per width: crossgen2 neither precompiles callers of static interface methods of a type parameter nor inlines generic
/// methods, and a handler that is left to the JIT costs as much as a thousand of its runs.
/// </remarks>
public unsafe interface IGuestMemory
{
    static abstract byte Load8(CpuState* cpu, byte* memory, ulong address);

    static abstract ushort Load16(CpuState* cpu, byte* memory, ulong address);

    static abstract uint Load32(CpuState* cpu, byte* memory, ulong address);

    static abstract ulong Load64(CpuState* cpu, byte* memory, ulong address);

    static abstract Vector128<byte> Load128(CpuState* cpu, byte* memory, ulong address);

    static abstract Vector256<byte> Load256(CpuState* cpu, byte* memory, ulong address);

    /// <summary>
    /// Whether a store cannot go straight to memory: the handler then tail-calls <see cref="Prepare"/>'s record
    /// again, having changed nothing yet.
    /// </summary>
    static abstract bool MustPrepare(CpuState* cpu, ulong address, int bytes);

    /// <summary>Makes one store of these bytes possible, or faults.</summary>
    static abstract void Prepare(CpuState* cpu, ulong address, int bytes);

    /// <summary>Stores where <see cref="MustPrepare"/> said it may.</summary>
    static abstract void Store(CpuState* cpu, byte* memory, ulong address, byte value);

    static abstract void Store(CpuState* cpu, byte* memory, ulong address, ushort value);

    static abstract void Store(CpuState* cpu, byte* memory, ulong address, uint value);

    static abstract void Store(CpuState* cpu, byte* memory, ulong address, ulong value);

    static abstract void Store(CpuState* cpu, byte* memory, ulong address, Vector128<byte> value);

    static abstract void Store(CpuState* cpu, byte* memory, ulong address, Vector256<byte> value);

    static abstract nint Pointer(CpuState* cpu, ulong address, int bytes, bool writable);
}
