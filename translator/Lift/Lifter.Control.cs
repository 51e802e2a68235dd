using Iced.Intel;
using Jitvmm.Runtime.Execution;
using Jitvmm.Translator.Ir;

namespace Jitvmm.Translator.Lift;

/// <summary>Near jumps, calls and returns, loops, SYSCALL.</summary>
public sealed partial class Lifter
{
    private bool TryControl()
    {
        switch (_i.Mnemonic)
        {
            case Mnemonic.Jmp:
                return TryJump();
            case Mnemonic.Call:
                return TryCall();
            case Mnemonic.Ret:
                return TryReturn();
            case Mnemonic.Jrcxz or Mnemonic.Jecxz:
                Value counter = _o.ReadRegister(_i.Mnemonic == Mnemonic.Jrcxz ? Register.RCX : Register.ECX);
                _b.Branch(_b.IsZero(counter), _o.BranchTarget, _o.NextAddress);
                return true;
            case Mnemonic.Loop or Mnemonic.Loope or Mnemonic.Loopne:
                LiftLoop();
                return true;
            case Mnemonic.Ud0 or Mnemonic.Ud1 or Mnemonic.Ud2:
                Raise(ExceptionVector.InvalidOpcode);
                return true;
            case Mnemonic.Syscall:
                LiftSyscall();
                return true;
            default:
                return TryFarControl();
        }
    }

    private bool TryJump()
    {
        if (_i.Code is Code.Jmp_rm64)
        {
            Value destination = _o.Read(0);
            RaiseIfNonCanonical(destination);
            _b.JumpIndirect(destination, IndirectKind.Jump);
            return true;
        }

        if (_i.Code is Code.Jmp_rel8_64 or Code.Jmp_rel32_64)
        {
            _b.Jump(_o.BranchTarget);
            return true;
        }

        return TryFarControl();
    }

    private bool TryCall()
    {
        if (_i.Code is not (Code.Call_rm64 or Code.Call_rel32_64))
        {
            return TryFarControl();
        }

        bool direct = _i.Code == Code.Call_rel32_64;
        Value target = direct ? _o.BranchTarget : _o.Read(0);
        if (!direct)
        {
            RaiseIfNonCanonical(target);
        }

        Push(_o.NextAddress, 64);
        if (direct)
        {
            _b.Jump(target);
        }
        else
        {
            _b.JumpIndirect(target, IndirectKind.Call);
        }

        return true;
    }

    private bool TryReturn()
    {
        if (_i.Code is not (Code.Retnq or Code.Retnq_imm16))
        {
            return false;
        }

        Value rsp = _o.ReadRegister(Register.RSP);
        Value target = _b.Load(rsp, 64);
        Value popped = _b.Add(rsp, _b.Constant(8));
        if (_o.IsSymbolic)
        {
            // Compiled code looks only when it leaves the region: the emitter's business.
            RaiseIfNonCanonical(target);
        }

        _o.WriteRegister(Register.RSP, _i.Code == Code.Retnq ? popped : _b.Add(popped, _o.Immediate(0, 64)));
        _b.JumpIndirect(target, IndirectKind.Return);
        return true;
    }

    /// <summary>A jump to an address that cannot be is refused by the branch itself (APM vol. 3, JMP near: #GP).</summary>
    private void RaiseIfNonCanonical(Value target)
    {
        Value upper = _b.Add(_b.ShiftRightSigned(target, 47), _b.Constant(1));
        _b.RaiseIf(_b.LessUnsigned(_b.Constant(1), upper), ExceptionVector.GeneralProtection);
    }

    private void LiftLoop()
    {
        Register register = _i.RawUsesEcx() ? Register.ECX : Register.RCX;
        Value counter = _b.Sub(_o.ReadRegister(register), _b.Constant(1, register == Register.RCX ? IrType.I64 : IrType.I32));
        Value taken = _b.IsNotZero(counter);
        if (_i.Mnemonic != Mnemonic.Loop)
        {
            taken = _b.And(taken, _b.Test(_i.Mnemonic == Mnemonic.Loope ? Condition.Equal : Condition.NotEqual));
        }

        _o.WriteRegister(register, counter);
        _b.Branch(taken, _o.BranchTarget, _o.NextAddress);
    }

    private void LiftSyscall()
    {
        _b.RaiseIf(_b.IsNotZero(_b.Get(SystemPlaces.SyscallDisabled, 32)), ExceptionVector.InvalidOpcode);
        _o.WriteRegister(Register.RCX, _o.NextAddress);
        _o.WriteRegister(Register.R11, PackFlags());
        _b.Exit(BlockExit.SystemCall, _o.NextAddress);
    }
}
