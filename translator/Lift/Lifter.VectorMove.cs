using System.Runtime.Intrinsics;
using Iced.Intel;
using Jitvmm.Runtime.Semantics;
using Jitvmm.Translator.Ir;

namespace Jitvmm.Translator.Lift;

/// <summary>Moves between vector registers, memory and general registers.</summary>
public sealed partial class Lifter
{
    private bool TryVectorMove()
    {
        switch (_i.Mnemonic)
        {
            case Mnemonic.Movups or Mnemonic.Movupd or Mnemonic.Movdqu or Mnemonic.Lddqu
                or Mnemonic.Vmovups or Mnemonic.Vmovupd or Mnemonic.Vmovdqu or Mnemonic.Vlddqu:
                LiftWholeMove(false);
                return true;
            case Mnemonic.Movaps or Mnemonic.Movapd or Mnemonic.Movdqa or Mnemonic.Movntps or Mnemonic.Movntpd or Mnemonic.Movntdq or Mnemonic.Movntdqa
                or Mnemonic.Vmovaps or Mnemonic.Vmovapd or Mnemonic.Vmovdqa or Mnemonic.Vmovntps or Mnemonic.Vmovntpd or Mnemonic.Vmovntdq
                or Mnemonic.Vmovntdqa:
                LiftWholeMove(true);
                return true;
            case Mnemonic.Movd or Mnemonic.Vmovd:
                LiftScalarMove(32);
                return true;
            case Mnemonic.Movq or Mnemonic.Vmovq:
                LiftScalarMove(64);
                return true;
            case Mnemonic.Movss or Mnemonic.Vmovss:
                LiftFloatMove(32);
                return true;
            case Mnemonic.Movsd or Mnemonic.Vmovsd:
                LiftFloatMove(64);
                return true;
            case Mnemonic.Movlps or Mnemonic.Movlpd or Mnemonic.Vmovlps or Mnemonic.Vmovlpd:
                LiftHalfMove(false);
                return true;
            case Mnemonic.Movhps or Mnemonic.Movhpd or Mnemonic.Vmovhps or Mnemonic.Vmovhpd:
                LiftHalfMove(true);
                return true;
            case Mnemonic.Movlhps or Mnemonic.Vmovlhps:
                WriteVector(0, Qwords(nameof(PackedShuffle.UnpackLow), _o.Read(FirstSource, 128), _o.Read(_i.OpCount - 1, 128)));
                return true;
            case Mnemonic.Movhlps or Mnemonic.Vmovhlps:
                WriteVector(0, Qwords(nameof(PackedShuffle.UnpackHigh), _o.Read(_i.OpCount - 1, 128), _o.Read(FirstSource, 128)));
                return true;
            case Mnemonic.Movddup or Mnemonic.Vmovddup:
                WriteVector(0, _o.Width(0) == 128
                    ? Broadcast(ReadScalar(1, 64), 64, 128)
                    : CallVector(typeof(PackedShuffle), nameof(PackedShuffle.DuplicateEven), 256, typeof(ulong), ReadVector(1)));
                return true;
            case Mnemonic.Movmskps or Mnemonic.Vmovmskps:
                LiftSignBits(typeof(uint));
                return true;
            case Mnemonic.Movmskpd or Mnemonic.Vmovmskpd:
                LiftSignBits(typeof(ulong));
                return true;
            case Mnemonic.Pmovmskb or Mnemonic.Vpmovmskb:
                LiftSignBits(typeof(byte));
                return true;
            case Mnemonic.Vzeroupper or Mnemonic.Vzeroall:
                LiftZeroRegisters();
                return true;
            default:
                return TryBroadcast() || TryInsertExtract();
        }
    }

    private Value Qwords(string name, params ReadOnlySpan<Value> arguments) => CallVector(typeof(PackedShuffle), name, 128, typeof(ulong), arguments);

