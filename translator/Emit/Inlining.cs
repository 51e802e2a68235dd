using Jitvmm.Runtime.Cpu;
using Jitvmm.Translator.Ir;
using Jitvmm.Translator.Passes;

namespace Jitvmm.Translator.Emit;

/// <summary>
/// Decides which values are evaluated where they are used instead of being kept in a local: constants, pure
/// operations with one user, and reads of registers that are not written in between. Fewer locals keep RyuJIT
/// inside its limits.
/// </summary>
public static class Inlining
{
    private const int Places = CpuState.Size;

    /// <summary>Plans one block.</summary>
    /// <param name="code">Its operations.</param>
    /// <param name="used">Their uses.</param>
    /// <param name="kept">Values that are wanted in a local; empty for none.</param>
    public static bool[] Plan(ReadOnlySpan<IrInstruction> code, ReadOnlySpan<int> used, ReadOnlySpan<bool> kept = default)
    {
        bool[] inlined = new bool[code.Length];
        int[] evaluatedAt = new int[code.Length];
        int[] nextWrite = new int[Places];
        Array.Fill(nextWrite, int.MaxValue);
        int nextImpureCall = int.MaxValue;
        Array.Fill(evaluatedAt, -1);

        // A select evaluates its last operand twice; a chain of them would double with each link.
        bool[] twice = new bool[code.Length];
        for (int i = code.Length - 1; i >= 0; i--)
        {
            if (used[i] == 0)
            {
                continue;
            }

            ref readonly IrInstruction op = ref code[i];
            int lastUse = evaluatedAt[i];
            switch (op.Opcode)
            {
                case IrOpcode.Constant or IrOpcode.Cpu:
                    inlined[i] = true;
                    break;
                case IrOpcode.Get:
                    int limit = Math.Min(nextWrite[PlaceOf(op.State.Offset)], GuestRegisters.IndexOf(op.State.Offset) < 0 ? nextImpureCall : int.MaxValue);
                    inlined[i] = lastUse <= limit;
                    break;
                case IrOpcode.Set:
                    nextWrite[PlaceOf(op.State.Offset)] = i;
                    break;
                case IrOpcode.Select:
                    twice[op.C] = true;
                    inlined[i] = used[i] == 1 && !twice[i];
                    break;
                case IrOpcode.Call when DeadCode.HasEffect(op):
                    nextImpureCall = i;
                    break;
                default:
                    inlined[i] = used[i] == 1 && !twice[i] && !DeadCode.HasEffect(op) && (kept.IsEmpty || !kept[i]);
                    break;
            }

            int position = inlined[i] && op.Opcode != IrOpcode.Get ? Math.Max(lastUse, i) : i;
            Use(op, position, evaluatedAt);
        }

        return inlined;
    }

    private static void Use(in IrInstruction op, int position, int[] evaluatedAt)
    {
        (int operands, _) = DeadCode.OperandCount(op.Opcode);
        if (operands > 0)
        {
            evaluatedAt[op.A] = Math.Max(evaluatedAt[op.A], position);
        }

        if (operands > 1)
        {
            evaluatedAt[op.B] = Math.Max(evaluatedAt[op.B], position);
        }

        if (operands > 2)
        {
            evaluatedAt[op.C] = Math.Max(evaluatedAt[op.C], position);
        }

        foreach (int argument in op.Arguments ?? [])
        {
            evaluatedAt[argument] = Math.Max(evaluatedAt[argument], position);
        }
    }

    /// <summary>Accesses to different parts of one register share a place.</summary>
    private static int PlaceOf(int offset)
    {
        int index = GuestRegisters.IndexOf(offset);
        return index >= 0 ? index : offset; // offsets below the register count are general registers themselves
    }
}
