using Iced.Intel;
using Jitvmm.Runtime.Execution;
using Jitvmm.Runtime.Semantics;
using Jitvmm.Translator.Ir;

namespace Jitvmm.Translator.Lift;

/// <summary>MUL, IMUL, MULX, DIV, IDIV.</summary>
public sealed partial class Lifter
{
    private bool TryMultiplyDivide()
    {
        switch (_i.Mnemonic)
        {
            case Mnemonic.Mul:
                LiftWideMultiply(_o.Width(0), false);
                return true;
            case Mnemonic.Imul:
                if (_i.OpCount == 1)
                {
                    LiftWideMultiply(_o.Width(0), true);
                }
                else
                {
                    LiftMultiply(_o.Width(0));
                }

                return true;
            case Mnemonic.Mulx:
                LiftMultiplyX(_o.Width(0));
                return true;
            case Mnemonic.Div or Mnemonic.Idiv:
                LiftDivide(_o.Width(0), _i.Mnemonic == Mnemonic.Idiv);
                return true;
            default:
                return false;
        }
    }

    private Value Widen(Value value, int width, bool signed) => signed ? _b.SignExtendFrom(value, width) : _b.ZeroExtend(value);

    private void LiftWideMultiply(int width, bool signed)
    {
        Value b = _o.Read(0);
        if (width == 64)
        {
            Value a = _o.ReadRegister(Register.RAX);
            Value low = _b.Mul(a, b);
            Value high = _b.Call(Method(typeof(BitSemantics), signed ? nameof(BitSemantics.MultiplyHighSigned) : nameof(BitSemantics.MultiplyHigh)), a, b);
            _o.WriteRegister(Register.RAX, low);
            _o.WriteRegister(Register.RDX, high);
            SetMultiplyFlags(_b.NotEqual(high, signed ? _b.ShiftRightSigned(low, 63) : _b.Constant(0)), low, 64);
            DeferMultiplyFlags(signed, a, b, 64);
            return;
        }

        Register accumulator = width switch { 8 => Register.AL, 16 => Register.AX, _ => Register.EAX };
        Value factor = _o.ReadRegister(accumulator);
        Value product = _b.Mul(Widen(factor, width, signed), Widen(b, width, signed));
        Value result = _b.Narrow(product, width);
        if (width == 8)
        {
            _o.WriteRegister(Register.AX, _b.Narrow(product, 16));
        }
        else
        {
            _o.WriteRegister(accumulator, result);
            _o.WriteRegister(width == 16 ? Register.DX : Register.EDX, _b.Narrow(_b.ShiftRight(product, width), width));
        }

        SetMultiplyFlags(_b.NotEqual(product, Widen(result, width, signed)), result, width);
        DeferMultiplyFlags(signed, factor, b, width);
    }

    private void LiftMultiply(int width)
    {
        int left = _i.OpCount == 3 ? 1 : 0;
        Value a = _o.Read(left);
        Value b = _o.Read(left + 1, width);
        if (width == 64)
        {
            Value low = _b.Mul(a, b);
            _o.Write(0, low);
            Value high = _b.Call(Method(typeof(BitSemantics), nameof(BitSemantics.MultiplyHighSigned)), a, b);
            SetMultiplyFlags(_b.NotEqual(high, _b.ShiftRightSigned(low, 63)), low, 64);
            DeferMultiplyFlags(true, a, b, 64);
            return;
        }

        Value product = _b.Mul(_b.SignExtendFrom(a, width), _b.SignExtendFrom(b, width));
        Value result = _b.Narrow(product, width);
        _o.Write(0, result);
        SetMultiplyFlags(_b.NotEqual(product, _b.SignExtendFrom(result, width)), result, width);
        DeferMultiplyFlags(true, a, b, width);
    }

    /// <summary>CF and OF say that the high half matters; the others are undefined and follow the low half.</summary>
    private void SetMultiplyFlags(Value overflow, Value low, int width)
    {
        _b.SetFlagVariable(StatusFlags.Carry, overflow);
        _b.SetFlagVariable(StatusFlags.Overflow, overflow);
        _b.SetFlagVariable(StatusFlags.Adjust, _b.Constant(0));
        _b.SetResultFlags(low, width);
    }

