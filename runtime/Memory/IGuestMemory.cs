using System.Runtime.Intrinsics;
using Jitvmm.Runtime.Cpu;

namespace Jitvmm.Runtime.Memory;

/// <summary>
/// How interpreted code reaches guest memory. The handlers' source is compiled once for each implementation. A handler asks whether an access
/// misses and, if so, leaves by a tail jump to the slow path, having changed nothing; it runs again from its beginning.
/// Every method either completes or throws <see cref="GuestFaultException"/> (or lets the host's own fault surface as <see cref="NullReferenceException"/>) with nothing changed.
/// </summary>
/// <remarks>
/// One method per width: crossgen2 neither precompiles callers of static interface methods of a type parameter nor inlines generic
/// methods, and a handler that is left to the JIT costs as much as a thousand of its runs.
/// </remarks>
public unsafe interface IGuestMemory
{
    /// <summary>Whether a load cannot go straight to memory.</summary>
    static abstract bool MissesRead(CpuState* cpu, byte* memory, ulong address, int bytes);

    /// <summary>Whether a store cannot.</summary>
    static abstract bool MissesWrite(CpuState* cpu, byte* memory, ulong address, int bytes);

    /// <summary>Whether <see cref="Pointer"/> cannot be had.</summary>
    static abstract bool MissesPointer(CpuState* cpu, byte* memory, ulong address, int bytes, bool writable);

    static abstract byte Load8(CpuState* cpu, byte* memory, ulong address);

    static abstract ushort Load16(CpuState* cpu, byte* memory, ulong address);

    static abstract uint Load32(CpuState* cpu, byte* memory, ulong address);

    static abstract ulong Load64(CpuState* cpu, byte* memory, ulong address);

    static abstract Vector128<byte> Load128(CpuState* cpu, byte* memory, ulong address);

    static abstract Vector256<byte> Load256(CpuState* cpu, byte* memory, ulong address);

    /// <summary>Loads where <see cref="MissesWrite"/> said that a store may go.</summary>
    static abstract byte Modified8(CpuState* cpu, byte* memory, ulong address);

    static abstract ushort Modified16(CpuState* cpu, byte* memory, ulong address);

    static abstract uint Modified32(CpuState* cpu, byte* memory, ulong address);

    static abstract ulong Modified64(CpuState* cpu, byte* memory, ulong address);

    /// <summary>Stores where <see cref="MissesWrite"/> said it may.</summary>
    static abstract void Store(CpuState* cpu, byte* memory, ulong address, byte value);

    static abstract void Store(CpuState* cpu, byte* memory, ulong address, ushort value);

    static abstract void Store(CpuState* cpu, byte* memory, ulong address, uint value);

    static abstract void Store(CpuState* cpu, byte* memory, ulong address, ulong value);

    static abstract void Store(CpuState* cpu, byte* memory, ulong address, Vector128<byte> value);

    static abstract void Store(CpuState* cpu, byte* memory, ulong address, Vector256<byte> value);

    /// <summary>Host address of bytes an instruction works on in place.</summary>
    static abstract nint Pointer(CpuState* cpu, byte* memory, ulong address, int bytes, bool writable);
}
