using Iced.Intel;
using Jitvmm.Runtime.Semantics;
using Jitvmm.Translator.Ir;

namespace Jitvmm.Translator.Lift;

/// <summary>ADD, ADC, SUB, SBB, CMP, NEG, INC, DEC, AND, OR, XOR, NOT, TEST, ADCX, ADOX.</summary>
public sealed partial class Lifter
{
    private bool TryArithmetic()
    {
        int width = _i.OpCount == 0 ? 0 : _o.Width(0);
        switch (_i.Mnemonic)
        {
            case Mnemonic.Add or Mnemonic.Adc:
                LiftAdd(width, _i.Mnemonic == Mnemonic.Adc);
                return true;
            case Mnemonic.Sub or Mnemonic.Sbb:
                LiftSubtract(width, _i.Mnemonic == Mnemonic.Sbb);
                return true;
            case Mnemonic.Cmp:
                Value left = _o.Read(0);
                Value right = _o.Read(1, width);
                _b.SetSubtractFlags(left, right, _b.Narrow(_b.Sub(left, right), width), width);
                return true;
            case Mnemonic.And or Mnemonic.Or or Mnemonic.Xor:
                LiftLogic(width);
                return true;
            case Mnemonic.Test:
                _b.SetLogicFlags(_b.And(_o.Read(0), _o.Read(1, width)), width);
                return true;
            case Mnemonic.Not:
                LiftNot(width);
                return true;
            case Mnemonic.Neg:
                LiftNegate(width);
                return true;
            case Mnemonic.Inc or Mnemonic.Dec:
                LiftStep(width, _i.Mnemonic == Mnemonic.Inc);
                return true;
            case Mnemonic.Adcx or Mnemonic.Adox:
                LiftAddOneFlag(_i.Mnemonic == Mnemonic.Adcx ? StatusFlags.Carry : StatusFlags.Overflow, width);
                return true;
            default:
                return false;
        }
    }

    private void LiftAdd(int width, bool withCarry)
    {
        Value carry = withCarry ? _b.Truncate(_b.FlagVariable(StatusFlags.Carry)) : default;
        Value b = _o.Read(1, width);
        Value addend = withCarry ? _b.Add(b, CarryAs(b, carry)) : b;
        Value a = ReadModify(nameof(Atomics.FetchAdd8), width, addend);
        Value result = _b.Narrow(_b.Add(a, addend), width);
        FinishModify(width, result);
        _b.SetAddFlags(a, b, result, width, carry);
    }

    private void LiftSubtract(int width, bool withBorrow)
    {
        Value borrow = withBorrow ? _b.Truncate(_b.FlagVariable(StatusFlags.Carry)) : default;
        Value b = _o.Read(1, width);
        Value subtrahend = withBorrow ? _b.Add(b, CarryAs(b, borrow)) : b;
        Value a = IsAtomic ? ReadModify(nameof(Atomics.FetchAdd8), width, _b.Negate(subtrahend)) : _o.Read(0);
        Value result = _b.Narrow(_b.Sub(a, subtrahend), width);
        FinishModify(width, result);
        _b.SetSubtractFlags(a, b, result, width, borrow);
    }

    private Value CarryAs(Value like, Value carry) => like.Type == IrType.I64 ? _b.ZeroExtend(carry) : carry;

    private void LiftLogic(int width)
    {
        Value b = _o.Read(1, width);
        string atomic = _i.Mnemonic switch
        {
            Mnemonic.And => nameof(Atomics.FetchAnd8),
            Mnemonic.Or => nameof(Atomics.FetchOr8),
            _ => nameof(Atomics.FetchXor8),
        };
        Value a = ReadModify(atomic, width, b);
        Value result = _i.Mnemonic switch
        {
            Mnemonic.And => _b.And(a, b),
            Mnemonic.Or => _b.Or(a, b),
            _ => _b.Xor(a, b),
        };
        FinishModify(width, result);
        _b.SetLogicFlags(result, width);
    }

    private void LiftNot(int width)
    {
        Value ones = _b.Constant(width == 32 ? -1 : width == 64 ? -1L : (1L << width) - 1, IrBuilder.TypeOf(width));
        Value a = ReadModify(nameof(Atomics.FetchXor8), width, ones);
        FinishModify(width, _b.Xor(a, ones));
    }

    private void LiftNegate(int width)
    {
        Value zero = _b.Constant(0, IrBuilder.TypeOf(width));
        Value a = IsAtomic ? _b.Call(Method(typeof(Atomics), $"FetchNegate{width}"), LockedPointer(width)) : _o.Read(0);
        Value result = _b.Narrow(_b.Negate(a), width);
        FinishModify(width, result);
        _b.SetSubtractFlags(zero, a, result, width);
    }

    private void LiftStep(int width, bool increment)
    {
        Value one = _b.Constant(1, IrBuilder.TypeOf(width));
        Value a = ReadModify(nameof(Atomics.FetchAdd8), width, increment ? one : _b.Constant(-1, one.Type));
        Value result = _b.Narrow(increment ? _b.Add(a, one) : _b.Sub(a, one), width);
        FinishModify(width, result);
        _b.SetStepFlags(a, result, width, increment);
    }

    private void LiftAddOneFlag(StatusFlags flag, int width)
    {
        Value carryIn = _b.Truncate(_b.FlagVariable(flag));
        Value a = _o.Read(0);
        Value b = _o.Read(1);
        Value result = _b.Add(_b.Add(a, b), CarryAs(b, carryIn));
        _o.Write(0, result);
        _b.SetFlagVariable(flag, _b.Select(carryIn, _b.LessEqualUnsigned(result, a), _b.LessUnsigned(result, a)));
    }

    /// <summary>Whether the destination is memory under LOCK: the read and write are one atomic operation.</summary>
    private bool IsAtomic => _i.HasLockPrefix && _o.IsMemory(0);

    /// <summary>
    /// The old value of a read-modify-write destination. Under LOCK the whole operation happens here, by the
    /// method of <see cref="Atomics"/> named like <paramref name="atomic8"/> for the width, with <paramref name="operand"/>.
    /// </summary>
    private Value ReadModify(string atomic8, int width, Value operand)
    {
        if (!IsAtomic)
        {
            return _o.Read(0);
        }

        return _b.Call(Method(typeof(Atomics), string.Concat(atomic8.AsSpan(0, atomic8.Length - 1), width.ToString())), LockedPointer(width), operand);
    }

    private Value LockedPointer(int width) => _b.Pointer(_o.Address(), width / 8, true);

    private void FinishModify(int width, Value result)
    {
        if (!IsAtomic)
        {
            _o.Write(0, width, result);
        }
    }
}
