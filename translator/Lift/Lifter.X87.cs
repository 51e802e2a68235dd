using Iced.Intel;
using Jitvmm.Runtime.Execution;
using Jitvmm.Runtime.Semantics;
using Jitvmm.Translator.Decode;
using Jitvmm.Translator.Ir;

namespace Jitvmm.Translator.Lift;

/// <summary>The x87 unit: calls of the methods of <see cref="X87"/>, which are named like the mnemonics.</summary>
public sealed partial class Lifter
{
    private bool TryX87()
    {
        if (!X87Encoding.Is(_i.Code))
        {
            return TryX87Control() || TryExtendedState();
        }

        return TryX87Control() || (_o.IsMemory(0) ? TryX87Memory() : TryX87Register());
    }

    private bool TryX87Memory()
    {
        switch (_i.Mnemonic)
        {
            case Mnemonic.Fadd or Mnemonic.Fmul or Mnemonic.Fsub or Mnemonic.Fsubr or Mnemonic.Fdiv or Mnemonic.Fdivr
                or Mnemonic.Fiadd or Mnemonic.Fimul or Mnemonic.Fisub or Mnemonic.Fisubr or Mnemonic.Fidiv or Mnemonic.Fidivr
                or Mnemonic.Fcom or Mnemonic.Fcomp or Mnemonic.Ficom or Mnemonic.Ficomp or Mnemonic.Fld or Mnemonic.Fild:
                LiftX87Memory($"{_i.Mnemonic}M{_o.Width(0)}", false);
                return true;
            case Mnemonic.Fst or Mnemonic.Fstp or Mnemonic.Fist or Mnemonic.Fistp or Mnemonic.Fisttp:
                LiftX87Memory($"{_i.Mnemonic}M{_o.Width(0)}", true);
                return true;
            case Mnemonic.Fbld:
                LiftX87Memory(nameof(X87.Fbld), false);
                return true;
            case Mnemonic.Fbstp:
                LiftX87Memory(nameof(X87.Fbstp), true);
                return true;
            default:
                return false;
        }
    }

    private bool TryX87Register()
    {
        switch (_i.Mnemonic)
        {
            case Mnemonic.Fchs or Mnemonic.Fabs or Mnemonic.Ftst or Mnemonic.Fxam or Mnemonic.Fsqrt or Mnemonic.Frndint or Mnemonic.Fscale
                or Mnemonic.Fld1 or Mnemonic.Fldl2t or Mnemonic.Fldl2e or Mnemonic.Fldpi or Mnemonic.Fldlg2 or Mnemonic.Fldln2 or Mnemonic.Fldz
                or Mnemonic.Fprem or Mnemonic.Fprem1 or Mnemonic.Fxtract or Mnemonic.F2xm1 or Mnemonic.Fyl2x or Mnemonic.Fyl2xp1
                or Mnemonic.Fpatan or Mnemonic.Fptan or Mnemonic.Fsin or Mnemonic.Fcos or Mnemonic.Fsincos or Mnemonic.Fcompp
                or Mnemonic.Fucompp or Mnemonic.Fincstp or Mnemonic.Fdecstp:
                LiftX87Register(_i.Mnemonic.ToString());
                return true;
            case Mnemonic.Fnop:
                BeginX87Register();
                return true;
            case Mnemonic.Fxch or Mnemonic.Ffree or Mnemonic.Ffreep or Mnemonic.Fstpnce or Mnemonic.Faddp or Mnemonic.Fmulp
                or Mnemonic.Fsubp or Mnemonic.Fsubrp or Mnemonic.Fdivp or Mnemonic.Fdivrp:
                LiftX87Register(_i.Mnemonic.ToString(), StackIndex);
                return true;
            case Mnemonic.Fld or Mnemonic.Fst or Mnemonic.Fstp or Mnemonic.Fcom or Mnemonic.Fcomp or Mnemonic.Fucom or Mnemonic.Fucomp:
                LiftX87Register(_i.Mnemonic + "St", StackIndex);
                return true;
            case Mnemonic.Fadd or Mnemonic.Fmul or Mnemonic.Fsub or Mnemonic.Fsubr or Mnemonic.Fdiv or Mnemonic.Fdivr:
                bool writesTop = CodeFacts.OperandKind(_i.Code, 0) == OpCodeOperandKind.st0;
                Value top = _b.Constant32(0);
                LiftX87Register(_i.Mnemonic.ToString(), writesTop ? top : StackIndex, writesTop ? StackIndex : top);
                return true;
            case Mnemonic.Fcomi or Mnemonic.Fcomip or Mnemonic.Fucomi or Mnemonic.Fucomip:
                LiftX87CompareFlags();
                return true;
            default:
                return TryX87ConditionalMove();
        }
    }

