using Iced.Intel;
using Jitvmm.Runtime.Semantics;
using Jitvmm.Translator.Ir;

namespace Jitvmm.Translator.Lift;

/// <summary>Shifts and rotates, single and double, and their BMI2 forms without flags.</summary>
public sealed partial class Lifter
{
    private bool TryShift()
    {
        int width = _i.OpCount == 0 ? 0 : _o.Width(0);
        switch (_i.Mnemonic)
        {
            case Mnemonic.Shl or Mnemonic.Sal or Mnemonic.Shr or Mnemonic.Sar:
                LiftShift(width);
                return true;
            case Mnemonic.Rol or Mnemonic.Ror:
                LiftRotate(width);
                return true;
            case Mnemonic.Rcl or Mnemonic.Rcr:
                LiftRotateThroughCarry(width);
                return true;
            case Mnemonic.Shld or Mnemonic.Shrd:
                LiftDoubleShift(width);
                return true;
            case Mnemonic.Shlx or Mnemonic.Shrx or Mnemonic.Sarx:
                LiftShiftX(width);
                return true;
            case Mnemonic.Rorx:
                Value source = _o.Read(1);
                _o.Write(0, _b.Call(Method(typeof(BitSemantics), $"RotateRight{width}"), source, _o.Immediate(2, 32)));
                return true;
            default:
                return false;
        }
    }

    /// <summary>The count operand masked to 5 or 6 bits, I32.</summary>
    private Value ShiftCount(int operand, int width) => _b.Mask(_o.Read(operand, 8), width == 64 ? 63 : 31);

    private void LiftShift(int width)
    {
        Value count = ShiftCount(1, width);
        Value a = _o.Read(0);
        Value changed = _b.IsNotZero(count);
        bool left = _i.Mnemonic is Mnemonic.Shl or Mnemonic.Sal;
        bool arithmetic = _i.Mnemonic == Mnemonic.Sar;
        Value result;
        Value carry;
        // Counts up to 31 may exceed a narrow operand's width, so those shift in 64 bits.
        Value wide = arithmetic ? _b.SignExtendFrom(a, width) : _b.ZeroExtend(a);
        Value previous = _b.Sub(count, _b.Constant32(1));
        if (left)
        {
            Value shifted = _b.ShiftLeft(wide, count);
            result = _b.Narrow(shifted, width);
            carry = width == 64
                ? _b.ShiftRight(_b.ShiftLeft(wide, previous), 63)
                : _b.Mask(_b.ShiftRight(shifted, width), 1);
        }
        else if (width == 32 && !arithmetic)
        {
            result = _b.ShiftRight(a, count);
            carry = _b.Mask(_b.ShiftRight(wide, previous), 1);
        }
        else
        {
            result = _b.Narrow(arithmetic ? _b.ShiftRightSigned(wide, count) : _b.ShiftRight(wide, count), width);
            carry = _b.Mask(arithmetic ? _b.ShiftRightSigned(wide, previous) : _b.ShiftRight(wide, previous), 1);
        }

        // OF is defined for a count of 1; what is computed here is what the manual gives for it.
        Value overflow = left
            ? _b.Xor(_b.ZeroExtend(_b.ShiftRight(result, width - 1)), carry)
            : arithmetic ? _b.Constant(0) : _b.ZeroExtend(_b.ShiftRight(a, width - 1));
        _o.Write(0, result);
        SetShiftFlags(changed, carry, overflow, result, width);
        if (_b.IsConstant(count, out long known) && known != 0)
        {
            _b.Defer(left ? FlagOperation.ShiftLeft : arithmetic ? FlagOperation.ShiftRightSigned : FlagOperation.ShiftRight, width, a, count);
        }
    }

    private void SetShiftFlags(Value changed, Value carry, Value overflow, Value result, int width)
    {
        Value wide = _b.SignExtendFrom(result, width);
        _b.SetFlagVariableIf(changed, StatusFlags.Carry, carry);
        _b.SetFlagVariableIf(changed, StatusFlags.Overflow, overflow);
        _b.SetFlagVariableIf(changed, StatusFlags.Zero, wide);
        _b.SetFlagVariableIf(changed, StatusFlags.Sign, wide);
        _b.SetFlagVariableIf(changed, StatusFlags.Parity, wide);
        _b.SetFlagVariableIf(changed, StatusFlags.Adjust, _b.Constant(0));
    }