    private void LiftWholeMove(bool aligned)
    {
        int memory = _o.IsMemory(0) ? 0 : 1;
        int width = _o.Width(1 - memory);
        if (aligned && _o.IsMemory(memory))
        {
            RequireAlignment(width);
        }

        Value value = _o.Read(1, width);
        if (memory == 0)
        {
            _b.Store(_o.Address(), width, value);
        }
        else
        {
            WriteVector(0, value);
        }
    }

    private void LiftScalarMove(int width)
    {
        Value value = ReadScalar(1, width);
        if (_o.IsRegister(0) && _i.Op0Register.IsXMM())
        {
            WriteVector(0, FromScalar(value));
        }
        else
        {
            _o.Write(0, width, value);
        }
    }

    /// <summary>MOVSS and MOVSD: a load clears the rest of 128 bits, a move between registers keeps the first source's.</summary>
    private void LiftFloatMove(int width)
    {
        if (_o.IsMemory(0))
        {
            _o.Write(0, width, ReadScalar(1, width));
        }
        else if (_o.IsMemory(1))
        {
            WriteVector(0, FromScalar(ReadScalar(1, width)));
        }
        else
        {
            Type element = width == 32 ? typeof(uint) : typeof(ulong);
            Value low = _o.Read(_i.OpCount - 1, 128);
            WriteVector(0, CallVector(typeof(PackedSelect), nameof(PackedSelect.MergeLow), 128, element, _o.Read(FirstSource, 128), low));
        }
    }

    private void LiftHalfMove(bool high)
    {
        if (_o.IsMemory(0))
        {
            Value half = high
                ? CallVector(typeof(PackedSelect), nameof(PackedSelect.HighQword), 128, typeof(ulong), _o.Read(1, 128))
                : ReadScalar(1, 64);
            _o.Write(0, 64, half);
            return;
        }

        Value loaded = FromScalar(ReadScalar(_i.OpCount - 1, 64));
        Value kept = _o.Read(FirstSource, 128);
        WriteVector(0, high
            ? Qwords(nameof(PackedShuffle.UnpackLow), kept, loaded)
            : CallVector(typeof(PackedSelect), nameof(PackedSelect.MergeLow), 128, typeof(ulong), kept, loaded));
    }

    private void LiftSignBits(Type element)
    {
        int width = _o.Width(1);
        Value bits = CallVector(typeof(Vector128), nameof(Vector128.ExtractMostSignificantBits), width, element, _o.Read(1, width));
        _o.Write(0, _b.Narrow(bits, _o.Width(0)));
    }

    private void LiftZeroRegisters()
    {
        Value zero = FromScalar(_b.Constant(0));
        for (Register register = Register.YMM0; register <= Register.YMM15; register++)
        {
            int offset = Operands.OffsetOf(register);
            if (_i.Mnemonic == Mnemonic.Vzeroall)
            {
                _b.Set(offset, 256, ClearAbove(zero));
            }
            else if (_o.IsSymbolic)
            {
                _b.Set(offset + 16, 128, zero);
            }
            else
            {
                _b.Set(offset, 256, ClearAbove(_b.Get(offset, 128)));
            }
        }
    }

    private bool TryBroadcast()
    {
        int element;
        switch (_i.Mnemonic)
        {
            case Mnemonic.Vpbroadcastb:
                element = 8;
                break;
            case Mnemonic.Vpbroadcastw:
                element = 16;
                break;
            case Mnemonic.Vpbroadcastd or Mnemonic.Vbroadcastss:
                element = 32;
                break;
            case Mnemonic.Vpbroadcastq or Mnemonic.Vbroadcastsd:
                element = 64;
                break;
            case Mnemonic.Vbroadcastf128 or Mnemonic.Vbroadcasti128:
                WriteVector(0, _b.Call(Method(typeof(PackedShuffle), nameof(PackedShuffle.Twice)), ReadVector(1)));
                return true;
            default:
                return false;
        }

        WriteVector(0, Broadcast(ReadScalar(1, element), element, _o.Width(0)));
        return true;
    }

