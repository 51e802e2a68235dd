using Iced.Intel;
using Jitvmm.Runtime.Execution;
using Jitvmm.Translator.Decode;
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
            case Mnemonic.Jrcxz or Mnemonic.Jecxz or Mnemonic.Jcxz:
                Value counter = _o.ReadRegister(_i.Mnemonic switch { Mnemonic.Jrcxz => Register.RCX, Mnemonic.Jecxz => Register.ECX, _ => Register.CX });
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

    /// <summary>Whether the handler of an instruction keeps where it went (see <see cref="Runtime.CodeCache.JumpTargets"/>).</summary>
    public static bool NotesTargets(in Instruction instruction) => instruction.Code is Code.Jmp_rm16 or Code.Jmp_rm32 or Code.Jmp_rm64
        or Code.Call_rm16 or Code.Call_rm32 or Code.Call_rm64;

    private bool TryJump()
    {
        if (_i.Code == Code.Jmp_rm64 || (_o.IsLegacy && _i.Code is Code.Jmp_rm16 or Code.Jmp_rm32))
        {
            Value destination = _b.ZeroExtend(_o.Read(0));
            RaiseIfNonCanonical(destination);
            _b.JumpIndirect(destination, IndirectKind.Jump);
            return true;
        }

        if (_i.Code is Code.Jmp_rel8_64 or Code.Jmp_rel32_64
            || (_o.IsLegacy && _i.Code is Code.Jmp_rel8_16 or Code.Jmp_rel8_32 or Code.Jmp_rel16 or Code.Jmp_rel32_32))
        {
            _b.Jump(_o.BranchTarget);
            return true;
        }

        return TryFarControl();
    }

    private bool TryCall()
    {
        bool direct = _i.Code is Code.Call_rel32_64 || (_o.IsLegacy && _i.Code is Code.Call_rel16 or Code.Call_rel32_32);
        if (!direct && !(_i.Code == Code.Call_rm64 || (_o.IsLegacy && _i.Code is Code.Call_rm16 or Code.Call_rm32)))
        {
            return TryFarControl();
        }

        int width = _i.Code switch { Code.Call_rel16 or Code.Call_rm16 => 16, Code.Call_rel32_32 or Code.Call_rm32 => 32, _ => 64 };
        Value target = direct ? _o.BranchTarget : _b.ZeroExtend(_o.Read(0));
        if (!direct)
        {
            RaiseIfNonCanonical(target);
        }

        Push(_b.Narrow(_o.NextAddress, width), width);
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
        int width = _i.Code switch
        {
            Code.Retnq or Code.Retnq_imm16 => 64,
            Code.Retnd or Code.Retnd_imm16 when _o.IsLegacy => 32,
            Code.Retnw or Code.Retnw_imm16 when _o.IsLegacy => 16,
            _ => 0,
        };
        if (width == 0)
        {
            return false;
        }

        Value pointer = StackPointer();
        Value target = _b.ZeroExtend(_b.Load(StackAddress(pointer), width));
        Value popped = _b.Add(pointer, _b.Constant(width / 8));
        if (_o.IsSymbolic)
        {
            // Compiled code looks only when it leaves the region: the emitter's business.
            RaiseIfNonCanonical(target);
        }

        SetStackPointer(_i.OpCount == 0 ? popped : _b.Add(popped, _o.Immediate(0, 64)));
        _b.JumpIndirect(target, IndirectKind.Return);
        return true;
    }

    /// <summary>A jump to an address that cannot be is refused by the branch itself (APM vol. 3, JMP near: #GP).</summary>
    private void RaiseIfNonCanonical(Value target)
    {
        if (_o.IsLegacy)
        {
            return;
        }

        Value upper = _b.Add(_b.ShiftRightSigned(target, 47), _b.Constant(1));
        _b.RaiseIf(_b.LessUnsigned(_b.Constant(1), upper), ExceptionVector.GeneralProtection);
    }

    private void LiftLoop()
    {
        Register register = CodeFacts.AddressSize(_i.Code) switch { 16 => Register.CX, 32 => Register.ECX, _ => Register.RCX };
        Value old = _o.ReadRegister(register);
        Value counter = _b.Sub(old, _b.Constant(1, old.Type));
        counter = register == Register.CX ? _b.Narrow(counter, 16) : counter;
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
