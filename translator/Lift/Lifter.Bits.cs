using Iced.Intel;
using Jitvmm.Runtime.Semantics;
using Jitvmm.Translator.Ir;

namespace Jitvmm.Translator.Lift;

/// <summary>Bit tests, scans and counts, BMI1, BMI2's PDEP, PEXT and BZHI, CRC32.</summary>
public sealed partial class Lifter
{
    private bool TryBits()
    {
        int width = _i.OpCount == 0 ? 0 : _o.Width(0);
        switch (_i.Mnemonic)
        {
            case Mnemonic.Bt or Mnemonic.Bts or Mnemonic.Btr or Mnemonic.Btc:
                LiftBitTest(width);
                return true;
            case Mnemonic.Bsf or Mnemonic.Bsr:
                LiftBitScan(width);
                return true;
            case Mnemonic.Tzcnt or Mnemonic.Lzcnt:
                LiftZeroCount(width);
                return true;
            case Mnemonic.Popcnt:
                Value counted = _o.Read(1);
                _o.Write(0, _b.Narrow(CallSized("PopCount", counted, width), width));
                _b.SetLogicFlags(counted, width);
                _b.SetFlagVariable(StatusFlags.Sign, _b.Constant(0));
                _b.SetFlagVariable(StatusFlags.Parity, _b.Constant(1));
                return true;
            case Mnemonic.Andn:
                Value cleared = _b.And(_b.Not(_o.Read(1)), _o.Read(2));
                _o.Write(0, cleared);
                _b.SetLogicFlags(cleared, width);
                return true;
            case Mnemonic.Blsr or Mnemonic.Blsmsk or Mnemonic.Blsi:
                LiftLowestBit(width);
                return true;
            case Mnemonic.Bextr:
                Value field = _b.Call(Method(typeof(BitSemantics), $"ExtractField{width}"), _o.Read(1), _o.Read(2));
                _o.Write(0, field);
                _b.SetLogicFlags(field, width);
                return true;
            case Mnemonic.Bzhi:
                Value index = _o.Read(2);
                Value low = _b.Call(Method(typeof(BitSemantics), $"ClearFrom{width}"), _o.Read(1), index);
                _o.Write(0, low);
                _b.SetLogicFlags(low, width);
                _b.SetFlagVariable(StatusFlags.Carry, _b.LessUnsigned(_b.Constant32(width - 1), _b.Mask(_b.Truncate(index), 0xff)));
                return true;
            case Mnemonic.Pdep or Mnemonic.Pext:
                Value source = _o.Read(1);
                _o.Write(0, _b.Call(Method(typeof(BitSemantics), (_i.Mnemonic == Mnemonic.Pdep ? "Deposit" : "Extract") + width), source, _o.Read(2)));
                return true;
            case Mnemonic.Crc32:
                Value crc = _b.Truncate(_o.Read(0));
                _o.Write(0, _b.Narrow(_b.Call(Method(typeof(BitSemantics), $"Crc{_o.Width(1)}"), crc, _o.Read(1)), width));
                return true;
            default:
                return false;
        }
    }

    private Value CallSized(string name, Value value, int width) => _b.Call(Method(typeof(BitSemantics), name + (width == 64 ? "64" : "32")), value);

