using System.Runtime.CompilerServices;
using System.Security.Cryptography;
using Jitvmm.Runtime.Cpu;
using Jitvmm.Runtime.Execution;
using Jitvmm.Runtime.Host;

namespace Jitvmm.Runtime.Semantics;

/// <summary>System instructions that user code may execute, and compiled code need not leave for.</summary>
public static unsafe class SystemSemantics
{
    [MethodImpl(MethodImplOptions.NoInlining)]
    public static ulong Random()
    {
        ulong value;
        RandomNumberGenerator.Fill(new Span<byte>(&value, sizeof(ulong)));
        return value;
    }

    /// <summary>The guest's time-stamp counter.</summary>
    public static ulong TimeStamp(CpuState* cpu) =>
        cpu->System.IsMachine == 0 ? HostCode.TimeStamp() : MachineCpu.Of(cpu).Platform.TimeStamp + cpu->System.TscOffset;

    /// <summary>What TSC_AUX holds, which Linux makes the processor's number with its node in the upper bits.</summary>
    public static ulong ProcessorId(CpuState* cpu) => cpu->System.IsMachine != 0 ? cpu->System.TscAux : (uint)Thread.GetCurrentProcessorId() & 0xfff;

    public static bool IsNonCanonical(ulong address) => (long)address >> 47 is not (0 or -1);

    /// <summary>Selectors Linux gives user code: null, user data, user code (32 and 64 bit).</summary>
    public static bool IsBadUserSelector(uint selector) => selector is not (0 or 1 or 2 or 3 or 0x23 or 0x2b or 0x33);

    public static void Fence() => Interlocked.MemoryBarrier();

    // Compiled code leaves the next two to tier 0: RyuJIT, which does not know of MXCSR, would move arithmetic across them.
    [TouchesRegisters]
    public static uint ReadMxcsr(CpuState* cpu) => FloatExceptions.Read(cpu);

    /// <summary>The value has no reserved bits set.</summary>
    [TouchesRegisters]
    public static void WriteMxcsr(CpuState* cpu, uint value) => FloatExceptions.Write(cpu, value);
}
