using Iced.Intel;
using Jitvmm.Runtime.Callouts;
using Jitvmm.Runtime.Cpu;
using Jitvmm.Runtime.Semantics;
using Jitvmm.Translator.Ir;

namespace Jitvmm.Translator.Lift;

/// <summary>PUSH, POP, ENTER, LEAVE, flag transfers.</summary>
public sealed partial class Lifter
{
    private bool TryStack()
    {
        switch (_i.Mnemonic)
        {
            case Mnemonic.Push:
                return TryPush();
            case Mnemonic.Pop:
                return TryPop();
            case Mnemonic.Leave:
                int slot = _i.Code == Code.Leavew ? 16 : 64;
                Value frame = _o.ReadRegister(Register.RBP);
                Value saved = _b.Load(frame, slot);
                _o.WriteRegister(Register.RSP, _b.Add(frame, _b.Constant(slot / 8)));
                _o.WriteRegister(slot == 16 ? Register.BP : Register.RBP, saved);
                return true;
            case Mnemonic.Enter:
                LiftEnter();
                return true;
            case Mnemonic.Pushfq:
                Push(_b.And(PackFlags(), _b.Constant(~0x30000L)), 64);
                return true;
            case Mnemonic.Popfq:
                Value image = _b.Load(_o.ReadRegister(Register.RSP), 64);
                _o.WriteRegister(Register.RSP, _b.Add(_o.ReadRegister(Register.RSP), _b.Constant(8)));
                UnpackFlags(image, 64);
                return true;
            case Mnemonic.Pushf:
                Push(_b.Narrow(PackFlags(), 16), 16);
                return true;
            case Mnemonic.Popf:
                Value narrow = _b.Load(_o.ReadRegister(Register.RSP), 16);
                _o.WriteRegister(Register.RSP, _b.Add(_o.ReadRegister(Register.RSP), _b.Constant(2)));
                UnpackFlags(_b.ZeroExtend(narrow), 16);
                return true;
            case Mnemonic.Lahf:
                _o.WriteRegister(Register.AH, _b.Narrow(PackStatus(), 8));
                return true;
            case Mnemonic.Sahf:
                UnpackStatus(_b.ZeroExtend(_o.ReadRegister(Register.AH)), false);
                return true;
            case Mnemonic.Clc or Mnemonic.Stc:
                _b.SetFlagVariable(StatusFlags.Carry, _b.Constant(_i.Mnemonic == Mnemonic.Stc ? 1 : 0));
                return true;
            case Mnemonic.Cmc:
                _b.SetFlagVariable(StatusFlags.Carry, _b.Xor(_b.FlagVariable(StatusFlags.Carry), _b.Constant(1)));
                return true;
            case Mnemonic.Cld or Mnemonic.Std:
                _b.Set(CpuState.FlagDOffset, 64, _b.Constant(_i.Mnemonic == Mnemonic.Std ? 1 : 0));
                return true;
            default:
                return false;
        }
    }

    private void Push(Value value, int width)
    {
        Value rsp = _b.Sub(_o.ReadRegister(Register.RSP), _b.Constant(width / 8));
        _b.Store(rsp, width, value);
        _o.WriteRegister(Register.RSP, rsp);
    }

    private bool TryPush()
    {
        int width = _i.StackPointerIncrement == -2 ? 16 : 64;
        if (_i.Op0Register is Register.FS or Register.GS)
        {
            Value selector = _b.Get(CpuState.SelectorOffset(_i.Op0Register == Register.FS ? 4 : 5), 16);
            Push(width == 64 ? _b.ZeroExtend(selector) : selector, width);
            return true;
        }

        Value value = _o.IsRegister(0) || _o.IsMemory(0)
            ? _o.Read(0)
            : _o.Immediate(0, width);
        Push(value, width);
        return true;
    }