    private bool TryX87ConditionalMove()
    {
        Condition? condition = _i.Mnemonic switch
        {
            Mnemonic.Fcmovb => Condition.Below,
            Mnemonic.Fcmovnb => Condition.AboveOrEqual,
            Mnemonic.Fcmove => Condition.Equal,
            Mnemonic.Fcmovne => Condition.NotEqual,
            Mnemonic.Fcmovbe => Condition.BelowOrEqual,
            Mnemonic.Fcmovnbe => Condition.Above,
            Mnemonic.Fcmovu => Condition.Parity,
            Mnemonic.Fcmovnu => Condition.NotParity,
            _ => null,
        };
        if (condition is not { } known)
        {
            return false;
        }

        LiftX87Register(nameof(X87.Fcmov), StackIndex, _b.Test(known));
        return true;
    }

    /// <summary>Everything that may fault, the record of the instruction, then the operation.</summary>
    private void LiftX87Memory(string method, bool writes)
    {
        RaiseX87Pending();
        int width = _o.Width(0);
        Value address = _o.Address();
        Value operand = writes || width == 80 ? _b.Pointer(address, width / 8, writes) : _b.Load(address, width);
        _b.Call(
            Method(typeof(X87), nameof(X87.RecordMemoryInstruction)),
            _b.Cpu(),
            _o.ThisAddress,
            _b.Mask(X87Operation, X87Encoding.OpcodeMask),
            _o.Offset(),
            _b.ShiftRight(X87Operation, X87Encoding.SegmentShift));
        _b.Call(Method(typeof(X87), method), _b.Cpu(), operand);
    }

    private Value LiftX87Register(string method, params ReadOnlySpan<Value> operands)
    {
        BeginX87Register();
        return _b.Call(Method(typeof(X87), method), [_b.Cpu(), .. operands]);
    }

    private void BeginX87Register()
    {
        RaiseX87Pending();
        _b.Call(Method(typeof(X87), nameof(X87.RecordInstruction)), _b.Cpu(), _o.ThisAddress, X87Operation);
    }

    private void LiftX87CompareFlags()
    {
        const int ParityBit = 2;
        const int Zero = 0x40;
        Value flags = LiftX87Register(_i.Mnemonic.ToString(), StackIndex);
        _b.SetFlagVariable(StatusFlags.Carry, _b.Mask(flags, 1));
        _b.SetFlagVariable(StatusFlags.Parity, _b.Xor(_b.Mask(_b.ShiftRight(flags, ParityBit), 1), _b.Constant32(1)));
        _b.SetFlagVariable(StatusFlags.Zero, _b.Xor(_b.Mask(flags, Zero), _b.Constant32(Zero)));
        _b.SetFlagVariable(StatusFlags.Adjust, _b.Constant(0));
        _b.SetFlagVariable(StatusFlags.Sign, _b.Constant(0));
        _b.SetFlagVariable(StatusFlags.Overflow, _b.Constant(0));
    }

    /// <summary>Waiting instructions first report an exception that an earlier one left.</summary>
    private void RaiseX87Pending() =>
        _b.RaiseIf(_b.Call(Method(typeof(X87), nameof(X87.HasPendingException)), _b.Cpu()), ExceptionVector.X87FloatingPoint);

    private Value X87Operation => _o.IsSymbolic ? _b.Field(OpField.Immediate, IrType.I32) : _b.Constant32((int)X87Encoding.Of(_i));

    /// <summary>i of the operand ST(i).</summary>
    private Value StackIndex => _o.IsSymbolic
        ? _b.Mask(X87Operation, X87Encoding.StackIndexMask)
        : _b.Constant32((int)X87Encoding.Of(_i) & X87Encoding.StackIndexMask);
}
