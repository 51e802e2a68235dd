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
                LiftLeave();
                return true;
            case Mnemonic.Enter:
                LiftEnter();
                return true;
            case Mnemonic.Pushfq or Mnemonic.Pushfd or Mnemonic.Pushf:
                RaiseInVirtualMode();
                int pushed = _i.Mnemonic switch { Mnemonic.Pushf => 16, Mnemonic.Pushfd => 32, _ => 64 };
                Push(_b.Narrow(_b.And(PackFlags(), _b.Constant(~0x30000L)), pushed), pushed);
                return true;
            case Mnemonic.Popfq or Mnemonic.Popfd or Mnemonic.Popf:
                RaiseInVirtualMode();
                int popped = _i.Mnemonic switch { Mnemonic.Popf => 16, Mnemonic.Popfd => 32, _ => 64 };
                Value pointer = StackPointer();
                Value image = _b.Load(StackAddress(pointer), popped);
                SetStackPointer(_b.Add(pointer, _b.Constant(popped / 8)));
                UnpackFlags(_b.ZeroExtend(image), popped);
                return true;
            case Mnemonic.Pusha or Mnemonic.Pushad:
                CallStack(nameof(LegacyStack.PushAll), _i.Mnemonic == Mnemonic.Pusha ? 2 : 4);
                return true;
            case Mnemonic.Popa or Mnemonic.Popad:
                CallStack(nameof(LegacyStack.PopAll), _i.Mnemonic == Mnemonic.Popa ? 2 : 4);
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

    /// <summary>The top of the stack: RSP, or in legacy code an offset in SS of the stack's width.</summary>
    private Value StackPointer() => _o.IsLegacy
        ? _b.And(_b.Get(Operands.OffsetOf(Register.RSP), 64), _o.StackMask)
        : _o.ReadRegister(Register.RSP);

    private Value StackAddress(Value pointer) => _o.IsLegacy
        ? _o.LegacyAddress(_b.And(pointer, _o.StackMask), new StateRef(SystemPlaces.SegmentBase(Register.SS)))
        : pointer;

    /// <summary>A 16-bit stack pointer leaves the rest of the register alone.</summary>
    private void SetStackPointer(Value pointer)
    {
        if (_o.IsLegacy)
        {
            Value kept = _b.And(_b.Get(Operands.OffsetOf(Register.RSP), 64), _b.Not(_o.StackMask));
            pointer = _b.Or(kept, _b.And(pointer, _o.StackMask));
        }

        _o.WriteRegister(Register.RSP, pointer);
    }

    private void Push(Value value, int width)
    {
        Value pointer = _b.Sub(StackPointer(), _b.Constant(width / 8));
        _b.Store(StackAddress(pointer), width, value);
        SetStackPointer(pointer);
    }

    private bool TryPush()
    {
        int width = -_i.StackPointerIncrement * 8;
        if (_i.Op0Register.IsSegmentRegister())
        {
            Push(_b.Narrow(_b.Get(Operands.SelectorOffset(_i.Op0Register), 16), width), width);
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
        int width = _i.StackPointerIncrement * 8;
        Value pointer = StackPointer();
        Value value = _b.Load(StackAddress(pointer), width);
        Value next = _b.Add(pointer, _b.Constant(width / 8));
        if (_i.Op0Register.IsSegmentRegister())
        {
            LoadSegment(_b.Constant32(Operands.SelectorOffset(_i.Op0Register)), _b.Narrow(value, 16));
            SetStackPointer(next);
            return true;
        }

        if (_o.IsMemory(0))
        {
            // The destination's address uses the incremented RSP (SDM vol. 2B, POP), so the pointer check must precede the update.
            _b.Set(CpuState.ScratchOffset, 64, _o.ReadRegister(Register.RSP));
            SetStackPointer(next);
            Value address = _o.Address();
            _o.WriteRegister(Register.RSP, _b.Get(CpuState.ScratchOffset, 64));
            _b.Store(address, width, value);
            SetStackPointer(next);
            return true;
        }

        // POP RSP ends with the popped value.
        SetStackPointer(next);
        _o.WriteRegister(_o.Register(0), width, value);
        return true;
    }

    private void LiftLeave()
    {
        int slot = _i.Code switch { Code.Leavew => 16, Code.Leaved => 32, _ => 64 };
        Value frame = _o.ReadRegister(Register.RBP);
        Value saved = _b.Load(StackAddress(frame), slot);
        SetStackPointer(_b.Add(frame, _b.Constant(slot / 8)));
        _o.WriteRegister(slot switch { 16 => Register.BP, 32 => Register.EBP, _ => Register.RBP }, saved);
    }

    private void LiftEnter()
    {
        // Records hold both immediates in one field, the nesting level above the size.
        Value operands = _o.IsSymbolic
            ? _b.Field(OpField.Immediate, IrType.I64)
            : _b.Constant(_i.Immediate16 | (_i.Immediate8_2nd << 16));
        int size = _i.Code switch { Code.Enterw_imm16_imm8 => 2, Code.Enterd_imm16_imm8 => 4, _ => 8 };
        Type area = _o.IsLegacy ? typeof(LegacyStack) : typeof(StackSemantics);
        _b.Call(Method(area, nameof(StackSemantics.Enter)), _b.Cpu(), operands, _b.Constant32(size));
    }

    private void CallStack(string name, int bytes) => _b.Call(Method(typeof(LegacyStack), name), _b.Cpu(), _b.Constant32(bytes));

    /// <summary>In virtual-8086 mode PUSHF and POPF need an I/O privilege level of 3 (SDM vol. 3A, 20.2.7).</summary>
    private void RaiseInVirtualMode()
    {
        if (_o.IsLegacy)
        {
            CallOut(typeof(InterruptFlag), nameof(InterruptFlag.CheckVirtualMode));
        }
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
