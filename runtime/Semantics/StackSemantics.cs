using System.Runtime.CompilerServices;
using Jitvmm.Runtime.Cpu;
using Jitvmm.Runtime.Memory;

namespace Jitvmm.Runtime.Semantics;

/// <summary>ENTER: the one stack instruction with a loop in it.</summary>
public static unsafe class StackSemantics
{
    private const int Rsp = 4;
    private const int Rbp = 5;

    /// <summary>Makes a stack frame (SDM vol. 2A, ENTER). RSP and RBP change last, so that a fault leaves the instruction to be repeated.</summary>
    /// <param name="cpu">The CPU.</param>
    /// <param name="operands">Bytes to allocate in the low 16 bits, nesting level above.</param>
    /// <param name="size">Bytes per stack slot: 2 or 8.</param>
    [TouchesRegisters]
    public static void Enter(CpuState* cpu, ulong operands, int size)
    {
        ulong slot = (ulong)size;
        ulong level = (operands >> 16) & 31;
        ulong stack = cpu->Gpr[Rsp] - slot;
        ulong source = cpu->Gpr[Rbp];
        ulong frame = stack;
        Store(cpu, stack, source, size);
        for (ulong i = 1; i < level; i++)
        {
            source -= slot;
            stack -= slot;
            Store(cpu, stack, Load(cpu, source, size), size);
        }

        if (level > 0)
        {
            stack -= slot;
            Store(cpu, stack, frame, size);
        }

        // The new top of the stack is probed for writing.
        stack -= operands & 0xffff;
        GuestAccess.Pointer(cpu, stack, slot, true);
        cpu->Gpr[Rsp] = stack;
        cpu->Gpr[Rbp] = size == 2 ? (cpu->Gpr[Rbp] & ~0xfffful) | (frame & 0xffff) : frame;
    }

    private static void Store(CpuState* cpu, ulong address, ulong value, int size) => GuestAccess.Write(cpu, address, size, value);

    private static ulong Load(CpuState* cpu, ulong address, int size) => GuestAccess.Read(cpu, address, size);
}