    private void LiftBitTest(int width)
    {
        bool fromRegister = _o.IsRegister(1);
        Value index = fromRegister ? _o.Read(1) : _b.Narrow(_b.Mask(_o.Immediate(1, 32), 0xff), width);
        Value within = _b.Mask(_b.Truncate(index), width - 1);
        Value bit = _b.ShiftLeft(_b.Constant(1, IrBuilder.TypeOf(width)), within);
        if (!_o.IsMemory(0))
        {
            Value a = _o.Read(0);
            Value carry = TestBit(a, within);
            if (_i.Mnemonic != Mnemonic.Bt)
            {
                _o.Write(0, ChangeBit(a, bit, width));
            }

            _b.SetFlagVariable(StatusFlags.Carry, carry);
            return;
        }

        // A register index reaches beyond the operand: it addresses a bit string (SDM vol. 2A, BT).
        Value address;
        if (!fromRegister)
        {
            address = _o.Address();
        }
        else
        {
            Value element = _b.ShiftRightSigned(_b.SignExtendFrom(index, width), System.Numerics.BitOperations.Log2((uint)width));
            address = _o.AddressAt(_b.ShiftLeft(element, System.Numerics.BitOperations.Log2((uint)width / 8)));
        }

        Value old;
        if (_i.HasLockPrefix)
        {
            (string name, Value operand) = _i.Mnemonic switch
            {
                Mnemonic.Bts => ("FetchOr", bit),
                Mnemonic.Btr => ("FetchAnd", _b.Not(bit)),
                _ => ("FetchXor", bit),
            };
            old = _b.Call(Method(typeof(Atomics), name + width), _b.Pointer(address, width / 8, true), operand);
        }
        else
        {
            old = _b.Load(address, width);
            if (_i.Mnemonic != Mnemonic.Bt)
            {
                _b.Store(address, width, ChangeBit(old, bit, width));
            }
        }

        _b.SetFlagVariable(StatusFlags.Carry, TestBit(old, within));
    }

    private Value TestBit(Value value, Value index) => _b.Mask(_b.ShiftRight(value, index), 1);

    private Value ChangeBit(Value value, Value bit, int width) => _i.Mnemonic switch
    {
        Mnemonic.Bts => _b.Or(value, bit),
        Mnemonic.Btr => _b.Narrow(_b.And(value, _b.Not(bit)), width),
        _ => _b.Xor(value, bit),
    };

    private void LiftBitScan(int width)
    {
        Value source = _o.Read(1);
        bool forward = _i.Mnemonic == Mnemonic.Bsf;
        Value found = forward
            ? CallSized("TrailingZeros", source, width)
            : _b.Sub(_b.Constant(width == 64 ? 63 : 31, IrBuilder.TypeOf(width)), CallSized("LeadingZeros", source, width));
        Value zero = _b.IsZero(source);

        // A source of 0 leaves the destination as it was, on every processor that has shipped; 32-bit forms too leave all 64 bits.
        if (width == 32)
        {
            StateRef register = _o.Register(0);
            _b.Set(register, 64, _b.Select(zero, _b.Get(register, 64), _b.ZeroExtend(found)));
        }
        else
        {
            _o.Write(0, _b.Select(zero, _o.Read(0), found));
        }

        // Only ZF is defined; the rest is what this family of hosts leaves.
        _b.SetFlagVariable(StatusFlags.Zero, _b.Select(zero, _b.Constant(0), _b.Constant(1)));
    }

    private void LiftZeroCount(int width)
    {
        Value source = _o.Read(1);
        Value count;
        if (_i.Mnemonic == Mnemonic.Tzcnt)
        {
            Value bounded = width == 16 ? _b.Or(source, _b.Constant32(0x10000)) : source;
            count = CallSized("TrailingZeros", bounded, width);
        }
        else
        {
            count = CallSized("LeadingZeros", source, width);
            count = width == 16 ? _b.Sub(count, _b.Constant32(16)) : count;
        }

        _o.Write(0, count);
        _b.SetFlagVariable(StatusFlags.Zero, count);
        _b.SetFlagVariable(StatusFlags.Carry, _b.IsZero(source));
    }

    private void LiftLowestBit(int width)
    {
        Value a = _o.Read(1);
        Value one = _b.Constant(1, a.Type);
        Value zero = _b.IsZero(a);
        (Value result, Value carry) = _i.Mnemonic switch
        {
            Mnemonic.Blsr => (_b.And(a, _b.Sub(a, one)), zero),
            Mnemonic.Blsmsk => (_b.Xor(a, _b.Sub(a, one)), zero),
            _ => (_b.And(a, _b.Negate(a)), _b.IsNotZero(a)),
        };
        _o.Write(0, result);
        _b.SetLogicFlags(result, width);
        _b.SetFlagVariable(StatusFlags.Carry, carry);
    }
}
