using Iced.Intel;
using Jitvmm.Runtime.Semantics;
using Jitvmm.Translator.Ir;

namespace Jitvmm.Translator.Lift;

/// <summary>x87 instructions on control, status and environment; they leave no record of themselves.</summary>
public sealed partial class Lifter
{
    private bool TryX87Control()
    {
        switch (_i.Mnemonic)
        {
            case Mnemonic.Wait:
                RaiseX87Pending();
                return true;
            case Mnemonic.Fneni or Mnemonic.Fndisi or Mnemonic.Fnsetpm:
                return true;
            case Mnemonic.Fninit:
                CallX87(nameof(X87.Fninit));
                return true;
            case Mnemonic.Fnclex:
                CallX87(nameof(X87.Fnclex));
                return true;
            case Mnemonic.Fldcw:
                RaiseX87Pending();
                CallX87(nameof(X87.Fldcw), _o.Read(0));
                return true;
            case Mnemonic.Fnstcw:
                _o.Write(0, CallX87(nameof(X87.ReadControlWord)));
                return true;
            case Mnemonic.Fnstsw:
                _o.Write(0, CallX87(nameof(X87.ReadStatusWord)));
                return true;
            case Mnemonic.Fnstenv or Mnemonic.Fnsave:
                LiftX87Environment(true);
                return true;
            case Mnemonic.Fldenv or Mnemonic.Frstor:
                RaiseX87Pending();
                LiftX87Environment(false);
                return true;
            default:
                return false;
        }
    }

    private Value CallX87(string method, params ReadOnlySpan<Value> operands) =>
        _b.Call(Method(typeof(X87), method), [_b.Cpu(), .. operands]);

    private void LiftX87Environment(bool writes)
    {
        X87EnvironmentFormat format = _i.Code is Code.Fnstenv_m14byte or Code.Fldenv_m14byte or Code.Fnsave_m94byte or Code.Frstor_m94byte
            ? X87EnvironmentFormat.Protected16
            : X87EnvironmentFormat.Protected32;
        int bytes = _i.Mnemonic is Mnemonic.Fnsave or Mnemonic.Frstor ? X87.SaveSize(format) : X87.EnvironmentSize(format);
        Value last = _b.Constant(bytes - 1);
        Value buffer = StateArea(format == X87EnvironmentFormat.Protected16 ? 2 : 4, last, writes);
        CallX87(_i.Mnemonic.ToString(), buffer, _b.Constant32((int)format));
        if (writes)
        {
            CommitStateArea(buffer, last);
        }
    }
}
