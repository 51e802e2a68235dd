using Jitvmm.Runtime.Cpu;
using Jitvmm.Runtime.Semantics;

namespace Jitvmm.Translator.Ir;

/// <summary>The six status flags, as a set.</summary>
[Flags]
public enum StatusFlags : byte
{
    None = 0,
    Carry = 1,
    Parity = 2,
    Adjust = 4,
    Zero = 8,
    Sign = 16,
    Overflow = 32,
    All = 63,
}

/// <summary>Condition codes in encoding order (SDM vol. 1, appendix B); odd ones negate their predecessor.</summary>
public enum Condition
{
    Overflow,
    NotOverflow,
    Below,
    AboveOrEqual,
    Equal,
    NotEqual,
    BelowOrEqual,
    Above,
    Sign,
    NotSign,
    Parity,
    NotParity,
    Less,
    GreaterOrEqual,
    LessOrEqual,
    Greater,
}

public sealed partial class IrBuilder
{
    private enum FlagSource
    {
        Unknown,

        /// <summary>A − B.</summary>
        Subtract,

        /// <summary>A result with carry and overflow 0.</summary>
        Logic,

        /// <summary>Only zero and sign come from a known result.</summary>
        Result,
    }

    private readonly Value[] _flagValues = new Value[6];
    private FlagSource _flagSource;
    private Value _flagA;
    private Value _flagB;
    private int _flagWidth;

    /// <summary>State offset of a flag's variable, in the order of the bits of <see cref="StatusFlags"/>.</summary>
    public static int FlagOffset(int bit) => bit switch
    {
        0 => CpuState.FlagCOffset,
        1 => CpuState.FlagPOffset,
        2 => CpuState.FlagAOffset,
        3 => CpuState.FlagZOffset,
        4 => CpuState.FlagSOffset,
        _ => CpuState.FlagOOffset,
    };

    /// <summary>Must be called where control may arrive from elsewhere or flags changed behind the builder's back.</summary>
    public void ForgetFlags()
    {
        _flagSource = FlagSource.Unknown;
        Array.Fill(_flagValues, Value.None);
    }

    /// <summary>The variable of one flag (see <see cref="CpuState"/> for what each holds), I64.</summary>
    public Value FlagVariable(StatusFlags flag)
    {
        int bit = System.Numerics.BitOperations.TrailingZeroCount((int)flag);
        if (_flagValues[bit].IsNone)
        {
            _flagValues[bit] = Get(FlagOffset(bit), 64);
        }

        return _flagValues[bit];
    }

    public void SetFlagVariable(StatusFlags flag, Value value)
    {
        int bit = System.Numerics.BitOperations.TrailingZeroCount((int)flag);
        Value wide = ZeroExtend(value);
        _flagValues[bit] = wide;
        Set(FlagOffset(bit), 64, wide);
        _flagSource = FlagSource.Unknown;
    }

    /// <summary>Zero, sign and parity from a result of <paramref name="width"/> bits.</summary>
    public void SetResultFlags(Value result, int width)
    {
        Value wide = SignExtendFrom(result, width);
        SetFlagVariable(StatusFlags.Zero, wide);
        SetFlagVariable(StatusFlags.Sign, wide);
        SetFlagVariable(StatusFlags.Parity, wide);
        _flagSource = FlagSource.Result;
        _flagA = result;
        _flagWidth = width;
    }

    public void SetLogicFlags(Value result, int width)
    {
        Value zero = Constant(0);
        SetFlagVariable(StatusFlags.Carry, zero);
        SetFlagVariable(StatusFlags.Overflow, zero);
        SetFlagVariable(StatusFlags.Adjust, zero);
        SetResultFlags(result, width);
        Defer(FlagOperation.Logic, width, result, zero);
        _flagSource = FlagSource.Logic;
    }

    /// <summary>Flags of <paramref name="result"/> = a + b + carryIn, all of <paramref name="width"/> bits.</summary>
    public void SetAddFlags(Value a, Value b, Value result, int width, Value carryIn = default)
    {
        bool plain = carryIn == default;
        Value carry = plain
            ? LessUnsigned(result, a)
            : Select(carryIn, LessEqualUnsigned(result, a), LessUnsigned(result, a));
        SetFlagVariable(StatusFlags.Carry, carry);
        SetOverflowAdjust(And(Xor(a, result), Xor(b, result)), a, b, result, width);
        SetResultFlags(result, width);
        Defer(FlagOperation.Add, width, a, b, carryIn);
    }

    /// <summary>Flags of <paramref name="result"/> = a − b − borrowIn.</summary>
    public void SetSubtractFlags(Value a, Value b, Value result, int width, Value borrowIn = default)
    {
        bool plain = borrowIn == default;
        Value borrow = plain
            ? LessUnsigned(a, b)
            : Select(borrowIn, LessEqualUnsigned(a, b), LessUnsigned(a, b));
        SetFlagVariable(StatusFlags.Carry, borrow);
        SetOverflowAdjust(And(Xor(a, b), Xor(a, result)), a, b, result, width);
        SetResultFlags(result, width);
        Defer(FlagOperation.Subtract, width, a, b, borrowIn);
        if (plain)
        {
            _flagSource = FlagSource.Subtract;
            _flagA = a;
            _flagB = b;
        }
    }

