using System.Reflection;
using Jitvmm.Translator.Ir;
using Jitvmm.Translator.Regions;

namespace Jitvmm.Translator.Passes;

/// <summary>
/// Checks what every pass relies on and must leave behind: operands come before their users and have the types that these take, nothing follows the end of a block, and what is kept keeps what it uses.
/// </summary>
/// <remarks>Debug builds look at each region behind each pass; so does what makes a region again to show or to verify it (<c>--dump-ir</c>, <c>jitvmm cache verify</c>).</remarks>
public static class IrVerifier
{
    /// <summary>What is wrong with the blocks of a region, and where; null when nothing is.</summary>
    public static string? FirstProblem(IReadOnlyList<RegionBlock> blocks)
    {
        foreach (RegionBlock block in blocks)
        {
            for (int i = 0; i < block.Code.Length; i++)
            {
                if (Problem(block, i) is { } problem)
                {
                    return $"operation {i} ({block.Code[i].Opcode}) of block {block.Address:x} {problem}";
                }
            }
        }

        return null;
    }

    private static string? Problem(RegionBlock block, int index)
    {
        ref readonly IrInstruction op = ref block.Code[index];
        (int operands, bool endsBlock) = DeadCode.OperandCount(op.Opcode);
        if (endsBlock && index != block.Code.Length - 1)
        {
            return "ends the block, and others follow";
        }

        if (op.Guest < 0 || op.Guest >= block.Instructions.Length || (index > 0 && op.Guest < block.Code[index - 1].Guest))
        {
            return $"belongs to instruction {op.Guest}";
        }

        ReadOnlySpan<int> plain = [op.A, op.B, op.C];
        ReadOnlySpan<int> uses = op.Arguments ?? plain[..operands];
        foreach (int use in uses)
        {
            if (use < 0 || use >= index)
            {
                return $"uses {use}, which is not before it";
            }

            if (block.Code[use].Type == IrType.None)
            {
                return $"uses {use}, which has no value";
            }
        }

        return TypeProblem(block.Code, op) ?? (block.Used.Length == 0 ? null : UseProblem(block, index, uses));
    }

    private static string? TypeProblem(IrInstruction[] code, IrInstruction op)
    {
        IrType a = TypeAt(code, op.A, DeadCode.OperandCount(op.Opcode).Operands > 0);
        IrType b = TypeAt(code, op.B, DeadCode.OperandCount(op.Opcode).Operands > 1);
        IrType c = TypeAt(code, op.C, DeadCode.OperandCount(op.Opcode).Operands > 2);
        bool isRight = op.Opcode switch
        {
            IrOpcode.Constant or IrOpcode.Field => op.Type is IrType.I32 or IrType.I64,
            IrOpcode.Cpu => op.Type == IrType.I64,
            IrOpcode.Get => op.Type == IrBuilder.TypeOf(op.Width),
            IrOpcode.Set => Holds(a, op.Width),
            IrOpcode.DeferFlags => a == IrType.I64 && b == IrType.I64 && c == IrType.I32,
            IrOpcode.Load => a == IrType.I64 && op.Type == IrBuilder.TypeOf(op.Width),
            IrOpcode.Store => a == IrType.I64 && Holds(b, op.Width),
            IrOpcode.Pointer => a == IrType.I64 && op.Type == IrType.I64 && op.Immediate > 0,
            IrOpcode.Add or IrOpcode.Sub or IrOpcode.Mul or IrOpcode.And or IrOpcode.Or or IrOpcode.Xor => a == b && a == op.Type && a is IrType.I32 or IrType.I64,
            IrOpcode.ShiftLeft or IrOpcode.ShiftRight or IrOpcode.ShiftRightSigned => a == op.Type && a is IrType.I32 or IrType.I64 && b == IrType.I32,
            IrOpcode.Negate or IrOpcode.Not => a == op.Type && a is IrType.I32 or IrType.I64,
            IrOpcode.Truncate => a == IrType.I64 && op.Type == IrType.I32,
            IrOpcode.ZeroExtend or IrOpcode.SignExtend => a == IrType.I32 && op.Type == IrType.I64,
            IrOpcode.SignExtendIn => a == IrType.I32 && op.Type == IrType.I32 && op.Width is > 0 and < 32,
            IrOpcode.Equal or IrOpcode.NotEqual or IrOpcode.LessUnsigned or IrOpcode.LessSigned or IrOpcode.LessEqualUnsigned or IrOpcode.LessEqualSigned => a == b && op.Type == IrType.I32,
            IrOpcode.Select => a == IrType.I32 && b == c && b == op.Type,
            IrOpcode.Call or IrOpcode.ExitCall => TakesArguments(code, op),
            IrOpcode.RaiseIf => a == IrType.I32,
            IrOpcode.Jump or IrOpcode.JumpIndirect or IrOpcode.Exit => a == IrType.I64,
            IrOpcode.Branch => a == IrType.I32 && b == IrType.I64 && c == IrType.I64,
            _ => throw new ArgumentOutOfRangeException(nameof(op)),
        };
        return isRight ? null
            : op.Opcode is IrOpcode.Call or IrOpcode.ExitCall ? $"gives ({string.Join(", ", (op.Arguments ?? []).Select(argument => code[argument].Type))}) to {op.Method}, for {op.Type}"
            : $"has operands of the wrong types ({a}, {b}, {c}) for {op.Type}, width {op.Width}";
    }

    private static IrType TypeAt(IrInstruction[] code, int index, bool isUsed) => isUsed ? code[index].Type : IrType.None;

    /// <summary>Whether a value has so many bits: an integer may have more than are written.</summary>
    private static bool Holds(IrType type, int width) => width switch
    {
        < 64 => type is IrType.I32 or IrType.I64,
        64 => type is IrType.I64 or IrType.V64,
        _ => type == IrBuilder.TypeOf(width),
    };

    private static bool TakesArguments(IrInstruction[] code, in IrInstruction op)
    {
        ParameterInfo[] parameters = op.Method?.GetParameters() ?? [];
        if (op.Method == null || op.Arguments?.Length != parameters.Length)
        {
            return false;
        }

        for (int i = 0; i < parameters.Length; i++)
        {
            if (code[op.Arguments[i]].Type != IrBuilder.TypeOf(parameters[i].ParameterType))
            {
                return false;
            }
        }

        return op.Opcode == IrOpcode.ExitCall || op.Type == IrBuilder.TypeOf(op.Method.ReturnType);
    }

    /// <summary>What is not dead needs what it uses.</summary>
    private static string? UseProblem(RegionBlock block, int index, ReadOnlySpan<int> uses)
    {
        ref readonly IrInstruction op = ref block.Code[index];
        if (block.Used[index] == 0)
        {
            bool mayGo = !DeadCode.HasEffect(op) || op.Opcode == IrOpcode.DeferFlags || DeadCode.FlagOf(op.State) != StatusFlags.None;
            return mayGo ? null : "has an effect and is dead";
        }

        foreach (int use in uses)
        {
            if (block.Used[use] == 0)
            {
                return $"is kept, and {use}, which it uses, is dead";
            }
        }

        return null;
    }
}
