using System.Numerics;
using Jitvmm.Runtime.Cpu;
using Jitvmm.Translator.Ir;

namespace Jitvmm.Translator.Passes;

/// <summary>
/// The most each integer value of a block can be, unsigned. An index that was a byte reaches 256 places of a table, so that the table's pages stand for it.
/// </summary>
public sealed class ValueBounds
{
    private const int RegisterCount = 16;

    private readonly ulong[] _most;

    public ValueBounds(ReadOnlySpan<IrInstruction> code)
    {
        _most = new ulong[code.Length];
        Span<ulong> registers = stackalloc ulong[RegisterCount];
        registers.Fill(ulong.MaxValue);
        for (int i = 0; i < code.Length; i++)
        {
            ref readonly IrInstruction op = ref code[i];
            int place = op.State.Offset - CpuState.GprOffset;
            bool isRegister = op.Opcode is IrOpcode.Get or IrOpcode.Set && place is >= 0 and < 8 * RegisterCount;
            _most[i] = Math.Min(isRegister && op.Opcode == IrOpcode.Get ? Read(registers[place / 8], place % 8, op.Width) : Of(op, code), OfType(op.Type));
            if (isRegister && op.Opcode == IrOpcode.Set)
            {
                registers[place / 8] = op.Width == 64 ? _most[op.A] : AllOnes(registers[place / 8]) | (OfWidth(op.Width) << (8 * (place % 8)));
            }
        }
    }

    /// <summary>The most the value of an operation can be.</summary>
    public ulong Most(int index) => _most[index];

    private static ulong Read(ulong most, int offset, int width) => offset == 0 ? Math.Min(most, OfWidth(width)) : OfWidth(width);

    private static ulong OfWidth(int width) => width >= 64 ? ulong.MaxValue : (1ul << width) - 1;

    private static ulong OfType(IrType type) => type == IrType.I32 ? uint.MaxValue : ulong.MaxValue;

    /// <summary>The most that a combination of bits can be of values up to this.</summary>
    private static ulong AllOnes(ulong most) => most == 0 ? 0 : ulong.MaxValue >> BitOperations.LeadingZeroCount(most);

    private ulong Of(in IrInstruction op, ReadOnlySpan<IrInstruction> code)
    {
        // An I32 that wraps has any value.
        ulong limit = OfType(op.Type);
        switch (op.Opcode)
        {
            case IrOpcode.Constant:
                return op.Type == IrType.I32 ? (uint)op.Immediate : (ulong)op.Immediate;
            case IrOpcode.Get:
            case IrOpcode.Load:
                return OfWidth(op.Width);
            case IrOpcode.Add:
                return NoMore((UInt128)_most[op.A] + _most[op.B], limit);
            case IrOpcode.Mul:
                return NoMore((UInt128)_most[op.A] * _most[op.B], limit);
            case IrOpcode.And:
                return Math.Min(_most[op.A], _most[op.B]);
            case IrOpcode.Or:
            case IrOpcode.Xor:
                return AllOnes(_most[op.A] | _most[op.B]);
            case IrOpcode.ShiftLeft when code[op.B].Opcode == IrOpcode.Constant && code[op.B].Immediate is >= 0 and < 32:
                return NoMore((UInt128)_most[op.A] << (int)code[op.B].Immediate, limit);
            case IrOpcode.ShiftRight when code[op.B].Opcode == IrOpcode.Constant && code[op.B].Immediate is >= 0 and < 32:
                return _most[op.A] >> (int)code[op.B].Immediate;
            case IrOpcode.Truncate:
                return _most[op.A] <= uint.MaxValue ? _most[op.A] : limit;
            case IrOpcode.ZeroExtend:
                return _most[op.A];
            case IrOpcode.Select:
                return Math.Max(_most[op.B], _most[op.C]);
            case IrOpcode.Equal:
            case IrOpcode.NotEqual:
            case IrOpcode.LessUnsigned:
            case IrOpcode.LessSigned:
            case IrOpcode.LessEqualUnsigned:
            case IrOpcode.LessEqualSigned:
                return 1;
            default:
                return limit;
        }
    }

    private static ulong NoMore(UInt128 most, ulong limit) => most <= limit ? (ulong)most : limit;
}