    private void LiftRotate(int width)
    {
        Value count = ShiftCount(1, width);
        Value a = _o.Read(0);
        bool left = _i.Mnemonic == Mnemonic.Rol;
        Value changed = _b.IsNotZero(count);
        Value result;
        if (width >= 32)
        {
            result = _b.Call(Method(typeof(BitSemantics), (left ? "RotateLeft" : "RotateRight") + width), a, count);
        }
        else
        {
            Value within = _b.Mask(count, width - 1);
            Value rest = _b.Sub(_b.Constant32(width), within);
            Value one = left ? _b.ShiftLeft(a, within) : _b.ShiftRight(a, within);
            Value other = left ? _b.ShiftRight(a, rest) : _b.ShiftLeft(a, rest);
            result = _b.Narrow(_b.Or(one, other), width);
        }

        Value top = _b.ShiftRight(result, width - 1);
        Value carry = left ? _b.Mask(result, 1) : top;
        Value overflow = left
            ? _b.Xor(top, _b.Mask(result, 1))
            : _b.Mask(_b.Xor(top, _b.ShiftRight(result, width - 2)), 1);
        _o.Write(0, result);
        _b.SetFlagVariableIf(changed, StatusFlags.Carry, carry);
        _b.SetFlagVariableIf(changed, StatusFlags.Overflow, overflow);
    }

    private void LiftRotateThroughCarry(int width)
    {
        Value count = ShiftCount(1, width);
        bool left = _i.Mnemonic == Mnemonic.Rcl;
        if (_b.IsConstant(count, out long known) && known == 0)
        {
            // Nothing but what a write brings: 32 bits clear the upper half, memory may fault.
            _o.Write(0, _o.Read(0));
            return;
        }

        if (width < 32)
        {
            count = _b.Call(Method(typeof(RotateSemantics), width == 8 ? nameof(RotateSemantics.Modulo9) : nameof(RotateSemantics.Modulo17)), count);
        }

        Value a = _o.Read(0);
        Value wide = _b.ZeroExtend(a);
        Value carryIn = _b.FlagVariable(StatusFlags.Carry);
        Value changed = _b.IsNotZero(count);
        Value size = _b.Constant32(width);
        Value result = _b.Call(Method(typeof(RotateSemantics), left ? nameof(RotateSemantics.Left) : nameof(RotateSemantics.Right)), wide, carryIn, count, size);
        Value carry = _b.Call(Method(typeof(RotateSemantics), left ? nameof(RotateSemantics.LeftCarry) : nameof(RotateSemantics.RightCarry)), wide, carryIn, count, size);
        Value top = _b.ShiftRight(result, width - 1);
        Value overflow = left
            ? _b.Xor(_b.Mask(top, 1), carry)
            : _b.Mask(_b.Xor(top, _b.ShiftRight(result, width - 2)), 1);
        _o.Write(0, _b.Narrow(result, width));
        _b.SetFlagVariableIf(changed, StatusFlags.Carry, carry);
        _b.SetFlagVariableIf(changed, StatusFlags.Overflow, overflow);
    }

    private void LiftDoubleShift(int width)
    {
        Value count = ShiftCount(2, width);
        Value a = _o.Read(0);
        Value b = _o.Read(1);
        Value size = _b.Constant32(width);
        bool left = _i.Mnemonic == Mnemonic.Shld;
        Value changed = _b.IsNotZero(count);
        Value wideA = _b.ZeroExtend(a);
        Value wideB = _b.ZeroExtend(b);
        Value result = _b.Narrow(_b.Call(Method(typeof(RotateSemantics), left ? nameof(RotateSemantics.DoubleLeft) : nameof(RotateSemantics.DoubleRight)), wideA, wideB, count, size), width);
        Value carry = _b.Call(Method(typeof(RotateSemantics), left ? nameof(RotateSemantics.DoubleLeftCarry) : nameof(RotateSemantics.DoubleRightCarry)), wideA, wideB, count, size);
        Value overflow = _b.ZeroExtend(_b.ShiftRight(_b.Xor(a, result), width - 1));
        _o.Write(0, result);
        SetShiftFlags(changed, carry, overflow, result, width);
    }

    private void LiftShiftX(int width)
    {
        Value a = _o.Read(1);
        Value count = _b.Mask(_b.Truncate(_o.Read(2)), width - 1);
        _o.Write(0, _i.Mnemonic switch
        {
            Mnemonic.Shlx => _b.ShiftLeft(a, count),
            Mnemonic.Shrx => _b.ShiftRight(a, count),
            _ => _b.ShiftRightSigned(a, count),
        });
    }
}
