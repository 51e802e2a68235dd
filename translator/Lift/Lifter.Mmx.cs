using System.Runtime.Intrinsics;
using Iced.Intel;
using Jitvmm.Runtime.Cpu;
using Jitvmm.Runtime.Execution;
using Jitvmm.Runtime.Semantics;
using Jitvmm.Translator.Ir;

namespace Jitvmm.Translator.Lift;

/// <summary>
/// The instructions on MMX registers: the 128-bit operations on vectors whose upper half is 0. Every one but
/// EMMS makes the x87 unit's registers valid and its TOP 0, and reports a pending x87 exception first
/// (SDM vol. 3A, 12.2 and 12.4).
/// </summary>
public sealed partial class Lifter
{
    private bool UsesMmx => _i.Mnemonic == Mnemonic.Emms || _i.Op0Register.IsMM() || _i.Op1Register.IsMM() || _i.Op2Register.IsMM();

    private bool TryMmx()
    {
        PackedOperation operation = MmxOperationOf(_i.Mnemonic);
        if (operation.Owner is not null)
        {
            LiftMmxBinary(operation);
            return true;
        }

        operation = PackedUnaryOf(_i.Mnemonic);
        if (operation.Owner is not null)
        {
            BeginMmx();
            WriteMmx(0, CallVector(operation.Owner, operation.Name, 128, operation.Element, ReadMmxVector(1)));
            return true;
        }

        if (PackedShiftOf(_i.Mnemonic) is (var name, { } element))
        {
            BeginMmx();
            Value count = FromScalar(HasImmediate ? _b.ZeroExtend(Control) : _o.Read(1, 64));
            WriteMmx(0, CallVector(typeof(PackedShift), name, 128, element, ReadMmxVector(0), count));
            return true;
        }

        return TryMmxMove() || TryMmxControl();
    }

    private static PackedOperation MmxOperationOf(Mnemonic mnemonic)
    {
        PackedOperation operation = PackedArithmeticOf(mnemonic);
        operation = operation.Owner is null ? PackedLogicOf(mnemonic) : operation;
        operation = operation.Owner is null ? PackedProductOf(mnemonic) : operation;
        return operation.Owner is null ? PackedShuffleOf(mnemonic) : operation;
    }

    private void LiftMmxBinary(PackedOperation operation)
    {
        BeginMmx();
        Value second = ReadMmxVector(1);
        Value first = ReadMmxVector(0);
        if (_i.Mnemonic == Mnemonic.Pshufb)
        {
            // Three bits of index, not four.
            second = CallVector(typeof(Vector128), nameof(Vector128.BitwiseAnd), 128, typeof(byte), second, Broadcast(_b.Constant32(0x87), 8, 128));
        }

        if (operation.Shape == MmxShape.Concatenated)
        {
            first = Qwords(nameof(PackedShuffle.UnpackLow), first, second);
            second = first;
        }

        (first, second) = operation.Swapped ? (second, first) : (first, second);
        bool upper = operation.Shape == MmxShape.UpperHalf;
        string name = upper ? nameof(PackedShuffle.UnpackLow) : operation.Name;
        Value result = CallVector(operation.Owner, name, 128, operation.Element, first, second);
        WriteMmx(0, upper ? Qwords(nameof(PackedShuffle.UnpackHigh), result, result) : result);
    }

