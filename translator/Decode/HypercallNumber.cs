using Iced.Intel;

namespace Jitvmm.Translator.Decode;

/// <summary>Finds the number of a hypercall where its block fixes it.</summary>
public static class HypercallNumber
{
    /// <summary>What a general register, by its number, holds before the instruction at an index, if an instruction before it says so and none between may change it.</summary>
    public static ulong? Before(ReadOnlySpan<Instruction> block, int index, int register)
    {
        Register whole = Register.RAX + register;
        var factory = new InstructionInfoFactory();
        for (int i = index - 1; i >= 0; i--)
        {
            ref readonly Instruction instruction = ref block[i];
            if (instruction.Op0Kind == OpKind.Register && instruction.Op0Register.GetFullRegister() == whole && ConstantOf(instruction) is { } constant)
            {
                return constant;
            }

            foreach (UsedRegister used in factory.GetInfo(instruction).GetUsedRegisters())
            {
                bool isWritten = used.Access is OpAccess.Write or OpAccess.ReadWrite or OpAccess.CondWrite or OpAccess.ReadCondWrite;
                if (isWritten && used.Register.GetFullRegister() == whole)
                {
                    return null;
                }
            }
        }

        return null;
    }

    private static ulong? ConstantOf(in Instruction instruction) => instruction.Code switch
    {
        Code.Mov_r32_imm32 or Code.Mov_rm32_imm32 => instruction.Immediate32,
        Code.Mov_r64_imm64 => instruction.Immediate64,
        Code.Mov_rm64_imm32 => (ulong)instruction.Immediate32to64,
        Code.Xor_r32_rm32 or Code.Xor_rm32_r32 or Code.Xor_r64_rm64 or Code.Xor_rm64_r64 when instruction.Op1Kind == OpKind.Register && instruction.Op1Register == instruction.Op0Register => 0,
        _ => null,
    };
}
