using Jitvmm.Runtime.Cpu;
using Jitvmm.Runtime.Semantics;
using Jitvmm.Translator.Ir;

namespace Jitvmm.Translator.Passes;

/// <summary>
/// Finds what nobody reads: writes of status flags that are written again before they are read, and pure
/// operations without a user. One backward walk over straight-line code.
/// </summary>
/// <remarks>
/// Flags that are dead at a faulting instruction are not kept for the fault either: the interrupted path itself
/// overwrites them before reading, so only a debugger could tell.
/// </remarks>
public static class DeadCode
{
    /// <summary>Marks the operations to keep in <paramref name="used"/> with their number of uses (at least 1 for effects).</summary>
    /// <returns>The flags needed on entry.</returns>
    /// <param name="code">One block.</param>
    /// <param name="behind">Flags needed after it.</param>
    /// <param name="used">Receives the uses.</param>
    /// <param name="flagReads">
    /// Flags each guest instruction reads, when operations may leave the block for tier 0: the rest of the block
    /// then runs there and finds flags in the state, even those whose value the IR passes on directly.
    /// </param>
    public static FlagDemand Mark(ReadOnlySpan<IrInstruction> code, FlagDemand behind, Span<int> used, ReadOnlySpan<StatusFlags> flagReads = default)
    {
        used[..code.Length].Clear();
        FlagDemand demand = behind;
        StatusFlags readLater = StatusFlags.None;
        int guest = code.IsEmpty ? 0 : code[^1].Guest;
        for (int i = code.Length - 1; i >= 0; i--)
        {
            ref readonly IrInstruction op = ref code[i];
            if (op.Opcode == IrOpcode.ExitCall)
            {
                demand = flagReads.IsEmpty ? new FlagDemand(StatusFlags.All, StatusFlags.None) : FlagDemand.Exit;
            }

            if (!flagReads.IsEmpty)
            {
                for (; guest > op.Guest; guest--)
                {
                    readLater |= flagReads[guest];
                }

                if (MayLeave(op))
                {
                    demand = demand.AtExit(readLater | flagReads[guest]);
                }
            }

            StatusFlags flag = FlagOf(op.State);
            if (op.Opcode == IrOpcode.Set && flag != StatusFlags.None)
            {
                readLater &= ~flag;
                if ((demand.All & flag) == 0)
                {
                    continue;
                }

                demand = demand.BeforeWrite(flag);
                used[i] = 1;
            }
            else if (op.Opcode == IrOpcode.DeferFlags)
            {
                if ((demand.Exits & ~demand.Variables) == 0)
                {
                    continue;
                }

                // What INC and DEC keep is passed on directly, but on a way out before them it is tier 0 that keeps it.
                readLater |= demand.Exits & KeptBy(op);
                demand = demand with { Exits = StatusFlags.None };
                used[i] = 1;
            }
            else if (HasEffect(op))
            {
                used[i] = Math.Max(1, used[i]);
            }

            if (used[i] == 0)
            {
                continue;
            }

            if (op.Opcode == IrOpcode.Get)
            {
                demand = demand with { Variables = demand.Variables | flag };
            }

            CountUses(op, used);
        }

        return demand;
    }

    private static StatusFlags KeptBy(in IrInstruction op) =>
        (FlagOperation)(op.Immediate >> 3) is FlagOperation.Increment or FlagOperation.Decrement ? StatusFlags.Carry : StatusFlags.None;

    /// <summary>Whether compiled code may leave for tier 0 at an operation.</summary>
    private static bool MayLeave(in IrInstruction op) => op.Opcode switch
    {
        IrOpcode.Load or IrOpcode.Store or IrOpcode.Pointer or IrOpcode.RaiseIf or IrOpcode.Exit or IrOpcode.ExitCall => true,
        IrOpcode.Call => !IsPure(op) || NanFlow.IsOrdered(op),
        _ => false,
    };

    public static bool HasEffect(in IrInstruction op) => op.Opcode switch
    {
        IrOpcode.Set or IrOpcode.Store or IrOpcode.Load or IrOpcode.Pointer or IrOpcode.RaiseIf or IrOpcode.Jump or IrOpcode.Branch
            or IrOpcode.JumpIndirect or IrOpcode.Exit or IrOpcode.ExitCall or IrOpcode.DeferFlags => true,
        IrOpcode.Call => op.Type == IrType.None || !IsPure(op),
        _ => false,
    };

    /// <summary>A call without pointers among its parameters computes from its arguments only.</summary>
    public static bool IsPure(in IrInstruction op)
    {
        foreach (System.Reflection.ParameterInfo parameter in op.Method!.GetParameters())
        {
            if (parameter.ParameterType.IsPointer || parameter.ParameterType == typeof(nint))
            {
                return false;
            }
        }

        return true;
    }

    /// <summary>The flag a state place is the variable of, if any.</summary>
    public static StatusFlags FlagOf(StateRef state) => state.Offset switch
    {
        CpuState.FlagCOffset => StatusFlags.Carry,
        CpuState.FlagPOffset => StatusFlags.Parity,
        CpuState.FlagAOffset => StatusFlags.Adjust,
        CpuState.FlagZOffset => StatusFlags.Zero,
        CpuState.FlagSOffset => StatusFlags.Sign,
        CpuState.FlagOOffset => StatusFlags.Overflow,
        _ => StatusFlags.None,
    };

    private static void CountUses(in IrInstruction op, Span<int> used)
    {
        (int operands, _) = OperandCount(op.Opcode);
        if (operands > 0)
        {
            used[op.A]++;
        }

        if (operands > 1)
        {
            used[op.B]++;
        }

        if (operands > 2)
        {
            used[op.C]++;
        }

        if (op.Arguments is { } arguments)
        {
            foreach (int argument in arguments)
            {
                used[argument]++;
            }
        }
    }

    /// <summary>How many of A, B, C an operation uses, and whether it ends the block.</summary>
    public static (int Operands, bool EndsBlock) OperandCount(IrOpcode opcode) => opcode switch
    {
        IrOpcode.Constant or IrOpcode.Field or IrOpcode.Get or IrOpcode.Call or IrOpcode.Cpu => (0, false),
        IrOpcode.Set or IrOpcode.Load or IrOpcode.Pointer or IrOpcode.Negate or IrOpcode.Not or IrOpcode.Truncate or IrOpcode.ZeroExtend
            or IrOpcode.SignExtend or IrOpcode.SignExtendIn or IrOpcode.RaiseIf => (1, false),
        IrOpcode.Store or IrOpcode.Add or IrOpcode.Sub or IrOpcode.Mul or IrOpcode.And or IrOpcode.Or or IrOpcode.Xor or IrOpcode.ShiftLeft
            or IrOpcode.ShiftRight or IrOpcode.ShiftRightSigned or IrOpcode.Equal or IrOpcode.NotEqual or IrOpcode.LessUnsigned
            or IrOpcode.LessSigned or IrOpcode.LessEqualUnsigned or IrOpcode.LessEqualSigned => (2, false),
        IrOpcode.Select or IrOpcode.DeferFlags => (3, false),
        IrOpcode.ExitCall => (0, true),
        IrOpcode.Jump or IrOpcode.JumpIndirect or IrOpcode.Exit => (1, true),
        IrOpcode.Branch => (3, true),
        _ => throw new ArgumentOutOfRangeException(nameof(opcode)),
    };
}
