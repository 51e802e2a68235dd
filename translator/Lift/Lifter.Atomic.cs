using Iced.Intel;
using Jitvmm.Runtime.Execution;
using Jitvmm.Runtime.Semantics;
using Jitvmm.Translator.Ir;

namespace Jitvmm.Translator.Lift;

/// <summary>XCHG, XADD, CMPXCHG and its wide forms.</summary>
public sealed partial class Lifter
{
    private bool TryAtomic()
    {
        switch (_i.Mnemonic)
        {
            case Mnemonic.Xchg:
                LiftExchange(_o.Width(0));
                return true;
            case Mnemonic.Xadd:
                LiftExchangeAdd(_o.Width(0));
                return true;
            case Mnemonic.Cmpxchg:
                LiftCompareExchange(_o.Width(0));
                return true;
            case Mnemonic.Cmpxchg8b or Mnemonic.Cmpxchg16b:
                LiftCompareExchangeWide(_i.Mnemonic == Mnemonic.Cmpxchg16b);
                return true;
            default:
                return false;
        }
    }

    private void LiftExchange(int width)
    {
        Value b = _o.Read(1);
        if (_o.IsMemory(0))
        {
            // XCHG with memory is atomic with or without LOCK (SDM vol. 2B, XCHG).
            Value old = _b.Call(Method(typeof(Atomics), $"Exchange{width}"), LockedPointer(width), b);
            _o.Write(1, old);
            return;
        }

        Value a = _o.Read(0);
        _o.Write(0, b);
        _o.Write(1, a);
    }

    private void LiftExchangeAdd(int width)
    {
        Value b = _o.Read(1);
        Value a = ReadModify(nameof(Atomics.FetchAdd8), width, b);
        Value sum = _b.Narrow(_b.Add(a, b), width);
        if (_o.IsMemory(0))
        {
            FinishModify(width, sum);
            _o.Write(1, a);
        }
        else
        {
            // The destination is written last: XADD of a register with itself doubles it.
            _o.Write(1, a);
            _o.Write(0, sum);
        }

        _b.SetAddFlags(a, b, sum, width);
    }

    private void LiftCompareExchange(int width)
    {
        Register accumulator = width switch { 8 => Register.AL, 16 => Register.AX, 32 => Register.EAX, _ => Register.RAX };
        Value expected = _o.ReadRegister(accumulator);
        Value replacement = _o.Read(1);
        Value old;
        if (IsAtomic)
        {
            old = _b.Call(Method(typeof(Atomics), $"CompareExchange{width}"), LockedPointer(width), replacement, expected);
        }
        else
        {
            old = _o.Read(0);
            Value equal = _b.Equal(old, expected);

            // The destination is written in both cases (SDM vol. 2A, CMPXCHG); a failing 32-bit compare still leaves its upper half.
            if (width == 32 && !_o.IsMemory(0))
            {
                StateRef register = _o.Register(0);
                _b.Set(register, 64, _b.Select(equal, _b.ZeroExtend(replacement), _b.Get(register, 64)));
            }
            else
            {
                _o.Write(0, _b.Select(equal, replacement, old));
            }
        }

        Value same = _b.Equal(old, expected);
        if (width == 32)
        {
            Value full = _b.Get(Operands.OffsetOf(Register.RAX), 64);
            _b.Set(Operands.OffsetOf(Register.RAX), 64, _b.Select(same, full, _b.ZeroExtend(old)));
        }
        else
        {
            _o.WriteRegister(accumulator, _b.Select(same, _o.ReadRegister(accumulator), old));
        }

        _b.SetSubtractFlags(expected, old, _b.Narrow(_b.Sub(expected, old), width), width);
    }

    private void LiftCompareExchangeWide(bool is16)
    {
        if (is16)
        {
            _b.RaiseIf(_b.IsNotZero(_b.Mask(_o.Address(), 15)), ExceptionVector.GeneralProtection);
        }

        Value pointer = _b.Pointer(_o.Address(), is16 ? 16 : 8, true);
        Value equal = _b.Call(Method(typeof(WideCompare), is16 ? nameof(WideCompare.Exchange16) : nameof(WideCompare.Exchange8)), _b.Cpu(), pointer);
        _b.SetFlagVariable(StatusFlags.Zero, _b.Xor(equal, _b.Constant32(1)));
    }
}
