using Iced.Intel;

namespace Jitvmm.Tests.Differential;

/// <summary>
/// Which bytes of a stored FPU environment or state image are comparable. The last instruction's address, operand
/// address and opcode are not: CPUs differ in when they record them (APM vol. 2, 11.4.4; SDM vol. 1, 8.1.8).
/// </summary>
public sealed unsafe class StoredImage
{
    private readonly bool[] _ignored;

    private StoredImage(params (int Offset, int Length)[] ignored)
    {
        _ignored = new bool[1024];
        foreach ((int offset, int length) in ignored)
        {
            Array.Fill(_ignored, true, offset, length);
        }
    }

    private static readonly StoredImage s_fxsave = new((5, 19), (28, 4), (416, 96));
    private static readonly StoredImage s_xsave = new((5, 19), (28, 4), (416, 96));
    private static readonly StoredImage s_environment = new((2, 2), (6, 2), (10, 18));
    private static readonly StoredImage s_environment16 = new((6, 8));

    public static StoredImage? For(in Instruction instruction) => instruction.Code switch
    {
        Code.Fxsave_m512byte or Code.Fxsave64_m512byte => s_fxsave,
        Code.Xsave_mem or Code.Xsave64_mem or Code.Xsaveopt_mem or Code.Xsaveopt64_mem or Code.Xsavec_mem or Code.Xsavec64_mem => s_xsave,
        Code.Fnstenv_m28byte or Code.Fnsave_m108byte => s_environment,
        Code.Fnstenv_m14byte or Code.Fnsave_m94byte => s_environment16,
        _ => null,
    };

    /// <summary>Compares whole memories, ignoring what is undefined in the image at the instruction's operand.</summary>
    public bool Same(TestProgram program, CaseInput* input, CaseOutput* expected, CaseOutput* actual)
    {
        byte* left = stackalloc byte[TestLayout.DataSize];
        byte* right = stackalloc byte[TestLayout.DataSize];
        TestMemory.Fill(left, program.MemorySeed);
        TestMemory.Patch(left, input);
        Buffer.MemoryCopy(left, right, TestLayout.DataSize, TestLayout.DataSize);
        Overlay(left, expected);
        Overlay(right, actual);
        ulong start = OperandAddress(program.Instructions[^1], input) - TestLayout.DataBase;
        for (int i = 0; i < TestLayout.DataSize; i++)
        {
            ulong offset = (ulong)i - start;
            if (left[i] != right[i] && !(offset < (ulong)_ignored.Length && _ignored[offset]))
            {
                return false;
            }
        }

        return true;
    }

    private static ulong OperandAddress(in Instruction instruction, CaseInput* input)
    {
        MachineState* state = &input->State;
        bool known = instruction.TryGetVirtualAddress(0, 0, out ulong address, (Register register, int _, int _, out ulong value) =>
        {
            value = register switch
            {
                Register.FS => state->FsBase,
                Register.GS => state->GsBase,
                >= Register.ES and <= Register.DS => 0,
                _ => state->Gpr[register.GetNumber()] & (register.IsGPR32() ? uint.MaxValue : ulong.MaxValue),
            };
            return true;
        });
        return known ? address : 0;
    }

    private static void Overlay(byte* memory, CaseOutput* output)
    {
        int kept = (int)Math.Min(output->LineCount, TestLayout.MaxLines);
        for (int i = 0; i < kept; i++)
        {
            Buffer.MemoryCopy(output->Line + TestLayout.LineSize * i, memory + output->LineOffset[i], TestLayout.LineSize, TestLayout.LineSize);
        }
    }
}
