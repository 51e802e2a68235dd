using Jitvmm.Runtime.Cpu;
using Jitvmm.Translator.Ir;

namespace Jitvmm.Translator.Passes;

/// <summary>
/// Splits each 64-bit value of a block into a root and a constant distance from it. Registers are followed through
/// writes, so that accesses around one stack or structure pointer are seen to share their root.
/// </summary>
public sealed class AddressRoots
{
    private const int RegisterCount = 16;

    private readonly int[] _root;
    private readonly long[] _distance;

    public AddressRoots(ReadOnlySpan<IrInstruction> code)
    {
        _root = new int[code.Length];
        _distance = new long[code.Length];
        Span<(int Root, long Distance)> registers = stackalloc (int, long)[RegisterCount];
        for (int i = 0; i < RegisterCount; i++)
        {
            // Roots are numbered like the operations they come from; what a register holds at first comes from none.
            registers[i] = (-1 - i, 0);
        }

        for (int i = 0; i < code.Length; i++)
        {
            ref readonly IrInstruction op = ref code[i];
            int register = IsGeneral(op.State.Offset) ? (op.State.Offset - CpuState.GprOffset) / 8 : -1;
            (_root[i], _distance[i]) = op.Opcode switch
            {
                IrOpcode.Get when op.Width == 64 && register >= 0 => registers[register],
                IrOpcode.Add when op.Type == IrType.I64 && code[op.B].Opcode == IrOpcode.Constant => (_root[op.A], _distance[op.A] + code[op.B].Immediate),
                IrOpcode.Sub when op.Type == IrType.I64 && code[op.B].Opcode == IrOpcode.Constant => (_root[op.A], _distance[op.A] - code[op.B].Immediate),
                _ => (i, 0),
            };
            if (op.Opcode == IrOpcode.Set && register >= 0)
            {
                registers[register] = op.Width == 64 ? (_root[op.A], _distance[op.A]) : (i, 0);
            }
        }
    }

    /// <summary>The value of an operation is that of its root plus a distance, modulo 2^64.</summary>
    public (int Root, long Distance) Of(int index) => (_root[index], _distance[index]);

    /// <summary>Whether a root is what RSP or RBP held at the block's start.</summary>
    public static bool IsStack(int root) => root is -5 or -6;

    private static bool IsGeneral(int offset) => offset is >= CpuState.GprOffset and < CpuState.GprOffset + 8 * RegisterCount;
}
