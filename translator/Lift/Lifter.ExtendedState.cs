using Iced.Intel;
using Jitvmm.Runtime.Execution;
using Jitvmm.Runtime.Memory;
using Jitvmm.Runtime.Semantics;
using Jitvmm.Translator.Ir;

namespace Jitvmm.Translator.Lift;

/// <summary>FXSAVE, FXRSTOR and the XSAVE family.</summary>
public sealed partial class Lifter
{
    private int XmmCount => _o.IsLegacy ? 8 : 16;

    private bool TryExtendedState()
    {
        switch (_i.Mnemonic)
        {
            case Mnemonic.Fxsave or Mnemonic.Fxsave64:
                LiftLegacyState(nameof(ExtendedState.Fxsave), true);
                return true;
            case Mnemonic.Fxrstor or Mnemonic.Fxrstor64:
                RaiseUnlessRestored(LiftLegacyState(nameof(ExtendedState.Fxrstor), false));
                return true;
            case Mnemonic.Xsave or Mnemonic.Xsave64 or Mnemonic.Xsaveopt or Mnemonic.Xsaveopt64:
                LiftExtendedState(nameof(ExtendedState.Xsave), true);
                return true;
            case Mnemonic.Xsavec or Mnemonic.Xsavec64:
                LiftExtendedState(nameof(ExtendedState.Xsavec), true);
                return true;
            case Mnemonic.Xrstor or Mnemonic.Xrstor64:
                RaiseUnlessRestored(LiftExtendedState(nameof(ExtendedState.Xrstor), false));
                return true;
            default:
                return false;
        }
    }

    /// <summary>With REX.W instruction and data pointers are 64 bits wide.</summary>
    private Value StatePointerWidth => _b.Constant32(_i.Mnemonic is Mnemonic.Fxsave64 or Mnemonic.Fxrstor64 or Mnemonic.Xsave64
        or Mnemonic.Xsaveopt64 or Mnemonic.Xsavec64 or Mnemonic.Xrstor64 ? 64 : 32);

    private Value LiftLegacyState(string method, bool writes)
    {
        // A non-canonical address comes before the alignment, a page fault after it.
        Value isCanonical = _b.IsZero(_b.Call(Method(typeof(SystemSemantics), nameof(SystemSemantics.IsNonCanonical)), _o.Address()));
        Value isMisaligned = _b.IsNotZero(_b.Mask(_o.Address(), 15));
        _b.RaiseIf(_b.And(isCanonical, isMisaligned), ExceptionVector.GeneralProtection);
        _b.Pointer(_b.Add(_o.Address(), _b.Constant(ExtendedState.LegacySize - 1)), 1, writes);
        Value area = _b.Pointer(_o.Address(), ExtendedState.LegacySize, writes);
        return _b.Call(Method(typeof(ExtendedState), method), _b.Cpu(), area, StatePointerWidth, _b.Constant32(XmmCount));
    }

    private Value LiftExtendedState(string method, bool writes)
    {
        _b.RaiseIf(_b.IsNotZero(_b.Mask(_o.Address(), 63)), ExceptionVector.GeneralProtection);
        Value requested = _b.Or(_b.ShiftLeft(_b.ZeroExtend(_o.ReadRegister(Register.EDX)), 32), _b.ZeroExtend(_o.ReadRegister(Register.EAX)));

        // Only who asks for the upper YMM halves needs room for them.
        Value wantsAvx = _b.IsNotZero(_b.Mask(requested, (long)ExtendedState.AvxComponent));
        Value last = _b.Select(wantsAvx, _b.Constant(ExtendedState.AreaSize - 1), _b.Constant(ExtendedState.AvxOffset - 1));
        Value area = StateArea(1, last, writes);
        Value result = _b.Call(Method(typeof(ExtendedState), method), _b.Cpu(), area, requested, StatePointerWidth, _b.Constant32(XmmCount));
        if (writes)
        {
            CommitStateArea(area, last);
        }

        return result;
    }

    private Value StateArea(int first, Value last, bool writes) => _b.Call(
        Method(typeof(GuestAccess), nameof(GuestAccess.StateArea)), _b.Cpu(), _o.Address(), _b.Constant32(first), last, _b.Constant32(writes ? 1 : 0));

    /// <summary>What was written to a <see cref="StateArea"/> takes its place.</summary>
    private void CommitStateArea(Value area, Value last) =>
        _b.Call(Method(typeof(GuestAccess), nameof(GuestAccess.CommitStateArea)), _b.Cpu(), area, last);

    /// <summary>A refused image has changed nothing.</summary>
    private void RaiseUnlessRestored(Value restored) => _b.RaiseIf(_b.IsZero(restored), ExceptionVector.GeneralProtection);
}
