using System.Globalization;
using System.Text;
using Jitvmm.Runtime.Cpu;
using Jitvmm.Runtime.Execution;
using Jitvmm.Translator.Emit;
using Jitvmm.Translator.Ir;

namespace Jitvmm.Inspector.Translation;

/// <summary>IR as text: <c>%4 = Add.I64 %1, %3</c>.</summary>
internal static class IrText
{
    /// <summary>One operation.</summary>
    public static string Of(in IrInstruction op, int index)
    {
        var text = new StringBuilder();
        if (op.Type != IrType.None)
        {
            _ = text.Append(CultureInfo.InvariantCulture, $"%{index} = ");
        }

        _ = text.Append(op.Opcode).Append(op.Type != IrType.None ? $".{op.Type}" : op.Width != 0 ? string.Create(CultureInfo.InvariantCulture, $".{op.Width}") : "");
        foreach (string operand in Operands(op))
        {
            _ = text.Append(' ').Append(operand).Append(',');
        }

        return text.ToString().TrimEnd(',');
    }

    /// <summary>The register or field of the CPU state at an offset.</summary>
    public static string PlaceOf(int offset)
    {
        int index = GuestRegisters.IndexOf(offset);
        if (index < 0)
        {
            return string.Create(CultureInfo.InvariantCulture, $"state+{offset}");
        }

        string name = GuestRegisters.NameOf(index);
        int part = offset >= CpuState.VectorOffset ? (offset - CpuState.VectorOffset) % 32 : offset % 8;
        return part == 0 ? name : string.Create(CultureInfo.InvariantCulture, $"{name}:{part}");
    }

    private static IEnumerable<string> Operands(IrInstruction op)
    {
        if (op.Opcode is IrOpcode.Get or IrOpcode.Set)
        {
            yield return PlaceOf(op.State.Offset);
        }

        if (op.Method is { } method)
        {
            yield return method.Name;
        }

        int[] values = op.Opcode switch
        {
            IrOpcode.Constant or IrOpcode.Field or IrOpcode.Get or IrOpcode.Cpu => [],
            IrOpcode.Call or IrOpcode.ExitCall => op.Arguments ?? [],
            IrOpcode.Set or IrOpcode.Load or IrOpcode.Pointer or IrOpcode.Negate or IrOpcode.Not or IrOpcode.Truncate or IrOpcode.ZeroExtend or IrOpcode.SignExtend
                or IrOpcode.SignExtendIn or IrOpcode.RaiseIf or IrOpcode.Jump or IrOpcode.JumpIndirect or IrOpcode.Exit => [op.A],
            IrOpcode.Select or IrOpcode.DeferFlags or IrOpcode.Branch => [op.A, op.B, op.C],
            IrOpcode.Store or IrOpcode.Add or IrOpcode.Sub or IrOpcode.Mul or IrOpcode.And or IrOpcode.Or or IrOpcode.Xor or IrOpcode.ShiftLeft or IrOpcode.ShiftRight
                or IrOpcode.ShiftRightSigned or IrOpcode.Equal or IrOpcode.NotEqual or IrOpcode.LessUnsigned or IrOpcode.LessSigned or IrOpcode.LessEqualUnsigned
                or IrOpcode.LessEqualSigned => [op.A, op.B],
            _ => throw new ArgumentOutOfRangeException(nameof(op)),
        };
        foreach (int value in values)
        {
            yield return string.Create(CultureInfo.InvariantCulture, $"%{value}");
        }

        if (op.Opcode == IrOpcode.Constant)
        {
            yield return op.Immediate is > -1024 and < 1024 ? op.Immediate.ToString(CultureInfo.InvariantCulture) : $"0x{op.Immediate:x}";
        }
        else if (op.Opcode == IrOpcode.RaiseIf)
        {
            yield return ((ExceptionVector)op.Immediate).ToString();
        }
        else if (op.Opcode == IrOpcode.JumpIndirect)
        {
            yield return ((IndirectKind)op.Immediate).ToString();
        }
        else if (op.Opcode == IrOpcode.Exit)
        {
            yield return ((BlockExit)op.Immediate).ToString();
        }
    }
}
