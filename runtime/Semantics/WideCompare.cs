using System.Runtime.CompilerServices;
using Jitvmm.Runtime.Cpu;
using Jitvmm.Runtime.Host;

namespace Jitvmm.Runtime.Semantics;

/// <summary>CMPXCHG8B and CMPXCHG16B: RDX:RAX compared, RCX:RBX stored; RDX:RAX get what was there.</summary>
public static unsafe class WideCompare
{
    [TouchesRegisters]
    public static int Exchange8(CpuState* cpu, nint address)
    {
        ulong expected = (cpu->Gpr[2] << 32) | (uint)cpu->Gpr[0];
        ulong replacement = (cpu->Gpr[1] << 32) | (uint)cpu->Gpr[3];
        ulong old = Interlocked.CompareExchange(ref Unsafe.AsRef<ulong>((void*)address), replacement, expected);
        if (old == expected)
        {
            return 1;
        }

        cpu->Gpr[0] = (uint)old;
        cpu->Gpr[2] = old >> 32;
        return 0;
    }

    [TouchesRegisters]
    public static int Exchange16(CpuState* cpu, nint address)
    {
        ulong low = cpu->Gpr[0];
        ulong high = cpu->Gpr[2];
        bool equal = HostCode.CompareExchange16((ulong*)address, &low, &high, cpu->Gpr[3], cpu->Gpr[1]);
        cpu->Gpr[0] = low;
        cpu->Gpr[2] = high;
        return equal ? 1 : 0;
    }
}