    private void DeferMultiplyFlags(bool signed, Value a, Value b, int width) => _b.Defer(signed ? FlagOperation.MultiplySigned : FlagOperation.Multiply, width, a, b);

    private void LiftMultiplyX(int width)
    {
        Value b = _o.Read(2);
        Value a = _o.ReadRegister(width == 64 ? Register.RDX : Register.EDX);
        Value low;
        Value high;
        if (width == 64)
        {
            low = _b.Mul(a, b);
            high = _b.Call(Method(typeof(BitSemantics), nameof(BitSemantics.MultiplyHigh)), a, b);
        }
        else
        {
            Value product = _b.Mul(_b.ZeroExtend(a), _b.ZeroExtend(b));
            low = _b.Truncate(product);
            high = _b.Truncate(_b.ShiftRight(product, 32));
        }

        // When both destinations are the same register it receives the high half (SDM vol. 2B, MULX).
        _o.Write(1, low);
        _o.Write(0, high);
    }

    private void LiftDivide(int width, bool signed)
    {
        Value divisor = _o.Read(0);
        if (width == 64)
        {
            LiftDivide64(divisor, signed);
            return;
        }

        Value dividend = width switch
        {
            8 => Widen(_o.ReadRegister(Register.AX), 16, signed),
            16 => JoinHalves(Register.DX, Register.AX, 16, signed),
            _ => JoinHalves(Register.EDX, Register.EAX, 32, signed),
        };
        Value wide = Widen(divisor, width, signed);
        Value bad = _b.Call(Method(typeof(DivideSemantics), signed ? nameof(DivideSemantics.FaultsSigned) : nameof(DivideSemantics.Faults)), dividend, wide, _b.Constant32(width));
        _b.RaiseIf(bad, ExceptionVector.DivideError);
        Value quotient = _b.Narrow(_b.Call(Method(typeof(DivideSemantics), signed ? nameof(DivideSemantics.QuotientSigned) : nameof(DivideSemantics.Quotient)), dividend, wide), width);
        Value remainder = _b.Narrow(_b.Call(Method(typeof(DivideSemantics), signed ? nameof(DivideSemantics.RemainderSigned) : nameof(DivideSemantics.Remainder)), dividend, wide), width);
        switch (width)
        {
            case 8:
                _o.WriteRegister(Register.AL, quotient);
                _o.WriteRegister(Register.AH, remainder);
                break;
            case 16:
                _o.WriteRegister(Register.AX, quotient);
                _o.WriteRegister(Register.DX, remainder);
                break;
            default:
                _o.WriteRegister(Register.EAX, quotient);
                _o.WriteRegister(Register.EDX, remainder);
                break;
        }
    }

    private Value JoinHalves(Register high, Register low, int width, bool signed)
    {
        Value joined = _b.Or(_b.ShiftLeft(_b.ZeroExtend(_o.ReadRegister(high)), width), _b.ZeroExtend(_o.ReadRegister(low)));
        return width == 16 ? Widen(_b.Truncate(joined), 32, signed) : joined;
    }

    private void LiftDivide64(Value divisor, bool signed)
    {
        Value low = _o.ReadRegister(Register.RAX);
        Value high = _o.ReadRegister(Register.RDX);
        string suffix = signed ? "Signed" : "";
        Value bad = _b.Call(Method(typeof(DivideSemantics), "Faults128" + suffix), high, low, divisor);
        _b.RaiseIf(bad, ExceptionVector.DivideError);
        Value quotient = _b.Call(Method(typeof(DivideSemantics), "Quotient128" + suffix), high, low, divisor);
        _o.WriteRegister(Register.RAX, quotient);

        // The remainder follows from the quotient modulo 2^64: cheaper than a second division.
        _o.WriteRegister(Register.RDX, _b.Sub(low, _b.Mul(quotient, divisor)));
    }
}