    /// <summary>INC (step = 1) and DEC: as ADD and SUB but carry stays.</summary>
    public void SetStepFlags(Value a, Value result, int width, bool increment)
    {
        Value limit = Constant(increment ? long.MinValue >> (64 - width) : long.MaxValue >> (64 - width), result.Type);
        Value edge = width < 32 ? Mask(limit, (1 << width) - 1) : limit;
        SetFlagVariable(StatusFlags.Overflow, Equal(result, edge));
        Value carry = FlagVariable(StatusFlags.Carry);
        SetFlagVariable(StatusFlags.Adjust, Xor(Xor(a, result), Constant(1, a.Type)));
        SetResultFlags(result, width);
        Defer(increment ? FlagOperation.Increment : FlagOperation.Decrement, width, result, carry);
    }

    /// <summary>Says where the flags come from that were set, all six of them, by the instruction that is lifted.</summary>
    /// <param name="operation">How.</param>
    /// <param name="width">Of its operands, in bits.</param>
    /// <param name="a">The first one.</param>
    /// <param name="b">The second one.</param>
    /// <param name="carryIn">I32, 0 or 1.</param>
    public void Defer(FlagOperation operation, int width, Value a, Value b, Value carryIn = default) => Append(new IrInstruction
    {
        Opcode = IrOpcode.DeferFlags,
        A = ZeroExtend(a).Id,
        B = ZeroExtend(b).Id,
        C = (carryIn == default ? Constant32(0) : carryIn).Id,
        Immediate = DeferredFlags.CodeOf(operation, width),
    });

    /// <summary>Sets each flag to <paramref name="update"/>'s variable only where <paramref name="changed"/> is not 0.</summary>
    public void SetFlagVariableIf(Value changed, StatusFlags flag, Value update)
    {
        if (IsConstant(changed, out long known) && known == 0)
        {
            // Writing the old value would seem to end an earlier write's life.
            return;
        }

        SetFlagVariable(flag, Select(changed, ZeroExtend(update), FlagVariable(flag)));
    }

    /// <summary>Whether a condition holds: I32 0 or 1.</summary>
    public Value Test(Condition condition)
    {
        Value positive = Known((Condition)((int)condition & ~1));
        return ((int)condition & 1) != 0 ? Equal(positive, Constant32(0)) : positive;
    }

    private void SetOverflowAdjust(Value overflowVector, Value a, Value b, Value result, int width)
    {
        Value top = ShiftRight(overflowVector, width - 1);
        SetFlagVariable(StatusFlags.Overflow, Mask(top, 1));
        SetFlagVariable(StatusFlags.Adjust, Xor(Xor(a, b), result));
    }

    private Value Known(Condition condition)
    {
        if (_flagSource == FlagSource.Subtract)
        {
            switch (condition)
            {
                case Condition.Below: return LessUnsigned(_flagA, _flagB);
                case Condition.Equal: return Equal(_flagA, _flagB);
                case Condition.BelowOrEqual: return LessEqualUnsigned(_flagA, _flagB);
                case Condition.Less: return LessSigned(Signed(_flagA), Signed(_flagB));
                case Condition.LessOrEqual: return LessEqualSigned(Signed(_flagA), Signed(_flagB));
            }
        }
        else if (_flagSource == FlagSource.Logic)
        {
            switch (condition)
            {
                case Condition.Overflow or Condition.Below: return Constant32(0);
                case Condition.Equal or Condition.BelowOrEqual: return IsZero(_flagA);
                case Condition.Sign or Condition.Less: return LessSigned(Signed(_flagA), Constant(0, _flagA.Type));
                case Condition.LessOrEqual: return LessEqualSigned(Signed(_flagA), Constant(0, _flagA.Type));
            }
        }
        else if (_flagSource == FlagSource.Result)
        {
            switch (condition)
            {
                case Condition.Equal: return IsZero(_flagA);
                case Condition.Sign: return LessSigned(Signed(_flagA), Constant(0, _flagA.Type));
            }
        }

        return FromVariables(condition);
    }

    private Value Signed(Value value) => SignExtendIn(value, _flagWidth);

    private Value FromVariables(Condition condition)
    {
        switch (condition)
        {
            case Condition.Overflow:
                return Truncate(FlagVariable(StatusFlags.Overflow));
            case Condition.Below:
                return Truncate(FlagVariable(StatusFlags.Carry));
            case Condition.Equal:
                return IsZero(FlagVariable(StatusFlags.Zero));
            case Condition.BelowOrEqual:
                return Or(Truncate(FlagVariable(StatusFlags.Carry)), IsZero(FlagVariable(StatusFlags.Zero)));
            case Condition.Sign:
                return Truncate(ShiftRight(FlagVariable(StatusFlags.Sign), 63));
            case Condition.Parity:
                return Call(FlagSemantics.ParityMethod, FlagVariable(StatusFlags.Parity));
            case Condition.Less:
                return Xor(Truncate(ShiftRight(FlagVariable(StatusFlags.Sign), 63)), Truncate(FlagVariable(StatusFlags.Overflow)));
            default:
                return Or(FromVariables(Condition.Less), IsZero(FlagVariable(StatusFlags.Zero)));
        }
    }
}
