using Iced.Intel;

namespace Jitvmm.Translator.Lift;

/// <summary>
/// What an x87 instruction says beside its memory address, as one number that a tier-0 record holds as its immediate:
/// the 11-bit opcode that FNSTENV shows (bits 0 to 10), whose low three bits are i of a form with ST(i), and the
/// segment of the memory operand in encoding order (bits 16 to 18).
/// </summary>
internal static class X87Encoding
{
    public const int OpcodeMask = 0x7ff;
    public const int StackIndexMask = 7;
    public const int SegmentShift = 16;
    private const uint StackSegment = 2;
    private const uint DataSegment = 3;
    private const uint Fs = 4;
    private const uint Gs = 5;

    /// <summary>Whether the instruction is one of D8 to DF.</summary>
    public static bool Is(Code code) => code is >= Code.Fadd_m32fp and <= Code.Fcomip_st0_sti;

    public static uint Of(in Instruction instruction)
    {
        OpCodeInfo info = instruction.Code.ToOpCode();
        if (info.OpCount > 0 && instruction.Op0Kind == OpKind.Memory)
        {
            return ((info.OpCode & 7) << 8) | ModRM(instruction, (uint)info.GroupIndex) | (SegmentOf(instruction) << SegmentShift);
        }

        uint index = 0;
        for (int operand = 0; operand < info.OpCount; operand++)
        {
            if (info.GetOpKind(operand) == OpCodeOperandKind.sti_opcode)
            {
                index = (uint)(instruction.GetOpRegister(operand) - Register.ST0);
            }
        }

        return (info.OpCode & OpcodeMask) | index;
    }

    /// <summary>The ModRM byte of the shortest form of the operand: the decoder does not keep the original.</summary>
    private static uint ModRM(in Instruction instruction, uint extension)
    {
        uint middle = extension << 3;
        if (instruction.IsIPRelativeMemoryOperand)
        {
            return middle | 5;
        }

        const uint HasScaledIndex = 4;
        if (instruction.MemoryBase == Register.None)
        {
            return middle | HasScaledIndex;
        }

        uint mode = instruction.MemoryDisplSize switch { 0 => 0u, 1 => 1u, _ => 2u };
        uint baseNumber = (uint)instruction.MemoryBase.GetNumber() & 7;
        return (mode << 6) | middle | (instruction.MemoryIndex == Register.None ? baseNumber : HasScaledIndex);
    }

    /// <summary>In 64-bit mode prefixes of other segments than FS and GS have no effect.</summary>
    private static uint SegmentOf(in Instruction instruction) => instruction.MemorySegment switch
    {
        Register.FS => Fs,
        Register.GS => Gs,
        _ => instruction.MemoryBase is Register.RSP or Register.RBP or Register.ESP or Register.EBP ? StackSegment : DataSegment,
    };
}
