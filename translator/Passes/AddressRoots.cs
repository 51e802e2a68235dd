using Jitvmm.Runtime.Cpu;
using Jitvmm.Translator.Ir;

namespace Jitvmm.Translator.Passes;

/// <summary>
/// Splits each 64-bit value of a block into a root and a constant distance from it. Registers are followed through writes, and what is computed again in the same way has the
/// same root, so that accesses around one stack or structure pointer or one element are seen to be near each other.
/// </summary>
public sealed class AddressRoots
{
    private const int RegisterCount = 16;

    /// <summary>Stands where a computation has a plain number instead of a second value.</summary>
    private const int NoRoot = int.MinValue;

    private readonly (int Root, long Distance)[] _places;
    private readonly Dictionary<Computation, int> _roots = [];

    public AddressRoots(ReadOnlySpan<IrInstruction> code)
    {
        _places = new (int, long)[code.Length];
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
            _places[i] = op.Opcode switch
            {
                IrOpcode.Get when op.Width == 64 && register >= 0 => registers[register],
                IrOpcode.Get when register >= 0 => Same(i, op, registers[register], default),
                IrOpcode.Add or IrOpcode.Sub when op.Type == IrType.I64 && code[op.B].Opcode == IrOpcode.Constant => Moved(_places[op.A], op.Opcode == IrOpcode.Add ? code[op.B].Immediate : -code[op.B].Immediate),
                IrOpcode.Add when op.Type == IrType.I64 => Sum(i, op),
                IrOpcode.ShiftLeft when op.Type == IrType.I64 && code[op.B].Opcode == IrOpcode.Constant => Shifted(i, op, (int)code[op.B].Immediate & 63),
                IrOpcode.Constant => Same(i, op, default, default),
                IrOpcode.And or IrOpcode.Or or IrOpcode.Xor or IrOpcode.Mul or IrOpcode.Add or IrOpcode.Sub or IrOpcode.ShiftLeft or IrOpcode.ShiftRight or IrOpcode.ShiftRightSigned =>
                    Same(i, op, _places[op.A], _places[op.B]),
                IrOpcode.Truncate or IrOpcode.ZeroExtend or IrOpcode.SignExtend or IrOpcode.SignExtendIn => Same(i, op, _places[op.A], default),
                _ => (i, 0),
            };
            if (op.Opcode == IrOpcode.Set && register >= 0)
            {
                registers[register] = op.Width == 64 ? _places[op.A] : (i, 0);
            }
        }
    }

    /// <summary>The value of an operation is that of its root plus a distance, modulo 2^64. A root's value is at most that of the operation it is numbered by, where that does not wrap.</summary>
    public (int Root, long Distance) Of(int index) => _places[index];

    /// <summary>Whether a root is what RSP held at the block's start.</summary>
    public static bool IsStackPointer(int root) => root == -5;

    /// <summary>Whether a root is what RSP or RBP held at the block's start.</summary>
    public static bool IsStack(int root) => root is -5 or -6;

    private static bool IsGeneral(int offset) => offset is >= CpuState.GprOffset and < CpuState.GprOffset + 8 * RegisterCount;

    private static (int, long) Moved((int Root, long Distance) place, long distance) => (place.Root, unchecked(place.Distance + distance));

    private (int, long) Sum(int index, in IrInstruction op)
    {
        (int Root, long Distance) a = _places[op.A], b = _places[op.B];
        (int first, int second) = a.Root <= b.Root ? (a.Root, b.Root) : (b.Root, a.Root);
        return Moved(Same(index, op, (first, 0), (second, 0)), unchecked(a.Distance + b.Distance));
    }

    private (int, long) Shifted(int index, in IrInstruction op, int count)
    {
        (int root, long distance) = _places[op.A];
        return Moved(Same(index, op, (root, 0), (NoRoot, count)), distance << count);
    }

    /// <summary>The root of a value that is computed from others: the first that was computed so.</summary>
    private (int Root, long Distance) Same(int index, in IrInstruction op, (int, long) a, (int, long) b)
    {
        Computation computation = new(op.Opcode, op.Type, op.Width, op.State.Offset, op.Immediate, a, b);
        if (!_roots.TryGetValue(computation, out int root))
        {
            _roots[computation] = root = index;
        }

        return (root, 0);
    }

    private readonly record struct Computation(IrOpcode Opcode, IrType Type, ushort Width, int State, long Immediate, (int, long) A, (int, long) B);
}
