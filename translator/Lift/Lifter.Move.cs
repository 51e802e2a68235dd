using Iced.Intel;
using Jitvmm.Runtime.Semantics;
using Jitvmm.Translator.Ir;

namespace Jitvmm.Translator.Lift;

/// <summary>Moves, extensions, exchanges, LEA, CMOVcc, SETcc and BSWAP.</summary>
public sealed partial class Lifter
{
    private bool TryMove()
    {
        switch (_i.Mnemonic)
        {
            case Mnemonic.Mov:
                return TryMov();
            case Mnemonic.Movzx:
                _o.Write(0, _b.Narrow(_o.Read(1), _o.Width(0)));
                return true;
            case Mnemonic.Movsx or Mnemonic.Movsxd:
                _o.Write(0, SignExtendTo(_o.Read(1), _o.Width(1), _o.Width(0)));
                return true;
            case Mnemonic.Movnti:
                _o.Write(0, _o.Read(1));
                return true;
            case Mnemonic.Movbe:
                _o.Write(0, SwapBytes(_o.Read(1), _o.Width(0)));
                return true;
            case Mnemonic.Bswap:
                // Undefined for 16 bits (SDM vol. 2A, BSWAP); CPUs answer 0.
                _o.Write(0, _o.Width(0) == 16 ? _b.Constant32(0) : SwapBytes(_o.Read(0), _o.Width(0)));
                return true;
            case Mnemonic.Xlatb:
                _o.WriteRegister(Register.AL, _b.Load(_o.Address(), 8));
                return true;
            case Mnemonic.Lea:
                _o.Write(0, _b.Narrow(_o.Offset(), _o.Width(0)));
                return true;
            case Mnemonic.Cbw:
                _o.WriteRegister(Register.AX, SignExtendTo(_o.ReadRegister(Register.AL), 8, 16));
                return true;
            case Mnemonic.Cwde:
                _o.WriteRegister(Register.EAX, SignExtendTo(_o.ReadRegister(Register.AX), 16, 32));
                return true;
            case Mnemonic.Cdqe:
                _o.WriteRegister(Register.RAX, SignExtendTo(_o.ReadRegister(Register.EAX), 32, 64));
                return true;
            case Mnemonic.Cwd:
                _o.WriteRegister(Register.DX, _b.Narrow(_b.ShiftRightSigned(_b.SignExtendIn(_o.ReadRegister(Register.AX), 16), 31), 16));
                return true;
            case Mnemonic.Cdq:
                _o.WriteRegister(Register.EDX, _b.ShiftRightSigned(_o.ReadRegister(Register.EAX), 31));
                return true;
            case Mnemonic.Cqo:
                _o.WriteRegister(Register.RDX, _b.ShiftRightSigned(_o.ReadRegister(Register.RAX), 63));
                return true;
            case Mnemonic.Nop or Mnemonic.Endbr64 or Mnemonic.Endbr32 or Mnemonic.Pause or Mnemonic.Prefetcht0 or Mnemonic.Prefetcht1
                or Mnemonic.Prefetcht2 or Mnemonic.Prefetchnta or Mnemonic.Prefetchw or Mnemonic.Prefetch or Mnemonic.Reservednop
                or Mnemonic.Prefetchwt1 or Mnemonic.Rdsspd or Mnemonic.Rdsspq:
                return true;
        }

        if (ConditionOf(_i.ConditionCode) is not { } condition)
        {
            return false;
        }

        if (_i.Code.IsJccShortOrNear())
        {
            _b.Branch(_b.Test(condition), _o.BranchTarget, _o.NextAddress);
            return true;
        }

        if (_i.OpCount == 2)
        {
            // CMOVcc reads its source, and may fault on it, whatever the condition; a 32-bit one always clears the upper half.
            Value source = _o.Read(1);
            _o.Write(0, _b.Select(_b.Test(condition), source, _o.Read(0)));
            return true;
        }

        if (_i.OpCount == 1 && _o.Width(0) == 8)
        {
            _o.Write(0, _b.Test(condition));
            return true;
        }

        return false;
    }

    private bool TryMov()
    {
        if (_i.Op0Register.IsSegmentRegister() || _i.Op1Register.IsSegmentRegister())
        {
            return TryMoveSegment();
        }

        if (_i.Op0Register.IsCR() || _i.Op1Register.IsCR() || _i.Op0Register.IsDR() || _i.Op1Register.IsDR())
        {
            LiftMoveSystem();
            return true;
        }

        _o.Write(0, _o.Read(1, _o.Width(0)));
        return true;
    }

    private Value SignExtendTo(Value value, int from, int to)
    {
        Value wide = from == 64 ? value : from == 32 && to == 32 ? value : _b.SignExtendIn(value, from);
        return to == 64 ? _b.SignExtend(wide) : _b.Narrow(wide, to);
    }

    private Value SwapBytes(Value value, int width) => _b.Call(
        Method(typeof(BitSemantics), width switch { 16 => nameof(BitSemantics.Swap16), 32 => nameof(BitSemantics.Swap32), _ => nameof(BitSemantics.Swap64) }),
        value);

    private static Condition? ConditionOf(ConditionCode code) => code switch
    {
        ConditionCode.o => Condition.Overflow,
        ConditionCode.no => Condition.NotOverflow,
        ConditionCode.b => Condition.Below,
        ConditionCode.ae => Condition.AboveOrEqual,
        ConditionCode.e => Condition.Equal,
        ConditionCode.ne => Condition.NotEqual,
        ConditionCode.be => Condition.BelowOrEqual,
        ConditionCode.a => Condition.Above,
        ConditionCode.s => Condition.Sign,
        ConditionCode.ns => Condition.NotSign,
        ConditionCode.p => Condition.Parity,
        ConditionCode.np => Condition.NotParity,
        ConditionCode.l => Condition.Less,
        ConditionCode.ge => Condition.GreaterOrEqual,
        ConditionCode.le => Condition.LessOrEqual,
        ConditionCode.g => Condition.Greater,
        _ => null,
    };
}
