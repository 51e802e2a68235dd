using Jitvmm.Runtime.Cpu;
using Jitvmm.Runtime.Semantics;

namespace Jitvmm.Runtime.Callouts;

/// <summary>PUSHA, POPA and ENTER of 16- and 32-bit code, on the stack that SS describes.</summary>
public static unsafe class LegacyStack
{
    private const int Rsp = 4;
    private const int Rbp = 5;

    /// <summary>PUSHA and PUSHAD: RSP is pushed as it was before.</summary>
    [TouchesRegisters]
    public static void PushAll(CpuState* cpu, int bytes)
    {
        StackCursor stack = StackCursor.Current(cpu);
        for (int register = 0; register < 8; register++)
        {
            stack.Push(cpu->Gpr[register], bytes);
        }

        stack.Commit();
    }

    /// <summary>POPA and POPAD: the image of RSP is skipped.</summary>
    [TouchesRegisters]
    public static void PopAll(CpuState* cpu, int bytes)
    {
        StackCursor stack = StackCursor.Current(cpu);
        ulong* values = stackalloc ulong[8];
        for (int register = 7; register >= 0; register--)
        {
            values[register] = stack.Pop(bytes);
        }

        for (int register = 0; register < 8; register++)
        {
            if (register != Rsp)
            {
                WriteRegister(cpu, register, values[register], bytes);
            }
        }

        stack.Commit();
    }

    /// <summary>ENTER (SDM vol. 2A): bytes to allocate in the low 16 bits of <paramref name="operands"/>, nesting level above.</summary>
    [TouchesRegisters]
    public static void Enter(CpuState* cpu, ulong operands, int bytes)
    {
        StackCursor stack = StackCursor.Current(cpu);
        uint level = (uint)(operands >> 16) & 31;
        stack.Push(cpu->Gpr[Rbp], bytes);

        // All of ESP, even where a 16-bit stack uses half of it.
        ulong frame = (cpu->Gpr[Rsp] & ~stack.Mask) | stack.Pointer;
        for (uint nested = 1; nested < level; nested++)
        {
            stack.Push(stack.ReadAt(cpu->Gpr[Rbp] - (nested * (uint)bytes), bytes), bytes);
        }

        if (level > 0)
        {
            stack.Push(frame, bytes);
        }

        stack.Skip(0u - ((uint)operands & 0xffff));
        stack.CheckWritable(bytes);
        stack.Commit();
        WriteRegister(cpu, Rbp, frame, bytes);
    }

    private static void WriteRegister(CpuState* cpu, int register, ulong value, int bytes) =>
        cpu->Gpr[register] = bytes == 2 ? (cpu->Gpr[register] & ~0xfffful) | (value & 0xffff) : (uint)value;
}