    /// <summary>Every element of a vector of <paramref name="width"/> bits is the integer.</summary>
    private Value Broadcast(Value value, int element, int width)
    {
        Type type = element switch { 8 => typeof(byte), 16 => typeof(ushort), 32 => typeof(uint), _ => typeof(ulong) };
        Type vector = width == 256 ? typeof(Vector256) : typeof(Vector128);
        return _b.Call(vector.GetMethod(nameof(Vector128.Create), [type])!, value);
    }

    private bool TryInsertExtract()
    {
        switch (_i.Mnemonic)
        {
            case Mnemonic.Pinsrb or Mnemonic.Vpinsrb:
                LiftInsert(8);
                return true;
            case Mnemonic.Pinsrw or Mnemonic.Vpinsrw:
                LiftInsert(16);
                return true;
            case Mnemonic.Pinsrd or Mnemonic.Vpinsrd:
                LiftInsert(32);
                return true;
            case Mnemonic.Pinsrq or Mnemonic.Vpinsrq:
                LiftInsert(64);
                return true;
            case Mnemonic.Insertps or Mnemonic.Vinsertps:
                LiftInsertSingle();
                return true;
            case Mnemonic.Pextrb or Mnemonic.Vpextrb:
                LiftExtract(nameof(PackedSelect.Extract8));
                return true;
            case Mnemonic.Pextrw or Mnemonic.Vpextrw:
                LiftExtract(nameof(PackedSelect.Extract16));
                return true;
            case Mnemonic.Pextrd or Mnemonic.Vpextrd or Mnemonic.Extractps or Mnemonic.Vextractps:
                LiftExtract(nameof(PackedSelect.Extract32));
                return true;
            case Mnemonic.Pextrq or Mnemonic.Vpextrq:
                LiftExtract(nameof(PackedSelect.Extract64));
                return true;
            case Mnemonic.Vinsertf128 or Mnemonic.Vinserti128:
                Value half = ReadVector(2);
                WriteVector(0, _b.Call(Method(typeof(PackedSelect), nameof(PackedSelect.InsertHalf)), _o.Read(1, 256), half, Control));
                return true;
            case Mnemonic.Vextractf128 or Mnemonic.Vextracti128:
                Value extracted = _b.Call(Method(typeof(PackedSelect), nameof(PackedSelect.ExtractHalf)), _o.Read(1, 256), Control);
                if (_o.IsMemory(0))
                {
                    _b.Store(_o.Address(), 128, extracted);
                }
                else
                {
                    WriteVector(0, extracted);
                }

                return true;
            default:
                return false;
        }
    }

    /// <summary>The immediate that ends the operands.</summary>
    private Value Control => _o.Immediate(_i.OpCount - 1, 32);

    private void LiftInsert(int element)
    {
        Value value = _o.Read(_i.OpCount - 2, element);
        WriteVector(0, _b.Call(Method(typeof(PackedSelect), $"Insert{element}"), _o.Read(FirstSource, 128), value, Control));
    }

    private void LiftInsertSingle()
    {
        int source = _i.OpCount - 2;
        Value value = _o.IsMemory(source)
            ? _o.Read(source, 32)
            : _b.Call(Method(typeof(PackedSelect), nameof(PackedSelect.Extract32)), _o.Read(source, 128), _b.ShiftRight(Control, 6));
        WriteVector(0, _b.Call(Method(typeof(PackedSelect), nameof(PackedSelect.InsertAndClear)), _o.Read(FirstSource, 128), value, Control));
    }

    private void LiftExtract(string name)
    {
        Value value = _b.Call(Method(typeof(PackedSelect), name), _o.Read(1, 128), Control);
        _o.Write(0, _b.Narrow(value, _o.Width(0)));
    }
}
