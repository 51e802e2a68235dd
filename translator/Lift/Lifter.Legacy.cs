using Iced.Intel;
using Jitvmm.Runtime.Callouts;
using Jitvmm.Runtime.Execution;
using Jitvmm.Runtime.Semantics;
using Jitvmm.Translator.Ir;

namespace Jitvmm.Translator.Lift;

/// <summary>What 64-bit mode abolished: decimal arithmetic, BOUND, ARPL, SALC.</summary>
public sealed partial class Lifter
{
    private bool TryLegacy()
    {
        switch (_i.Mnemonic)
        {
            case Mnemonic.Aaa:
                CallOut(typeof(DecimalSemantics), nameof(DecimalSemantics.AdjustAfterAdd));
                return true;
            case Mnemonic.Aas:
                CallOut(typeof(DecimalSemantics), nameof(DecimalSemantics.AdjustAfterSubtract));
                return true;
            case Mnemonic.Daa:
                CallOut(typeof(DecimalSemantics), nameof(DecimalSemantics.PackedAfterAdd));
                return true;
            case Mnemonic.Das:
                CallOut(typeof(DecimalSemantics), nameof(DecimalSemantics.PackedAfterSubtract));
                return true;
            case Mnemonic.Aam:
                Value divisor = _o.Immediate(0, 8);
                _b.RaiseIf(_b.IsZero(divisor), ExceptionVector.DivideError);
                _b.Call(Method(typeof(DecimalSemantics), nameof(DecimalSemantics.AdjustAfterMultiply)), _b.Cpu(), divisor);
                return true;
            case Mnemonic.Aad:
                _b.Call(Method(typeof(DecimalSemantics), nameof(DecimalSemantics.AdjustBeforeDivide)), _b.Cpu(), _o.Immediate(0, 8));
                return true;
            case Mnemonic.Salc:
                _o.WriteRegister(Register.AL, _b.Narrow(_b.Negate(_b.FlagVariable(StatusFlags.Carry)), 8));
                return true;
            case Mnemonic.Bound:
                LiftBound();
                return true;
            case Mnemonic.Arpl:
                LiftAdjustLevel();
                return true;
            default:
                return false;
        }
    }

    private void LiftBound()
    {
        int width = _o.Width(0);
        Value index = _b.SignExtendIn(_o.Read(0), width);
        Value lower = _b.SignExtendIn(_b.Load(_o.Address(), width), width);
        Value upper = _b.SignExtendIn(LoadApart(_o.AddressAt(_b.Constant(width / 8)), width), width);
        _b.RaiseIf(_b.Or(_b.LessSigned(index, lower), _b.LessSigned(upper, index)), ExceptionVector.BoundRange);
    }

    /// <summary>ARPL raises the requested level of the destination to the source's, and tells so by ZF.</summary>
    private void LiftAdjustLevel()
    {
        CallOut(typeof(DescriptorTables), nameof(DescriptorTables.CheckProtected));
        Value selector = SelectorOperand(0);
        Value level = _b.Mask(SelectorOperand(1), 3);
        Value lower = _b.LessUnsigned(_b.Mask(selector, 3), level);
        Value adjusted = _b.Select(lower, _b.Or(_b.Mask(selector, 0xfffc), level), selector);
        _o.Write(0, 16, adjusted);
        _b.SetFlagVariable(StatusFlags.Zero, _b.ZeroExtend(_b.Xor(lower, _b.Constant32(1))));
    }
}