    private bool TryMmxMove()
    {
        switch (_i.Mnemonic)
        {
            case Mnemonic.Emms:
                _b.RaiseIf(PendingX87, ExceptionVector.X87FloatingPoint);
                _b.Call(Method(typeof(X87), nameof(X87.Emms)), _b.Cpu());
                return true;
            case Mnemonic.Movd or Mnemonic.Movq or Mnemonic.Movntq or Mnemonic.Movdq2q:
                LiftMmxMove(_i.Mnemonic == Mnemonic.Movd ? 32 : 64);
                return true;
            case Mnemonic.Movq2dq:
                BeginMmx();
                Value low = _o.Read(1, 64);
                EnterMmx();
                WriteVector(0, FromScalar(low));
                return true;
            case Mnemonic.Maskmovq:
                BeginMmx();

                // Alone among these, it has changed the x87 unit when its memory operand faults.
                EnterMmx();
                StoreMaskedBytes(ReadMmxVector(2), ReadMmxVector(1), 8);
                return true;
            case Mnemonic.Pmovmskb:
                BeginMmx();
                Value bits = CallVector(typeof(Vector128), nameof(Vector128.ExtractMostSignificantBits), 128, typeof(byte), ReadMmxVector(1));
                EnterMmx();
                _o.Write(0, _b.Narrow(bits, _o.Width(0)));
                return true;
            default:
                return false;
        }
    }

    private void LiftMmxMove(int width)
    {
        BeginMmx();
        Value value = _o.Read(1, width);
        if (_o.IsRegister(0) && _i.Op0Register.IsMM())
        {
            WriteMmx(0, FromScalar(value));
            return;
        }

        _o.Write(0, width, value);
        EnterMmx();
    }

    /// <summary>The forms with an immediate.</summary>
    private bool TryMmxControl()
    {
        switch (_i.Mnemonic)
        {
            case Mnemonic.Pshufw:
                BeginMmx();
                WriteMmx(0, CallVector(typeof(PackedShuffle), nameof(PackedShuffle.LowWords), 128, typeof(byte), ReadMmxVector(1), Control));
                return true;
            case Mnemonic.Palignr:
                BeginMmx();
                Value pair = Qwords(nameof(PackedShuffle.UnpackLow), ReadMmxVector(1), ReadMmxVector(0));
                WriteMmx(0, CallVector(typeof(PackedShuffle), nameof(PackedShuffle.SlideDown), 128, typeof(byte), pair, Control));
                return true;
            case Mnemonic.Pinsrw:
                BeginMmx();
                Value word = _o.Read(1, 16);
                WriteMmx(0, _b.Call(Method(typeof(PackedSelect), nameof(PackedSelect.Insert16)), ReadMmxVector(0), word, _b.Mask(Control, 3)));
                return true;
            case Mnemonic.Pextrw:
                BeginMmx();
                Value extracted = _b.Call(Method(typeof(PackedSelect), nameof(PackedSelect.Extract16)), ReadMmxVector(1), _b.Mask(Control, 3));
                EnterMmx();
                _o.Write(0, _b.Narrow(extracted, _o.Width(0)));
                return true;
            default:
                return false;
        }
    }

    /// <summary>Bit 7 of the x87 status word: an unmasked exception waits to be reported.</summary>
    private Value PendingX87 => _b.Mask(_b.Get(CpuState.X87Offset + X87State.StatusWordOffset, 16), 0x80);

    /// <summary>What comes before everything else in an instruction on MMX registers.</summary>
    private void BeginMmx() => _b.RaiseIf(PendingX87, ExceptionVector.X87FloatingPoint);

    /// <summary>What an instruction on MMX registers does to the x87 unit; after everything that can fault.</summary>
    private void EnterMmx()
    {
        _b.Set(CpuState.X87Offset + X87State.TopOffset, 32, _b.Constant32(0));
        _b.Set(CpuState.X87Offset + X87State.ValidMaskOffset, 8, _b.Constant32(0xff));
    }

    /// <summary>An MMX register, or a memory operand of its own width, as a V128 that is 0 above.</summary>
    private Value ReadMmxVector(int operand) => FromScalar(_o.Read(operand, _o.Width(operand)));

    /// <summary>Writes the low half of a V128; the register's sign and exponent become all ones (SDM vol. 1, 9.2.1).</summary>
    private void WriteMmx(int operand, Value value)
    {
        EnterMmx();
        _b.Set(_o.Register(operand), 128, Qwords(nameof(PackedShuffle.UnpackLow), value, FromScalar(_b.Constant(0xffff))));
    }
}
