using System.Runtime.CompilerServices;
using System.Security.Cryptography;
using Jitvmm.Runtime.Cpu;
using Jitvmm.Runtime.Host;

namespace Jitvmm.Runtime.Semantics;

/// <summary>System instructions a process guest may execute.</summary>
public static unsafe class SystemSemantics
{
    [TouchesRegisters]
    public static void Cpuid(CpuState* cpu)
    {
        CpuidLeaf leaf = CpuModel.Query((uint)cpu->Gpr[0], (uint)cpu->Gpr[1]);
        cpu->Gpr[0] = leaf.Eax;
        cpu->Gpr[3] = leaf.Ebx;
        cpu->Gpr[1] = leaf.Ecx;
        cpu->Gpr[2] = leaf.Edx;
    }

    [TouchesRegisters]
    public static void ReadTimeStamp(CpuState* cpu)
    {
        ulong now = HostCode.TimeStamp();
        cpu->Gpr[0] = (uint)now;
        cpu->Gpr[2] = now >> 32;
    }

    [TouchesRegisters]
    public static void ReadTimeStampAndProcessor(CpuState* cpu)
    {
        ReadTimeStamp(cpu);
        cpu->Gpr[1] = ProcessorId();
    }

    /// <summary>What Linux keeps in TSC_AUX: the processor's number, its node in the upper bits (always 0 here).</summary>
    public static ulong ProcessorId() => (uint)Thread.GetCurrentProcessorId() & 0xfff;

    [TouchesRegisters]
    public static void ReadExtendedControl(CpuState* cpu)
    {
        uint index = (uint)cpu->Gpr[1];
        if (index > 1)
        {
            Memory.GuestAccess.Raise(Execution.ExceptionVector.GeneralProtection);
        }

        cpu->Gpr[0] = CpuModel.XCr0;
        cpu->Gpr[2] = 0;
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    public static ulong Random()
    {
        ulong value;
        RandomNumberGenerator.Fill(new Span<byte>(&value, sizeof(ulong)));
        return value;
    }

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