    private bool TryPop()
    {
        int width = _i.StackPointerIncrement == 2 ? 16 : 64;
        Value rsp = _o.ReadRegister(Register.RSP);
        Value value = _b.Load(rsp, width);
        Value next = _b.Add(rsp, _b.Constant(width / 8));
        if (_i.Op0Register.IsSegmentRegister())
        {
            LoadSegment(_b.Constant32(Operands.SelectorOffset(_i.Op0Register)), _b.Narrow(value, 16));
            _o.WriteRegister(Register.RSP, next);
            return true;
        }

        if (_o.IsMemory(0))
        {
            // The destination's address uses the incremented RSP (SDM vol. 2B, POP), so the pointer check must precede the update.
            _b.Set(CpuState.ScratchOffset, 64, rsp);
            _o.WriteRegister(Register.RSP, next);
            Value address = _o.Address();
            _o.WriteRegister(Register.RSP, _b.Get(CpuState.ScratchOffset, 64));
            _b.Store(address, width, value);
            _o.WriteRegister(Register.RSP, next);
            return true;
        }

        // POP RSP ends with the popped value.
        _o.WriteRegister(Register.RSP, next);
        _o.WriteRegister(_o.Register(0), width, value);
        return true;
    }

    private void LiftEnter()
    {
        // Records hold both immediates in one field, the nesting level above the size.
        Value operands = _o.IsSymbolic
            ? _b.Field(OpField.Immediate, IrType.I64)
            : _b.Constant(_i.Immediate16 | (_i.Immediate8_2nd << 16));
        int size = _i.Code == Code.Enterw_imm16_imm8 ? 2 : 8;
        _b.Call(Method(typeof(StackSemantics), nameof(StackSemantics.Enter)), _b.Cpu(), operands, _b.Constant32(size));
    }

    /// <summary>Status flags and bit 1, as LAHF and PUSHF lay them out.</summary>
    private Value PackStatus() => _b.Call(
        Method(typeof(FlagSemantics), nameof(FlagSemantics.Pack)),
        _b.FlagVariable(StatusFlags.Carry),
        _b.FlagVariable(StatusFlags.Parity),
        _b.FlagVariable(StatusFlags.Adjust),
        _b.FlagVariable(StatusFlags.Zero),
        _b.FlagVariable(StatusFlags.Sign),
        _b.FlagVariable(StatusFlags.Overflow));

    private Value PackFlags()
    {
        Value direction = _b.ShiftLeft(_b.Get(CpuState.FlagDOffset, 64), 10);
        return _b.Or(_b.Or(PackStatus(), direction), _b.Get(CpuState.FlagsSystemOffset, 64));
    }

    private void UnpackStatus(Value image, bool withOverflow)
    {
        _b.SetFlagVariable(StatusFlags.Carry, _b.Mask(image, 1));
        _b.SetFlagVariable(StatusFlags.Parity, _b.Xor(_b.Mask(_b.ShiftRight(image, 2), 1), _b.Constant(1)));
        _b.SetFlagVariable(StatusFlags.Adjust, _b.Mask(image, 0x10));
        _b.SetFlagVariable(StatusFlags.Zero, _b.Xor(_b.Mask(image, 0x40), _b.Constant(0x40)));
        _b.SetFlagVariable(StatusFlags.Sign, _b.ShiftLeft(image, 56));
        if (withOverflow)
        {
            _b.SetFlagVariable(StatusFlags.Overflow, _b.Mask(_b.ShiftRight(image, 11), 1));
        }
    }

    /// <summary>POPF: what privilege allows to change (SDM vol. 2B, POPF) is kept ready in the state.</summary>
    private void UnpackFlags(Value image, int width)
    {
        UnpackStatus(image, true);
        _b.Set(CpuState.FlagDOffset, 64, _b.Mask(_b.ShiftRight(image, 10), 1));
        Value mask = _b.Get(SystemPlaces.PopfMask, 64);
        mask = width == 16 ? _b.Mask(mask, 0xffff) : mask;
        Value old = _b.Get(CpuState.FlagsSystemOffset, 64);
        _b.Set(CpuState.FlagsSystemOffset, 64, _b.Xor(old, _b.And(_b.Xor(old, image), mask)));
        _b.Call(Method(typeof(InterruptFlag), nameof(InterruptFlag.Loaded)), _b.Cpu());
    }
}
