using Iced.Intel;
using Jitvmm.Runtime.Callouts;
using Jitvmm.Runtime.Execution;
using Jitvmm.Translator.Ir;

namespace Jitvmm.Translator.Lift;

/// <summary>Far transfers, software interrupts, returns from them, and loading far pointers.</summary>
public sealed partial class Lifter
{
    private bool TryFarControl()
    {
        switch (_i.Mnemonic)
        {
            case Mnemonic.Int3:
                LiftSoftwareInterrupt(_b.Constant32((int)ExceptionVector.Breakpoint), false);
                return true;
            case Mnemonic.Int1:
                LiftSoftwareInterrupt(_b.Constant32((int)ExceptionVector.Debug), true);
                return true;
            case Mnemonic.Int:
                LiftSoftwareInterrupt(_o.Immediate(0, 8), false);
                return true;
            case Mnemonic.Into:
                _b.ExitCall(Method(typeof(InterruptDelivery), nameof(InterruptDelivery.OnOverflow)), _b.Cpu(), _b.FlagVariable(StatusFlags.Overflow), _o.NextAddress);
                return true;
            case Mnemonic.Iret or Mnemonic.Iretd or Mnemonic.Iretq:
                int slot = _i.Code switch { Code.Iretw => 2, Code.Iretd => 4, _ => 8 };
                _b.ExitCall(Method(typeof(FarTransfers), nameof(FarTransfers.ReturnFromInterrupt)), _b.Cpu(), _b.Constant32(slot), _o.NextAddress);
                return true;
            case Mnemonic.Retf:
                LiftFarReturn();
                return true;
            case Mnemonic.Lss or Mnemonic.Lfs or Mnemonic.Lgs or Mnemonic.Lds or Mnemonic.Les:
                LiftLoadFarPointer();
                return true;
            case Mnemonic.Jmp or Mnemonic.Call:
                return TryFarTransfer();
            default:
                return false;
        }
    }

    private void LiftSoftwareInterrupt(Value vector, bool isPrivileged) => _b.ExitCall(
        Method(typeof(InterruptDelivery), nameof(InterruptDelivery.Software)),
        _b.Cpu(),
        vector,
        _b.Constant32(isPrivileged ? 1 : 0),
        _o.NextAddress);

    private void LiftFarReturn()
    {
        int slot = _i.Code switch { Code.Retfw or Code.Retfw_imm16 => 2, Code.Retfd or Code.Retfd_imm16 => 4, _ => 8 };
        Value released = _i.OpCount == 0 ? _b.Constant32(0) : _o.Immediate(0, 16);
        _b.ExitCall(Method(typeof(FarTransfers), nameof(FarTransfers.Return)), _b.Cpu(), _b.Constant32(slot), released);
    }

    private bool TryFarTransfer()
    {
        if (_i.Code is Code.Jmp_ptr1616 or Code.Jmp_ptr1632 or Code.Call_ptr1616 or Code.Call_ptr1632)
        {
            LiftFarTransfer(_o.FarSelector, _o.FarOffset, _i.Code is Code.Call_ptr1616 ? 2 : 4);
            return true;
        }

        int size = _i.Code switch
        {
            Code.Jmp_m1616 or Code.Call_m1616 => 2,
            Code.Jmp_m1632 or Code.Call_m1632 => 4,
            Code.Jmp_m1664 or Code.Call_m1664 => 8,
            _ => 0,
        };
        if (size == 0)
        {
            return false;
        }

        Value offset = _b.ZeroExtend(_b.Load(_o.Address(), size * 8));
        Value selector = LoadApart(_o.AddressAt(_b.Constant(size)), 16);
        LiftFarTransfer(selector, offset, size);
        return true;
    }

    private void LiftFarTransfer(Value selector, Value offset, int size)
    {
        if (_i.Mnemonic == Mnemonic.Jmp)
        {
            _b.ExitCall(Method(typeof(FarTransfers), nameof(FarTransfers.Jump)), _b.Cpu(), selector, offset, _o.NextAddress);
        }
        else
        {
            _b.ExitCall(Method(typeof(FarTransfers), nameof(FarTransfers.Call)), _b.Cpu(), selector, offset, _b.Constant32(size), _o.NextAddress);
        }
    }

    /// <summary>The segment is loaded first: it is what may fault.</summary>
    private void LiftLoadFarPointer()
    {
        int width = _o.Width(0);
        Value offset = _b.Load(_o.Address(), width);
        Value selector = LoadApart(_o.AddressAt(_b.Constant(width / 8)), 16);
        Register segment = _i.Mnemonic switch { Mnemonic.Lss => Register.SS, Mnemonic.Lfs => Register.FS, Mnemonic.Lds => Register.DS, Mnemonic.Les => Register.ES, _ => Register.GS };
        LoadSegment(_b.Constant32(Operands.SelectorOffset(segment)), selector);
        _o.Write(0, offset);
    }

    private void LoadSegment(Value place, Value selector) =>
        _b.Call(Method(typeof(Segments), nameof(Segments.Load)), _b.Cpu(), place, selector, _o.NextAddress);
}
